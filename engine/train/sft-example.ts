// One tokenised example: a prompt and the answer that is learnt or scored. Used by data readers, batches and methods.

export interface SftExample {
  readonly id: string;
  readonly ids: readonly number[];
  /** Where the answer begins, at least 1: the loss counts ids[answerStart ..]. */
  readonly answerStart: number;
}

/** An example with a weight of its own. */
export interface WeightedExample extends SftExample {
  /** How much its loss counts; 1 where left out. One of 0 keeps its place in the order of data and is not run. */
  readonly weight?: number;
  /**
   * What it counts in the mean's denominator; its weight where left out. A retraining without some examples gives them
   * the weight 0 and leaves this as it was, so that the loss stays linear in the weights (the leave-out convention of
   * datamodels, arxiv.org/abs/2202.00622).
   */
  readonly countedAs?: number;
}

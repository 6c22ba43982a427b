// One tokenised example: a prompt and the answer that is learnt or scored. Used by data readers, batches and methods.

export interface SftExample {
  readonly id: string;
  readonly ids: readonly number[];
  /** Where the answer begins, at least 1: the loss counts ids[answerStart ..]. */
  readonly answerStart: number;
}

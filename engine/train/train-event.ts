// What a training child tells its parent: one JSON object a line on standard output. Used by the runs, their
// entries and whoever starts them. Losses are mean nats per token, or the mean of the method's own loss.

/** Why a run ended: all updates done, held-out loss no longer falling, or its time was up. */
export type TrainingEnd = 'steps' | 'early' | 'minutes';

export type TrainEvent =
  | {
      readonly type: 'start';
      readonly parameters: number;
      readonly trained: number;
      readonly step: number;
      readonly steps: number;
    }
  /** Something people should know before or during the run: skipped rows, a checkpoint of another run. */
  | { readonly type: 'note'; readonly text: string }
  /** Reference log-probabilities are computed, before the first update. */
  | { readonly type: 'reference'; readonly done: number; readonly total: number }
  | {
      readonly type: 'progress';
      readonly step: number;
      readonly steps: number;
      readonly tokens: number;
      readonly tokensPerSecond: number;
      readonly loss: number;
      readonly gradientNorm: number;
      readonly learningRate: number;
      readonly etaSeconds: number;
      /** Of the last evaluation. */
      readonly heldOutLoss?: number;
      /** What the method measures beside its loss: rewards/margin, rewards/accuracy, kl. */
      readonly metrics?: Readonly<Record<string, number>>;
    }
  | { readonly type: 'eval'; readonly step: number; readonly losses: Readonly<Record<string, number>> }
  | { readonly type: 'checkpoint'; readonly step: number; readonly path: string }
  | {
      readonly type: 'done';
      readonly step: number;
      readonly folder: string;
      readonly finalLoss: number;
      readonly tokens: number;
      readonly endedBy?: TrainingEnd;
      /** Of the weights that were kept, where something is held out. */
      readonly heldOutLoss?: number;
      readonly metrics?: Readonly<Record<string, number>>;
    }
  /** Stopped on request; a checkpoint was written and the same command goes on from it. */
  | { readonly type: 'stopped'; readonly step: number }
  | { readonly type: 'error'; readonly code: string; readonly message: string };

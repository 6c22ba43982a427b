// What a training child tells its parent: one JSON object a line on standard output. Used by the runs, their
// entries and whoever starts them. Losses are mean nats per token.

export type TrainEvent =
  | {
      readonly type: 'start';
      readonly parameters: number;
      readonly trained: number;
      readonly step: number;
      readonly steps: number;
    }
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
    }
  | { readonly type: 'eval'; readonly step: number; readonly losses: Readonly<Record<string, number>> }
  | { readonly type: 'checkpoint'; readonly step: number; readonly path: string }
  | {
      readonly type: 'done';
      readonly step: number;
      readonly folder: string;
      readonly finalLoss: number;
      readonly tokens: number;
    }
  /** Stopped on request; a checkpoint was written and the same command goes on from it. */
  | { readonly type: 'stopped'; readonly step: number }
  | { readonly type: 'error'; readonly code: string; readonly message: string };

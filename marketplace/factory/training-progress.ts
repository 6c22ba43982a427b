// How far a training run is, as it is stored with the run and shown to people. Written by progress-reporter.ts, read by
// the views of trainings and by datanets/read-datanet.ts.
import type { TrainingRun } from '../../db/schema.ts';
import type { TrainMethod } from '../../engine/engine.ts';

export interface RunProgress {
  readonly phase: TrainMethod;
  readonly step: number;
  readonly steps: number;
  readonly loss: number;
  /** The last one looked at; null where there is none. */
  readonly heldOutLoss: number | null;
  readonly tokensPerSecond: number;
  readonly etaMs: number;
}

export function progressOf({ progress }: Pick<TrainingRun, 'progress'>): RunProgress {
  const number = (value: unknown) => (typeof value === 'number' && Number.isFinite(value) ? value : 0);
  const { phase, step, steps, loss, heldOutLoss, tokensPerSecond, etaMs } = progress;
  return {
    phase: phase === 'dpo' || phase === 'kto' || phase === 'orpo' ? phase : 'sft',
    step: number(step),
    steps: number(steps),
    loss: number(loss),
    heldOutLoss: typeof heldOutLoss === 'number' ? heldOutLoss : null,
    tokensPerSecond: number(tokensPerSecond),
    etaMs: number(etaMs),
  };
}

// How far a training run is, as it is stored with the run and shown to people. Used by train-version.ts (writes) and
// datanets/read-datanet.ts (reads). The finished training is kept here too, so that an evaluation that was interrupted
// does not train again.
import type { JsonObject, TrainingRun } from '../../db/schema.ts';

export interface RunProgress {
  readonly step: number;
  readonly steps: number;
  readonly loss: number;
  readonly etaMs: number;
}

export interface FinishedTraining {
  readonly recipe: JsonObject;
  readonly finalLoss: number;
  readonly trainedTokens: number;
}

export function progressOf({ progress }: Pick<TrainingRun, 'progress'>): RunProgress {
  const number = (value: unknown) => (typeof value === 'number' && Number.isFinite(value) ? value : 0);
  const { step, steps, loss, etaMs } = progress;
  return { step: number(step), steps: number(steps), loss: number(loss), etaMs: number(etaMs) };
}

/** What the run's training gave, when it had finished before the program was stopped. */
export function finishedTraining({ progress }: Pick<TrainingRun, 'progress'>): FinishedTraining | null {
  return (progress.trained as FinishedTraining | undefined) ?? null;
}

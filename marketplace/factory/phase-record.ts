// What became of each phase of a training run: the method, how much it was given, and whether its adapter was kept.
// Stored with the run (so that a restart trains no phase twice) and with the model version (so that provenance can tell).
// Outcomes: trained (not judged yet) → kept | dropped; left_out has never run. Used by train-phases.ts, end-run.ts and the
// views of trainings, and of provenance. Knows no engine beyond its methods' names.
import type { Database } from '../../db/database.ts';
import type { JsonObject, ModelVersion, TrainingRun } from '../../db/schema.ts';
import type { TrainMethod } from '../../engine/engine.ts';

export interface PhaseData {
  /** Contributions; corrections beside the answers they correct; votes up and down. */
  readonly examples?: number;
  readonly pairs?: number;
  readonly up?: number;
  readonly down?: number;
  /** Whose they are. */
  readonly people: number;
}

export interface PhaseRecord {
  readonly method: TrainMethod;
  readonly outcome: 'trained' | 'kept' | 'dropped' | 'left_out';
  /** One sentence with figures. */
  readonly reason: string;
  readonly data: PhaseData;
  readonly trained?: FinishedTraining;
}

export interface FinishedTraining {
  readonly recipe: JsonObject;
  readonly finalLoss: number;
  readonly trainedTokens: number;
}

export function phasesOf({ phases }: Pick<TrainingRun, 'phases'>): readonly PhaseRecord[] {
  return phases as unknown as readonly PhaseRecord[];
}

/** What a version learnt from: the phases whose adapters were kept, with the number of rows of each, in their order. */
export function learntFrom(
  { recipe }: Pick<ModelVersion, 'recipe'>,
  contributions: number,
): readonly { readonly method: TrainMethod; readonly count: number }[] {
  const phases = recipe.phases as unknown as readonly PhaseRecord[] | undefined;
  // Shipped versions keep no phases: they were made of their datanet version alone.
  if (phases === undefined) return [{ method: 'sft', count: contributions }];
  return phases
    .filter(({ outcome }) => outcome === 'kept')
    .map(({ method, data: { examples = 0, pairs = 0, up = 0, down = 0 } }) => ({
      method,
      count: examples + pairs + up + down,
    }));
}

export async function savePhases(db: Database, runId: string, phases: readonly PhaseRecord[]): Promise<void> {
  const stored = phases.map((phase) => ({ ...phase }) as JsonObject);
  await db.updateTable('trainingRun').set({ phases: stored }).where('id', '=', runId).execute();
}

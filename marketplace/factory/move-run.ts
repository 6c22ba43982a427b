// Moves a run on while it is being worked on, and notices when somebody cancelled it meanwhile. Used by train-phases.ts and
// train-version.ts.
import { transact } from '../../db/database.ts';
import { getTrainingRun, transitionTrainingRun } from '../../db/repositories/training-run-repository.ts';
import type { TrainingRun } from '../../db/schema.ts';
import type { MarketplaceContext } from '../marketplace-context.ts';
import { waitForDatabase } from '../wait-for-database.ts';

export const ACTIVE_STATES = ['queued', 'running', 'evaluating'] as const;

/** The run has ended by another hand: there is nothing to do and nothing to tell. */
export class RunEnded extends Error {
  override readonly name = 'RunEnded';
}

/** @throws RunEnded when the run is over, cancelled for instance */
export async function moveRun(
  market: MarketplaceContext,
  id: string,
  to: TrainingRun['state'],
  cause: string,
): Promise<void> {
  await waitForDatabase(market, () =>
    transact(market.db, async (tx) => {
      const run = await getTrainingRun(tx, id);
      if (run?.state === to) return;
      const moved = await transitionTrainingRun(tx, { id, from: ACTIVE_STATES, to, cause });
      if (!moved.ok) throw new RunEnded(`run ${id} is over: ${run?.state ?? 'not found'}`);
    }),
  );
}

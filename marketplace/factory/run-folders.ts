// Clears away what a run left on disk that will never be used: adapters and checkpoints of a run that failed or was
// cancelled. Used by train-version.ts and cancel-training.ts.
import { rm } from 'node:fs/promises';
import type { TrainingRun } from '../../db/schema.ts';
import type { MarketplaceContext } from '../marketplace-context.ts';
import { phaseFolder } from './run-plan.ts';

export async function removeRunFolders(
  { dataDir }: Pick<MarketplaceContext, 'dataDir'>,
  run: Pick<TrainingRun, 'id'>,
): Promise<void> {
  for (const method of ['sft', 'dpo', 'kto'] as const) {
    await rm(phaseFolder(dataDir, run, method).adapter.dir, { recursive: true, force: true });
  }
}

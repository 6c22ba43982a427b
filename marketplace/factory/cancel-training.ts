// Cancels a training: the row first, in one transaction with its news, then the work of this process. Used by
// create-marketplace.ts. What was contributed stays accepted and goes into the next version; no money is involved.
// Refusals in order: no such run, not the owner's or an operator's, over already.
import { transact } from '../../db/database.ts';
import { getDatanet } from '../../db/repositories/datanet-repository.ts';
import { getModel } from '../../db/repositories/model-repository.ts';
import { getPerson } from '../../db/repositories/person-repository.ts';
import { getTrainingRun, transitionTrainingRun } from '../../db/repositories/training-run-repository.ts';
import type { Person } from '../marketplace.ts';
import type { MarketplaceContext } from '../marketplace-context.ts';
import type { CancelResult } from '../training-views.ts';
import { leaveTraining } from './leave-training.ts';
import { mayCancel } from './may-cancel.ts';
import { ACTIVE_STATES } from './move-run.ts';
import { removeRunFolders } from './run-folders.ts';
import { newsOfRun } from './run-news.ts';

export async function cancelTraining(
  market: MarketplaceContext,
  { person, runId }: { readonly person: Person; readonly runId: string },
): Promise<CancelResult> {
  const { db } = market;
  const run = await getTrainingRun(db, runId);
  const model = run === undefined ? undefined : await getModel(db, run.modelId);
  const datanet = model === undefined ? undefined : await getDatanet(db, model.datanetId);
  if (run === undefined || model === undefined || datanet === undefined)
    return { ok: false, code: 'not_found' };
  if (!(await mayCancel(market, datanet, person.id))) {
    const owner = await getPerson(db, datanet.ownerId);
    return { ok: false, code: 'not_allowed', ownerPseudonym: owner?.pseudonym ?? '' };
  }
  const result = await transact(db, async (tx): Promise<CancelResult> => {
    const cause = `cancelled by ${person.pseudonym}`;
    const from = ACTIVE_STATES;
    const cancelled = await transitionTrainingRun(tx, {
      id: runId,
      from,
      to: 'cancelled',
      cause,
      error: cause,
    });
    if (!cancelled.ok) {
      const now = await getTrainingRun(tx, runId);
      return now === undefined
        ? { ok: false, code: 'not_found' }
        : { ok: false, code: 'already_ended', state: now.state };
    }
    await tx.updateTable('trainingRun').set({ cancelledBy: person.id }).where('id', '=', runId).execute();
    await leaveTraining(tx, datanet.id, model.id, cause);
    const text = `The training of ${model.title} was cancelled by ${person.pseudonym}; the version before it goes on answering. The contributions stay accepted and go into the next training, which starts with the next accepted contributions.`;
    await newsOfRun(tx, runId, { kind: 'training_cancelled', datanetTitle: datanet.title, text });
    return { ok: true, modelTitle: model.title };
  });
  // Being worked on here, its worker clears away what it made when it has stopped.
  if (result.ok && !market.trainings.cancel(runId)) await removeRunFolders(market, run);
  return result;
}

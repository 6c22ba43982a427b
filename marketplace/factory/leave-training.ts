// What a datanet is after a training run of it ended, in the transaction that ends the run: published while some model
// version answers, collecting while none has ever been. Used wherever a run ends.
import type { Tx } from '../../db/database.ts';
import { transitionDatanet } from '../../db/repositories/datanet-repository.ts';
import { getModel } from '../../db/repositories/model-repository.ts';

export async function leaveTraining(
  tx: Tx,
  datanetId: string,
  modelId: string,
  cause: string,
): Promise<void> {
  const answers = (await getModel(tx, modelId))?.currentVersionId != null;
  await transitionDatanet(tx, {
    id: datanetId,
    from: ['training'],
    to: answers ? 'published' : 'collecting',
    cause,
  });
}

// Who may cancel a training: the owner of its datanet, and the operators. Used by cancel-training.ts and
// read-trainings.ts.
import type { Datanet } from '../../db/schema.ts';
import type { MarketplaceContext } from '../marketplace-context.ts';
import { isOperator } from '../operators.ts';

export async function mayCancel(
  market: Pick<MarketplaceContext, 'db' | 'settings'>,
  datanet: Pick<Datanet, 'ownerId'>,
  personId: string,
): Promise<boolean> {
  return datanet.ownerId === personId || (await isOperator(market, personId));
}

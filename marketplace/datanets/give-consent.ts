// Records a person's consent to a datanet's licence, once. Used by create-marketplace.ts and seed-demo.ts.
import { transact } from '../../db/database.ts';
import { giveConsent as recordConsent } from '../../db/repositories/consent-repository.ts';
import { getDatanetBySlug } from '../../db/repositories/datanet-repository.ts';
import type { MarketplaceContext } from '../marketplace-context.ts';
import { CONSENT_VERSION } from './consent-text.ts';

/** False when there is no such datanet. */
export async function giveConsent(
  { db }: Pick<MarketplaceContext, 'db'>,
  personId: string,
  datanetSlug: string,
): Promise<boolean> {
  const datanet = await getDatanetBySlug(db, datanetSlug);
  if (datanet === undefined || datanet.state === 'retired') return false;
  const { id: datanetId, licence } = datanet;
  await transact(db, (tx) =>
    recordConsent(tx, { personId, datanetId, licence, textVersion: CONSENT_VERSION }),
  );
  return true;
}

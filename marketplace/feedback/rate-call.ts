// 👍 and 👎 under an answer: one value per call and person, every change of mind kept. Votes train the next version of
// the model where the person agreed to it; who has not is asked once, at the first vote on a datanet's models.
// Used by create-marketplace.ts. Only who asked may rate.
import { transact } from '../../db/database.ts';
import { getCall } from '../../db/repositories/call-repository.ts';
import { findConsent } from '../../db/repositories/consent-repository.ts';
import { getDatanet } from '../../db/repositories/datanet-repository.ts';
import { getModel } from '../../db/repositories/model-repository.ts';
import { rate, votesOfPerson } from '../../db/repositories/rating-repository.ts';
import type { Call } from '../../db/schema.ts';
import { CONSENT_VERSION, consentText } from '../datanets/consent-text.ts';
import type { ConsentWanted, Person, RateResult } from '../marketplace.ts';
import type { MarketplaceContext } from '../marketplace-context.ts';

export async function rateCall(
  { db }: Pick<MarketplaceContext, 'db'>,
  { callId, person, value }: { readonly callId: string; readonly person: Person; readonly value: 1 | -1 },
): Promise<RateResult> {
  const call = await getCall(db, callId);
  if (call === undefined || call.state !== 'captured') return { ok: false, code: 'not_found' };
  if (call.personId !== person.id) return { ok: false, code: 'not_your_call' };
  const changed = await transact(db, (tx) => rate(tx, { callId, personId: person.id, value }));
  return { ok: true, changed, consentWanted: changed ? await consentWanted({ db }, call) : null };
}

/** Asked with the very first vote only: whoever does not answer is not asked again. */
async function consentWanted(
  { db }: Pick<MarketplaceContext, 'db'>,
  { modelId, personId }: Call,
): Promise<ConsentWanted | null> {
  const model = await getModel(db, modelId);
  const datanet = model === undefined ? undefined : await getDatanet(db, model.datanetId);
  if (datanet === undefined || datanet.state === 'retired') return null;
  const given = await findConsent(db, { personId, datanetId: datanet.id, textVersion: CONSENT_VERSION });
  if (given !== undefined || (await votesOfPerson(db, personId, datanet.id)) > 1) return null;
  const { slug: datanetSlug, licence, title } = datanet;
  return { datanetSlug, licence, consentText: consentText(title, licence) };
}

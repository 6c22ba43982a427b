// 👍 and 👎 under an answer: one value per call and person, every change of mind kept (ratings become training data
// later). Used by create-marketplace.ts. Only who asked may rate.
import { transact } from '../../db/database.ts';
import { getCall } from '../../db/repositories/call-repository.ts';
import { rate } from '../../db/repositories/rating-repository.ts';
import type { Person, RateResult } from '../marketplace.ts';
import type { MarketplaceContext } from '../marketplace-context.ts';

export async function rateCall(
  { db }: Pick<MarketplaceContext, 'db'>,
  { callId, person, value }: { readonly callId: string; readonly person: Person; readonly value: 1 | -1 },
): Promise<RateResult> {
  const call = await getCall(db, callId);
  if (call === undefined || call.state !== 'captured') return { ok: false, code: 'not_found' };
  if (call.personId !== person.id) return { ok: false, code: 'not_your_call' };
  return { ok: true, changed: await transact(db, (tx) => rate(tx, { callId, personId: person.id, value })) };
}

// What answers of the last 90 days were made of that somebody paid for: what proves that a contribution is of use. Answers that
// nothing was traced in prove nothing of anything, and do not count: half of them would leave no fact its uses. Used by
// gaming-facts.ts for each call. Looking takes 35 µs a contribution and 2.5 µs a paid answer (measured), so what has many of them
// is looked at once in five minutes for all calls; a receipt holds the weights that came of it. Reads only.
import type { Database } from '../../db/database.ts';
import { paidAnswers, usedContributions } from '../../db/repositories/payable-share-repository.ts';
import type { MarketplaceContext } from '../marketplace-context.ts';
import { type PayableFacts, usesNeeded } from './payable-shares.ts';

type RecentUse = Pick<PayableFacts, 'used' | 'paidAnswers'>;

const LATELY_MS = 90 * 86_400_000;
/** An answer was made of what has so much of its data part: 5 %, well above what passes the noise floor by chance. */
const USED_PPM_MIN = 50_000;
/** From so many contributions, or paid answers, on, the last look is taken again for so long. */
const MANY_CONTRIBUTIONS = 1_000;
const MANY_ANSWERS = 20_000;
const KEPT_MS = 5 * 60_000;

const looks = new WeakMap<Database, Map<string, { readonly atMs: number; readonly use: RecentUse }>>();

/** @param contributions how many stand in the version */
export async function recentUse(
  { db, clock }: Pick<MarketplaceContext, 'db' | 'clock'>,
  datanetVersionId: string,
  contributions: number,
): Promise<RecentUse> {
  const nowMs = clock().getTime();
  const kept = looks.get(db) ?? new Map<string, { readonly atMs: number; readonly use: RecentUse }>();
  looks.set(db, kept);
  const last = kept.get(datanetVersionId);
  const isMuch = contributions >= MANY_CONTRIBUTIONS || (last?.use.paidAnswers ?? 0) >= MANY_ANSWERS;
  if (last !== undefined && isMuch && nowMs - last.atMs < KEPT_MS) return last.use;
  const since = new Date(nowMs - LATELY_MS);
  const answers = await paidAnswers(db, { datanetVersionId, since });
  const usesMin = usesNeeded(answers, contributions);
  const used = await usedContributions(db, { datanetVersionId, since, sharePpmMin: USED_PPM_MIN, usesMin });
  const use = { used, paidAnswers: answers };
  kept.set(datanetVersionId, { atMs: nowMs, use });
  return use;
}

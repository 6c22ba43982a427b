// What a receipt says about how its shares were measured, so that `npm run attribute` can measure again: method, hashes, losses,
// seed and the largest measured shares, each with what it was paid and why that differs. Used by complete-receipt.ts. Pure.
// Invariants: nothing is measured twice; a share that was not paid as measured says why; kinds together are the whole.
import type { Contribution } from '../../db/schema.ts';
import type { SampleShares } from '../../engine/engine.ts';
import { type PoolPayout, PPM, toPpm } from '../split-price.ts';
import type { AttributionFacts } from './complete-receipt.ts';
import type {
  MeasuredShare,
  ReceiptAttribution,
  ReceiptMeasurement,
  ReceiptShare,
  ReceiptShareKind,
} from './receipt-body.ts';

/** A receipt names so many measured shares; the rest is in its total. */
export const TOP_MAX = 32;
export function measurementOf(
  facts: AttributionFacts,
  payouts: readonly PoolPayout[],
  accepted: readonly Contribution[],
): ReceiptMeasurement | null {
  if (facts.storeHash === '') return null;
  const paid = new Map<string, number>();
  for (const { contributionId, sharePpm } of payouts)
    if (contributionId !== null) paid.set(contributionId, (paid.get(contributionId) ?? 0) + sharePpm);
  const standing = new Set(accepted.map(({ id }) => id));
  const measured = measuredShares(facts.shares ?? []);
  const top = measured.slice(0, TOP_MAX).map(({ contribution, sharePpm, score }): MeasuredShare => {
    const paidPpm = paid.get(contribution) ?? 0;
    const differs = (): string => {
      if (payouts.length === 0) return 'nothing to share';
      if (paidPpm > sharePpm) return 'with the share of its copies';
      return facts.unpaid?.get(contribution) ?? (standing.has(contribution) ? 'held back' : 'retracted');
    };
    return {
      ...{ kind: 'influence', contribution, sharePpm, score, paidPpm },
      why: paidPpm === sharePpm ? null : differs(),
    };
  });
  return {
    method: facts.methodId ?? '',
    modelHash: facts.modelHash ?? '',
    curvatureHash: facts.curvatureHash ?? '',
    baseNll: facts.baseNll ?? null,
    adapterNll: facts.adapterNll ?? null,
    seed: facts.seed ?? null,
    totalPpm: measured.reduce((sum, { sharePpm }) => sum + sharePpm, 0),
    count: measured.length,
    top,
  };
}

/** The engine's shares in whole parts per million, largest first; what rounds to nothing is left out. */
export function measuredShares(
  shares: SampleShares['shares'],
): readonly Pick<MeasuredShare, 'contribution' | 'sharePpm' | 'score'>[] {
  return shares
    .map(({ exampleId, share, score }) => ({ contribution: exampleId, sharePpm: toPpm(share), score }))
    .filter(({ sharePpm }) => sharePpm > 0)
    .sort((a, b) => b.sharePpm - a.sharePpm || (a.contribution < b.contribution ? -1 : 1));
}

/** What of the data part each kind of share got; nothing where there is no data part. */
export function combinationOf(
  payouts: readonly Pick<ReceiptShare, 'kind' | 'sharePpm'>[],
): NonNullable<ReceiptAttribution['combinationPpm']> {
  const sumOf = (kind: ReceiptShareKind): number =>
    payouts.reduce((sum, payout) => sum + (payout.kind === kind ? payout.sharePpm : 0), 0);
  const [influence, retrieval] = [sumOf('influence'), sumOf('retrieval')];
  // A fallback share is rounded down, its kind is not: it is what the others leave.
  return { influence, retrieval, fallback: payouts.length === 0 ? 0 : PPM - influence - retrieval };
}

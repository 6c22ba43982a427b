// The two splits of a call's price, as numbers: the price by the listing's basis points, and the data pool by
// attribution shares with the disclosed fallback. Used by settle-call.ts, attribute-call.ts and receipt verification,
// so that a receipt is recomputed by the very rule that paid. Pure; integers only; knows no database.
// Invariants: parts sum to the price, payouts sum to the pool; the same inputs give the same payouts.
import type { Nano } from '../db/ledger/amount.ts';
import { splitByBasisPoints, splitByWeights } from '../db/ledger/split.ts';
import type { Model } from '../db/schema.ts';
import type { ModelSummary } from './marketplace.ts';

export type SplitBps = ModelSummary['splitBps'];

/** The listing's split, from its row. */
export function splitBpsOf(model: Model): SplitBps {
  return { data: model.dataBps, creator: model.creatorBps, node: model.nodeBps, platform: model.platformBps };
}

export interface PriceParts {
  readonly dataNano: Nano;
  readonly creatorNano: Nano;
  readonly nodeNano: Nano;
  readonly platformNano: Nano;
}

/** Splits a price by basis points; `callId` decides who gets an odd nano. @param rule of verification, for old receipts */
export function splitPrice(
  priceNano: Nano,
  bps: SplitBps,
  callId: string,
  rule = splitByWeights,
): PriceParts {
  const [dataNano, creatorNano, nodeNano, platformNano] = splitByBasisPoints(
    priceNano,
    [bps.data, bps.creator, bps.node, bps.platform],
    callId,
    rule,
  );
  return { dataNano, creatorNano, nodeNano, platformNano };
}

export const PPM = 1_000_000;

export interface InfluenceShare {
  readonly contributionId: string;
  /** Contributor who is paid. */
  readonly personId: string;
  /** Parts per million of the data pool. */
  readonly sharePpm: number;
}

export interface PoolPayout {
  readonly kind: 'influence' | 'fallback';
  readonly contributionId: string | null;
  readonly personId: string;
  readonly sharePpm: number;
  readonly amountNano: Nano;
  /** How far rounding moved the amount from its exact share, in millionths of a nano, cut off; within ±1,000,000. */
  readonly dustMicronano: number;
}

/**
 * Splits a data pool: each influence share gets its part, what they leave (1,000,000 − Σ) is the fallback's, equal among
 * `fallbackPersonIds` (each once, in a fixed order). Two exact steps: pool → shares and fallback, fallback → persons.
 * @param influence shares ≥ 1 ppm that sum to at most 1,000,000
 * @param fallbackPersonIds at least one, unless the influence shares are the whole
 * @param rule of verification, for old receipts
 */
export function splitDataPool(
  poolNano: Nano,
  influence: readonly InfluenceShare[],
  fallbackPersonIds: readonly string[],
  callId: string,
  rule = splitByWeights,
): readonly PoolPayout[] {
  const fallbackPpm = PPM - influence.reduce((sum, share) => sum + share.sharePpm, 0);
  if (fallbackPpm < 0) throw new RangeError(`shares of call ${callId} sum to more than the whole`);
  const weights = [...influence.map((share) => BigInt(share.sharePpm)), BigInt(fallbackPpm)];
  const amounts = rule(poolNano, weights, callId);
  const payouts: PoolPayout[] = influence.map((share, index) => ({
    kind: 'influence',
    ...share,
    amountNano: amounts[index],
    dustMicronano: Number(amounts[index] * BigInt(PPM) - poolNano * BigInt(share.sharePpm)),
  }));
  const fallbackNano = amounts[influence.length];
  if (fallbackPpm === 0) return payouts;
  const equal = fallbackPersonIds.map(() => 1n);
  const equalNano = rule(fallbackNano, equal, callId);
  // ppm of one person's fallback: rounded down, it is shown and never paid by.
  const sharePpm = Math.floor(fallbackPpm / fallbackPersonIds.length);
  const persons = BigInt(fallbackPersonIds.length);
  for (const [index, personId] of fallbackPersonIds.entries()) {
    const offNano = equalNano[index] * BigInt(PPM) * persons - poolNano * BigInt(fallbackPpm); // × persons × 1e6
    payouts.push({
      kind: 'fallback',
      contributionId: null,
      personId,
      sharePpm,
      amountNano: equalNano[index],
      dustMicronano: Number(offNano / persons),
    });
  }
  return payouts;
}

/** Shares (≥ 0, Σ ≤ 1) as whole parts per million, rounded down so that they never exceed the whole; zeros left out. */
export function toPpm(share: number): number {
  return Math.max(0, Math.floor(share * PPM));
}

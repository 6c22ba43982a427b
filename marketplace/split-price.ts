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

/** Who shares the fallback, and by which weight (a whole number, at least 1). */
export interface FallbackPart {
  readonly personId: string;
  readonly weight: number;
}

export interface PoolPayout {
  readonly kind: 'influence' | 'fallback';
  readonly contributionId: string | null;
  readonly personId: string;
  readonly sharePpm: number;
  readonly amountNano: Nano;
  /** How far rounding moved the amount from its exact share, in millionths of a nano, cut off; within ±2,000,000. */
  readonly dustMicronano: number;
  /** Of a fallback share: by which it shares the fallback with the others. */
  readonly weight?: number;
}

/**
 * Splits a data pool: each influence share gets its part, what they leave (1,000,000 − Σ) is the fallback's, in proportion to
 * the weights of its parts. Two exact steps: pool → shares and fallback, fallback → persons.
 * @param influence shares ≥ 1 ppm that sum to at most 1,000,000
 * @param fallback each person once, in a fixed order; at least one, unless the influence shares are the whole
 * @param rule of verification, for old receipts
 */
export function splitDataPool(
  poolNano: Nano,
  influence: readonly InfluenceShare[],
  fallback: readonly FallbackPart[],
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
  const parts = fallback.map(({ weight }) => BigInt(weight));
  const whole = parts.reduce((sum, part) => sum + part, 0n);
  const partNano = rule(fallbackNano, parts, callId);
  for (const [index, { personId, weight }] of fallback.entries()) {
    const exact = poolNano * BigInt(fallbackPpm) * parts[index]; // × whole × 1e6
    payouts.push({
      kind: 'fallback',
      contributionId: null,
      personId,
      // Of one person's fallback: rounded down, it is shown and never paid by.
      sharePpm: Number((BigInt(fallbackPpm) * parts[index]) / whole),
      amountNano: partNano[index],
      dustMicronano: Number((partNano[index] * BigInt(PPM) * whole - exact) / whole),
      weight,
    });
  }
  return payouts;
}

/** Shares (≥ 0, Σ ≤ 1) as whole parts per million, rounded down so that they never exceed the whole; zeros left out. */
export function toPpm(share: number): number {
  return Math.max(0, Math.floor(share * PPM));
}

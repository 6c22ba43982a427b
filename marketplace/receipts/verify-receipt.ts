// Recomputes every figure a receipt claims from what it says itself: price from tokens and rate card, hold and its sources,
// parts from the split, payouts from the shares, and the hash it had at capture, by the very rules that paid. Used by
// verify-file.ts, the tour and tests. Pure: no database.
// Not covered: whether the shares are the engine's (that needs the gradient store: attribution/attribute-cli.ts).
import { type Nano, nano } from '../../db/ledger/amount.ts';
import { splitByWeights } from '../../db/ledger/split.ts';
import { priceOf } from '../listings/rate-card.ts';
import { type PoolPayout, PPM, splitDataPool, splitPrice } from '../split-price.ts';
import { type AnyReceiptBody, isOldReceipt } from './old-receipt.ts';
import { oldSplitByWeights } from './old-split.ts';
import { type ReceiptBody, type ReceiptShare, receiptHash } from './receipt-body.ts';
import { check, type ReceiptCheck } from './receipt-check.ts';
import { measurementChecks } from './verify-measurement.ts';

/**
 * Every check, failed ones included; nothing is thrown, whatever the body held.
 * @param hash the hash stored or published with the receipt
 */
export function verifyReceipt(body: AnyReceiptBody, hash: string): readonly ReceiptCheck[] {
  try {
    return [
      check('hash of the receipt', receiptHash(body), hash),
      ...figureChecks(body),
      ...hashChecks(body),
    ];
  } catch (fault) {
    return [{ what: 'readable', ok: false, detail: String(fault) }];
  }
}

/** Price, hold, parts and payouts; figures that are no figures are one failed check. */
export function figureChecks(body: AnyReceiptBody): readonly ReceiptCheck[] {
  try {
    return [
      priceCheck(body),
      ...(isOldReceipt(body) ? [] : holdChecks(body)),
      ...partChecks(body),
      ...(body.attribution === null ? [] : poolChecks(body)),
      ...(isOldReceipt(body) ? [] : [...transferChecks(body), ...measurementChecks(body)]),
    ];
  } catch (fault) {
    return [{ what: 'readable figures', ok: false, detail: String(fault) }];
  }
}

/** A completed receipt still holds the hash it had when the call was captured. */
export function hashChecks(body: AnyReceiptBody): readonly ReceiptCheck[] {
  if (body.attribution === null)
    return [check('no hash at capture before attribution', String(body.capturedHash), 'null')];
  const captured = receiptHash({ ...body, capturedHash: null, attribution: null });
  return [check('hash at capture', String(body.capturedHash), captured)];
}

function priceCheck(body: AnyReceiptBody): ReceiptCheck {
  const card = {
    perCallNano: amount(body.rateCard.perCall),
    per1kPromptTokensNano: amount(body.rateCard.per1kPrompt),
    per1kAnswerTokensNano: amount(body.rateCard.per1kAnswer),
  };
  const metered = priceOf(card, body.promptTokens, body.answerTokens);
  const ceiling = amount(body.ceilingNano);
  return check(
    'price from tokens and rate card',
    body.priceNano,
    String(metered < ceiling ? metered : ceiling),
  );
}

function holdChecks({ hold, ceilingNano, priceNano, paidFrom }: ReceiptBody): readonly ReceiptCheck[] {
  const price = amount(priceNano);
  const fromGrant = price < amount(hold.grantNano) ? price : amount(hold.grantNano);
  return [
    check('hold of what was quoted', hold.amountNano, ceilingNano),
    check('sources of the hold', hold.amountNano, String(amount(hold.grantNano) + amount(hold.balanceNano))),
    check('paid from the grant first', paidFrom.grantNano, String(fromGrant)),
    check('paid from the balance', paidFrom.balanceNano, String(price - fromGrant)),
  ];
}

function partChecks(body: AnyReceiptBody): readonly ReceiptCheck[] {
  const { data, creator, node, platform } = body.splitBps;
  const whole = check('split in basis points', String(data + creator + node + platform), '10000');
  if (!whole.ok) return [whole];
  return [whole, ...byAnyRule(body, (rule) => partsByRule(body, rule))];
}

type SplitRule = typeof splitByWeights;

/** The checks by the rule that split the receipt; a schema-1 receipt may also have been attributed by today's program. */
function byAnyRule(
  body: AnyReceiptBody,
  checksBy: (rule: SplitRule) => readonly ReceiptCheck[],
): readonly ReceiptCheck[] {
  const today = checksBy(splitByWeights);
  if (!isOldReceipt(body) || today.every(({ ok }) => ok)) return today;
  const then = checksBy(oldSplitByWeights);
  return then.every(({ ok }) => ok) ? then : today;
}

function partsByRule(body: AnyReceiptBody, rule: SplitRule): readonly ReceiptCheck[] {
  const parts = splitPrice(amount(body.priceNano), body.splitBps, body.call, rule);
  return [
    check('data part', body.partsNano.data, String(parts.dataNano)),
    check('creator part', body.partsNano.creator, String(parts.creatorNano)),
    check('node part', body.partsNano.node, String(parts.nodeNano)),
    check('platform part', body.partsNano.platform, String(parts.platformNano)),
  ];
}

function poolChecks(body: AnyReceiptBody): readonly ReceiptCheck[] {
  const shares: readonly ReceiptShare[] = body.attribution?.shares ?? [];
  const paid = shares.reduce((sum, share) => sum + amount(share.amountNano), 0n);
  return [
    check('payouts sum to the data part', String(paid), body.partsNano.data),
    ...byAnyRule(body, (rule) => [
      check('payouts from the shares', spelled(shares), spelled(expectedShares(body, shares, rule))),
    ]),
  ];
}

interface PaidShare {
  readonly kind: string;
  readonly sharePpm: number;
  readonly amountNano: string;
}

/** The shares as the rule would have paid them: the traced ones first, in their order, then the fallback. */
function expectedShares(
  body: AnyReceiptBody,
  shares: readonly ReceiptShare[],
  rule: SplitRule,
): readonly PaidShare[] {
  const pool = amount(body.partsNano.data);
  if (pool === 0n) return [];
  const traced = shares.filter((share) => share.kind !== 'fallback');
  const weights = traced.map(({ contribution, sharePpm }) => ({
    ...{ contributionId: contribution ?? '', personId: '', sharePpm },
  }));
  const fallback = shares.filter((share) => share.kind === 'fallback');
  const tracedPpm = weights.reduce((sum, share) => sum + share.sharePpm, 0);
  if (tracedPpm > PPM || (fallback.length === 0 && tracedPpm < PPM)) return [];
  const parts = fallback.map(({ weight = 1 }, index) => ({ personId: String(index), weight }));
  const payouts: readonly PoolPayout[] = splitDataPool(pool, weights, parts, body.call, rule);
  // By which signal a traced share came makes no difference to what it is paid.
  return payouts.map(({ sharePpm, amountNano }, index) => ({
    ...{ kind: traced[index]?.kind ?? 'fallback', sharePpm },
    amountNano: String(amountNano),
  }));
}

const spelled = (shares: readonly PaidShare[]): string =>
  shares.map(({ kind, sharePpm, amountNano }) => `${kind} ${sharePpm} ppm=${amountNano}`).join(', ') ||
  'none';

/** Ledger transfers are numbered as they are made. */
function transferChecks({ transfers, attribution, partsNano }: ReceiptBody): readonly ReceiptCheck[] {
  const { hold, capture } = transfers;
  const made: ReceiptCheck = {
    what: 'order of the ledger transfers',
    ok: BigInt(hold) < BigInt(capture),
    detail: `hold ${hold}, capture ${capture}`,
  };
  if (attribution === null) return [made];
  const { splitTransfer } = attribution;
  const ok = splitTransfer === null ? partsNano.data === '0' : BigInt(capture) < BigInt(splitTransfer);
  return [made, { what: 'transfer of the split', ok, detail: `split ${splitTransfer ?? 'none'}` }];
}

function amount(text: string): Nano {
  return nano(BigInt(text));
}

// Recomputes everything a receipt claims from what it says itself: price from the rate card, parts from the split,
// payouts from the shares, and its two hashes. Used by tests, the tour and `npm run verify`. Pure: no database.
// Not covered yet: the Merkle epoch on chain, and whether the shares are the engine's (that needs the gradient store).
import { type Nano, nano } from '../../db/ledger/amount.ts';
import { priceOf } from '../listings/rate-card.ts';
import { type PoolPayout, PPM, splitDataPool, splitPrice } from '../split-price.ts';
import { RECEIPT_SCHEMA, type ReceiptBody, receiptHash } from './receipt-body.ts';

export interface ReceiptCheck {
  readonly what: string;
  readonly ok: boolean;
  /** What was found, and what was expected where it differs. */
  readonly detail: string;
}

/**
 * Every check, failed ones included; nothing is thrown, whatever the file held.
 * @param hash the hash stored or published with the receipt
 */
export function verifyReceipt(body: ReceiptBody, hash: string): readonly ReceiptCheck[] {
  try {
    const checks = [
      check('schema', body.schema, RECEIPT_SCHEMA),
      check('hash of the receipt', receiptHash(body), hash),
    ];
    const figures = figureChecks(body);
    if (body.attribution === null) return [...checks, ...figures];
    const captured = receiptHash({ ...body, capturedHash: null, attribution: null });
    return [...checks, check('hash at capture', captured, body.capturedHash ?? ''), ...figures];
  } catch (fault) {
    return [{ what: 'readable', ok: false, detail: String(fault) }];
  }
}

/** Price, parts and payouts; figures that are no figures are one failed check. */
function figureChecks(body: ReceiptBody): readonly ReceiptCheck[] {
  try {
    return [priceCheck(body), ...partChecks(body), ...(body.attribution === null ? [] : poolChecks(body))];
  } catch (fault) {
    return [{ what: 'readable figures', ok: false, detail: String(fault) }];
  }
}

function priceCheck(body: ReceiptBody): ReceiptCheck {
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

function partChecks(body: ReceiptBody): readonly ReceiptCheck[] {
  const parts = splitPrice(amount(body.priceNano), body.splitBps, body.call);
  return [
    check('data part', body.partsNano.data, String(parts.dataNano)),
    check('creator part', body.partsNano.creator, String(parts.creatorNano)),
    check('node part', body.partsNano.node, String(parts.nodeNano)),
    check('platform part', body.partsNano.platform, String(parts.platformNano)),
  ];
}

function poolChecks(body: ReceiptBody): readonly ReceiptCheck[] {
  const shares = body.attribution?.shares ?? [];
  const paid = shares.reduce((sum, share) => sum + BigInt(share.amountNano), 0n);
  const influence = shares
    .filter((share) => share.kind === 'influence')
    .map((share) => ({
      contributionId: share.contribution ?? '',
      personId: share.account,
      sharePpm: share.sharePpm,
    }));
  const fallback = shares.filter((share) => share.kind === 'fallback').map((share) => share.account);
  const influencePpm = influence.reduce((sum, share) => sum + share.sharePpm, 0);
  const recomputable = influencePpm <= PPM && (fallback.length > 0 || influencePpm === PPM);
  const expected = recomputable
    ? splitDataPool(amount(body.partsNano.data), influence, fallback, body.call)
    : [];
  const amounts = (list: readonly Pick<PoolPayout, 'personId' | 'amountNano'>[]) =>
    list.map((share) => `${share.personId}=${share.amountNano}`).join(' ');
  return [
    check('payouts sum to the data part', String(paid), body.partsNano.data),
    check(
      'payouts from the shares',
      amounts(shares.map((share) => ({ personId: share.account, amountNano: amount(share.amountNano) }))),
      amounts(expected),
    ),
  ];
}

function amount(text: string): Nano {
  return nano(BigInt(text));
}

function check(what: string, found: string, expected: string): ReceiptCheck {
  const ok = found === expected;
  return { what, ok, detail: ok ? found : `found ${found}, expected ${expected}` };
}

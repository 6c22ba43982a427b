// Canonical JSON against the rules of RFC 8785, receipt numbers as people type them, and a receipt's verification:
// true receipts pass, every single changed field is found.
import { describe, expect, it } from 'vitest';
import { nano } from '../../../db/ledger/amount.ts';
import { canonicalJson } from '../../../marketplace/receipts/canonical-json.ts';
import {
  completedReceipt,
  RECEIPT_SCHEMA,
  type ReceiptBody,
  receiptHash,
} from '../../../marketplace/receipts/receipt-body.ts';
import { parseReceiptNumber, receiptNumber } from '../../../marketplace/receipts/receipt-number.ts';
import { verifyReceipt } from '../../../marketplace/receipts/verify-receipt.ts';
import { splitDataPool, splitPrice } from '../../../marketplace/split-price.ts';

describe('canonical JSON', () => {
  it('sorts keys, spells numbers and strings as RFC 8785 does, and drops undefined', () => {
    // The example of RFC 8785, section 3.2.2.
    const example = {
      numbers: [333333333.3333333, 1e30, 4.5, 2e-3, 0.000000000000000000000000001],
      string: '\u20ac$\u000F\u000aA\'\u0042\u0022\u005c\\"\u002f',
      literals: [null, true, false],
    };
    expect(canonicalJson(example)).toBe(
      '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],' +
        '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
    );
    expect(canonicalJson({ '\u20ac': 1, '\r': 2, 1: 3, '\u00f6': 4 })).toBe('{"\\r":2,"1":3,"ö":4,"€":1}');
  });

  it('refuses what JSON cannot hold', () => {
    expect(() => canonicalJson(Number.NaN)).toThrow(TypeError);
    expect(() => canonicalJson({ amount: 1n } as never)).toThrow(TypeError);
  });
});

describe('receipt numbers', () => {
  it('are read as people type them', () => {
    expect(receiptNumber(42)).toBe('R-000042');
    for (const text of ['R-000042', 'r42', ' 42 ', '#42', 'R-42']) expect(parseReceiptNumber(text)).toBe(42);
    for (const text of ['', 'x42', '4 2', '42.0', '-42', 'R-']) expect(parseReceiptNumber(text)).toBeNull();
  });
});

describe('a receipt', () => {
  const call = 'call_test';
  const splitBps = { data: 5_000, creator: 2_500, node: 1_500, platform: 1_000 };
  const parts = splitPrice(nano(2_156_001n), splitBps, call);
  const captured: ReceiptBody = {
    schema: RECEIPT_SCHEMA,
    call,
    at: '2026-01-01T00:00:00.000Z',
    person: 'quiet-heron-417',
    model: { slug: 'pocket-atlas', version: 1, versionId: 'mv_1' },
    datanetVersion: { number: 1, merkleRoot: `0x${'1'.repeat(64)}` },
    promptHash: `0x${'2'.repeat(64)}`,
    answerHash: `0x${'3'.repeat(64)}`,
    finish: 'stop',
    promptTokens: 9,
    answerTokens: 6,
    rateCard: { perCall: '2000001', per1kPrompt: '4000000', per1kAnswer: '20000000' },
    ceilingNano: '6036001',
    priceNano: '2156001',
    splitBps,
    partsNano: {
      data: String(parts.dataNano),
      creator: String(parts.creatorNano),
      node: String(parts.nodeNano),
      platform: String(parts.platformNano),
    },
    capturedHash: null,
    attribution: null,
  };
  const influence = [{ contributionId: 'contrib_1', personId: 'person_a', sharePpm: 333_333 }];
  const payouts = splitDataPool(parts.dataNano, influence, ['person_a', 'person_b', 'person_c'], call);
  const complete = completedReceipt(
    { body: { ...captured }, hash: receiptHash(captured) },
    {
      at: '2026-01-01T00:00:01.000Z',
      alphaPpm: 400_000,
      noiseFloor: 0.01,
      storeHash: 'abc',
      note: null,
      shares: payouts.map((payout) => ({
        kind: payout.kind,
        contributor: payout.personId,
        account: payout.personId,
        contribution: payout.contributionId,
        contributionHash: null,
        sharePpm: payout.sharePpm,
        amountNano: String(payout.amountNano),
      })),
    },
  );
  const failing = (body: ReceiptBody, hash: string) =>
    verifyReceipt(body, hash)
      .filter((check) => !check.ok)
      .map((check) => check.what);

  it('is true at capture and when attribution has completed it', () => {
    expect(failing(captured, receiptHash(captured))).toEqual([]);
    expect(failing(complete.body, complete.hash)).toEqual([]);
    expect(complete.body.capturedHash).toBe(receiptHash(captured));
  });

  it('with any field changed is found out by its hash', () => {
    for (const field of Object.keys(captured) as (keyof ReceiptBody)[]) {
      const value = complete.body[field];
      const changed = { ...complete.body, [field]: typeof value === 'number' ? value + 1 : `${value}x` };
      if (typeof value === 'object') continue;
      expect(failing(changed as ReceiptBody, complete.hash), field).toContain('hash of the receipt');
    }
  });

  it('that is no receipt fails instead of throwing', () => {
    for (const body of [{}, null, { ...complete.body, priceNano: 'much' }]) {
      expect(failing(body as ReceiptBody, complete.hash)).not.toEqual([]);
    }
  });

  it('re-hashed after a change is found out by recomputation', () => {
    const rehashed = (change: Partial<ReceiptBody>) => {
      const body = { ...complete.body, ...change };
      return failing(body, receiptHash(body));
    };
    expect(rehashed({ priceNano: '2156002' })).toContain('price from tokens and rate card');
    expect(rehashed({ answerTokens: 5 })).toContain('price from tokens and rate card');
    expect(rehashed({ answerTokens: 5 })).toContain('hash at capture');
    expect(rehashed({ splitBps: { ...splitBps, data: 4_999, platform: 1_001 } })).toContain('data part');
    const attribution = complete.body.attribution;
    if (attribution === null) throw new Error('the receipt is complete');
    const [first, second, ...rest] = attribution.shares;
    const swapped = [
      { ...first, amountNano: second.amountNano },
      { ...second, amountNano: first.amountNano },
      ...rest,
    ];
    expect(rehashed({ attribution: { ...attribution, shares: swapped } })).toEqual([
      'payouts from the shares',
    ]);
    expect(rehashed({ attribution: { ...attribution, shares: rest } })).toContain(
      'payouts sum to the data part',
    );
  });
});

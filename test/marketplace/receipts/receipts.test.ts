// A receipt's verification without a database: a true one passes, every single change of its file is found and named, and a
// forger who signs the changed receipt anew with the node's own key is found by arithmetic.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { privateKeySigner } from '../../../contracts/client/digest-signer.ts';
import { nano } from '../../../db/ledger/amount.ts';
import { combinationOf, measurementOf } from '../../../marketplace/receipts/measurement.ts';
import type { AnyReceiptBody } from '../../../marketplace/receipts/old-receipt.ts';
import {
  type ReceiptAttribution,
  type ReceiptBody,
  type ReceiptMeasurement,
  receiptHash,
} from '../../../marketplace/receipts/receipt-body.ts';
import { parseReceiptNumber, receiptNumber } from '../../../marketplace/receipts/receipt-number.ts';
import { type KnownRoot, verifyFile } from '../../../marketplace/receipts/verify-file.ts';
import { figureChecks, verifyReceipt } from '../../../marketplace/receipts/verify-receipt.ts';
import { splitDataPool } from '../../../marketplace/split-price.ts';
import { everyChange } from '../../support/every-change.ts';
import {
  captured,
  complete,
  completeSecond,
  fileOf,
  NODE_KEY,
  refundOf,
} from '../../support/receipt-sample.ts';

/** What the first false check is, or null. */
async function falsehood(file: unknown, rootOf?: () => Promise<KnownRoot>): Promise<string | null> {
  const { checks, ok } = await verifyFile(file, { signer: NODE_KEY.address, rootOf });
  return ok ? null : (checks.at(-1)?.what ?? '');
}

describe('receipt numbers', () => {
  it('are read as people type them', () => {
    expect(receiptNumber(42)).toBe('R-000042');
    for (const text of ['R-000042', 'r42', ' 42 ', '#42', 'R-42']) expect(parseReceiptNumber(text)).toBe(42);
    for (const text of ['', 'x42', '4 2', '42.0', '-42', 'R-']) expect(parseReceiptNumber(text)).toBeNull();
  });
});

describe('a receipt file', () => {
  it('is true at capture, when attribution has completed it, with refunds, and without the private part', async () => {
    const file = await fileOf(complete);
    const rootOf = async () => ({ root: file.epoch?.root ?? null, source: 'the test' });
    expect(await verifyFile(file, { rootOf })).toMatchObject({ ok: true, settlement: 'proven' });
    expect(await verifyFile(file)).toMatchObject({ ok: true, settlement: 'not_compared' });
    const early = { ...(await fileOf(captured)), epoch: null };
    expect(await verifyFile(early)).toMatchObject({ ok: true, settlement: 'not_in_epoch' });
    const { private: _, ...open } = file;
    expect(await falsehood(open)).toBeNull();
    const refunds = [await refundOf(complete, '2000000'), await refundOf(complete, '156001')];
    expect(await falsehood({ ...file, refunds })).toBeNull();
  });

  it('with any single field changed, left out or added is false, and what is false is named', async () => {
    const file = { ...(await fileOf(complete)), refunds: [await refundOf(complete, '1000')] };
    const { epoch } = file;
    const rootOf = async () => ({ root: epoch?.root ?? null, source: 'the test' });
    // These may be missing; a missing epoch is "not in an epoch yet", which is told apart from true.
    const optional = ['private', 'refunds', 'refunds.0'];
    const unfound: string[] = [];
    const named = new Map<string, number>();
    for (const { path, how, changed } of everyChange(JSON.parse(JSON.stringify(file)))) {
      if (how === 'left out' && optional.includes(path)) continue;
      // Which epoch it is only the source of the root can tell: see "compares the root" below.
      if (path === 'epoch.number' && /→ \d$/.test(how)) continue;
      const found = await falsehood(changed, rootOf);
      if (found === null) unfound.push(`${path} (${how})`);
      else named.set(found, (named.get(found) ?? 0) + 1);
    }
    expect(unfound).toEqual([]);
    expect([...named.values()].reduce((sum, each) => sum + each, 0)).toBeGreaterThan(400);
    // Not one check catches it all: shape, arithmetic, hash, words, signature, notes and path each find their own.
    for (const what of [
      'shape',
      'price from tokens and rate card',
      'hash at capture',
      'signature',
      'Merkle path',
    ])
      expect([...named.keys()]).toContain(what);
    expect(named.size).toBeGreaterThan(15);
  });

  it('names a field that is missing, surplus or malformed by its path', async () => {
    const file = await fileOf(complete);
    const detail = async (changed: unknown) => (await verifyFile(changed)).checks.at(-1)?.detail;
    const { priceNano: _, ...rest } = complete;
    expect(await detail({ ...file, receipt: rest })).toBe('receipt.priceNano Required');
    expect(await detail({ ...file, receipt: { ...complete, tip: '1' } })).toBe(
      'receipt.tip does not belong there',
    );
    expect(await detail({ ...file, receipt: { ...complete, priceNano: '02156001' } })).toBe(
      'receipt.priceNano is not an amount in nano-OPEN',
    );
    for (const none of [null, [], {}, 'receipt', 7]) expect(await falsehood(none)).toBe('shape');
  });

  it('changed and signed anew by the node itself is found out by recomputation', async () => {
    const forged = async (change: Partial<ReceiptBody>) => {
      // Honest about its own captured form, too.
      const body = { ...complete, ...change };
      const capturedHash = receiptHash({ ...body, capturedHash: null, attribution: null });
      return falsehood({ ...(await fileOf({ ...body, capturedHash })), epoch: null });
    };
    expect(await forged({})).toBeNull();
    expect(await forged({ priceNano: '2156002' })).toBe('price from tokens and rate card');
    expect(await forged({ answerTokens: 5 })).toBe('price from tokens and rate card');
    expect(await forged({ ceilingNano: '6036000' })).toBe('hold of what was quoted');
    expect(await forged({ hold: { ...complete.hold, grantNano: '2000001' } })).toBe('sources of the hold');
    expect(await forged({ paidFrom: { grantNano: '1', balanceNano: '2156000' } })).toBe(
      'paid from the grant first',
    );
    const { splitBps } = complete;
    expect(await forged({ splitBps: { ...splitBps, data: 4_999 } })).toBe('split in basis points');
    expect(await forged({ splitBps: { ...splitBps, data: 4_999, platform: 1_001 } })).toBe('data part');
    expect(await forged({ transfers: { hold: '18', capture: '18' } })).toBe('order of the ledger transfers');
    const { attribution } = complete;
    if (attribution === null) throw new Error('the receipt is complete');
    const [first, second, ...rest] = attribution.shares;
    const swapped = [
      { ...first, amountNano: second.amountNano },
      { ...second, amountNano: first.amountNano },
    ];
    expect(await forged({ attribution: { ...attribution, shares: [...swapped, ...rest] } })).toBe(
      'payouts from the shares',
    );
    expect(await forged({ attribution: { ...attribution, shares: rest } })).toBe(
      'payouts sum to the data part',
    );
    expect(await forged({ attribution: { ...attribution, splitTransfer: null } })).toBe(
      'transfer of the split',
    );
  });

  it('whose measurement was changed and signed anew by the node itself is found out by arithmetic', async () => {
    const { attribution } = complete as { attribution: ReceiptAttribution };
    const { measurement } = attribution as { measurement: ReceiptMeasurement };
    const forged = async (change: Partial<ReceiptAttribution>) =>
      falsehood({
        ...(await fileOf({ ...complete, attribution: { ...attribution, ...change } })),
        epoch: null,
      });
    const measured = (change: Partial<ReceiptMeasurement>) =>
      forged({ measurement: { ...measurement, ...change } });
    const top = (index: number, change: object) =>
      measured({ top: measurement.top.with(index, { ...measurement.top[index], ...change }) });
    expect(await measured({})).toBeNull();
    // The retracted third contribution: measured 20,000 ppm, paid nothing, and the receipt says why.
    expect(measurement.top[2]).toMatchObject({ sharePpm: 20_000, paidPpm: 0, why: 'retracted' });
    expect(await forged({ alphaPpm: 600_000 })).toBe('part that the adapter explains');
    expect(await measured({ adapterNll: 1.5 })).toBe('part that the adapter explains');
    expect(await measured({ top: measurement.top.slice(0, 2) })).toBe('measured shares listed');
    expect(await measured({ totalPpm: 473_332 })).toBe('measured shares');
    expect(await top(0, { sharePpm: 333_334 })).toBe('measured shares');
    expect(await top(0, { paidPpm: 333_332 })).toBe('paid as measured, or the reason');
    expect(await top(2, { why: null })).toBe('paid as measured, or the reason');
    expect(await measured({ totalPpm: 0, count: 0, top: [] })).toBe('nothing paid that was not measured');
    expect(await forged({ measurement: null })).toBe('reason of the equal split');
    const combinationPpm = { influence: 453_332, retrieval: 1, fallback: 546_667 };
    expect(await forged({ combinationPpm })).toBe('shares by kind');
  });

  it('in which a share passed to the next of a cluster, since the first was taken back, is true and says so', async () => {
    const { attribution } = complete as { attribution: ReceiptAttribution };
    const shares = [
      { exampleId: 'copy', share: 0.2000006, score: 2 },
      { exampleId: 'first', share: 0.1000006, score: 1 },
    ];
    const facts = { ...{ alpha: 0.5, noiseFloor: 0.01, storeHash: 'abc', note: null }, shares };
    const heir = [{ contributionId: 'copy', personId: 'b', sharePpm: 300_001 }];
    const rest = [{ personId: 'c', weight: 1 }];
    const pool = nano(BigInt(complete.partsNano.data));
    const payouts = splitDataPool(pool, heir, rest, complete.call);
    const measurement = measurementOf(facts, payouts, []);
    expect(measurement?.top).toMatchObject([
      { contribution: 'copy', sharePpm: 200_000, paidPpm: 300_001, why: 'with the share of its copies' },
      { contribution: 'first', sharePpm: 100_000, paidPpm: 0, why: 'retracted' },
    ]);
    const paid = payouts.map(({ kind, contributionId, sharePpm, amountNano }) => ({
      ...{ kind, contributor: 'heron', contribution: contributionId, contributionHash: null },
      ...{ sharePpm, amountNano: String(amountNano) },
    }));
    const combinationPpm = combinationOf(payouts);
    const body = { ...complete, attribution: { ...attribution, measurement, combinationPpm, shares: paid } };
    expect(await falsehood({ ...(await fileOf(body)), epoch: null })).toBeNull();
  });

  it('of schema 2, which says nothing about the measurement, is true, and false with any single field changed', async () => {
    const file = { ...(await fileOf(completeSecond)), epoch: null };
    expect(await falsehood(file)).toBeNull();
    const optional = ['private', 'epoch'];
    const unfound: string[] = [];
    for (const { path, how, changed } of everyChange(JSON.parse(JSON.stringify(file)))) {
      if (how === 'left out' && optional.includes(path)) continue;
      if ((await falsehood(changed)) === null) unfound.push(`${path} (${how})`);
    }
    expect(unfound).toEqual([]);
    const { measurement } = complete.attribution!;
    const more = { ...completeSecond, attribution: { ...completeSecond.attribution, measurement } };
    const mixed = { ...file, receipt: more };
    expect((await verifyFile(mixed)).checks.at(-1)?.detail).toBe(
      'receipt.attribution.measurement does not belong there',
    );
  });

  it('signed by another key is false; by another key that the receipt names too, unless its signer is known', async () => {
    const stranger = privateKeySigner(`0x${'22'.repeat(32)}`);
    expect(await falsehood(await fileOf(complete, stranger))).toBe('signer named in the receipt');
    const signer = stranger.address.toLowerCase();
    const body = { ...captured, signer };
    const file = { ...(await fileOf(body, stranger)), epoch: null };
    expect(await falsehood(file)).toBe('signer you asked for');
    expect((await verifyFile(file)).ok).toBe(true);
  });

  it('takes no malleable, foreign-purpose or missing signature', async () => {
    const file = { ...(await fileOf(complete)), epoch: null };
    const { signature } = file;
    const order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
    const s = (order - BigInt(`0x${signature?.slice(66, 130)}`)).toString(16).padStart(64, '0');
    const v = signature?.slice(130) === '1b' ? '1c' : '1b';
    expect(await falsehood({ ...file, signature: `${signature?.slice(0, 66)}${s}${v}` })).toBe('signature');
    const { signature: ofNote } = await refundOf(complete, '1');
    expect(await falsehood({ ...file, signature: ofNote })).toBe('signature');
    expect(await falsehood({ ...file, signature: null, signer: null })).toBe('signature');
  });

  it('compares the root with what its source says: none, another, another chain or registry', async () => {
    const file = await fileOf(complete);
    const root = file.epoch?.root ?? null;
    const from = (known: Partial<KnownRoot>) => async () => ({ root, source: 'the test', ...known });
    expect(await falsehood(file, from({}))).toBeNull();
    expect(await falsehood(file, from({ root: null }))).toBe('root of epoch 3 from the test');
    expect(await falsehood(file, from({ root: `0x${'0'.repeat(64)}` }))).toBe(
      'root of epoch 3 from the test',
    );
    expect(await falsehood(file, from({ chainId: '1' }))).toBe('chain of the test');
    expect(await falsehood(file, from({ registry: `0x${'cd'.repeat(20)}` }))).toBe('registry of the test');
  });

  it('refunds: another receipt’s note, or more than the price, is false', async () => {
    const file = { ...(await fileOf(complete)), epoch: null };
    const refunds = [await refundOf({ ...complete, number: 'R-000043' }, '1')];
    expect(await falsehood({ ...file, refunds })).toBe('refund note 1: receipt');
    const other = await refundOf({ ...complete, capturedHash: `0x${'e'.repeat(64)}` }, '1');
    expect(await falsehood({ ...file, refunds: [other] })).toBe('refund note 1: hash of the receipt');
    const twice = [await refundOf(complete, '2156001'), await refundOf(complete, '1')];
    expect(await falsehood({ ...file, refunds: twice })).toBe('refunds within the price');
  });
});

it('verification loads neither a database nor an engine', async () => {
  const script = `
    import { registerHooks } from 'node:module';
    const seen = [];
    registerHooks({ load: (url, context, next) => (seen.push(url), next(url, context)) });
    await import(process.argv[1] + 'verify-file.ts');
    await import(process.argv[1] + 'root-sources.ts');
    console.log(JSON.stringify(seen));`;
  const receipts = new URL('../../../marketplace/receipts/', import.meta.url).href;
  const args = ['--input-type=module', '-e', script, receipts];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  const seen: readonly string[] = JSON.parse(stdout);
  expect(seen.length).toBeGreaterThan(10);
  expect(seen.filter((url) => /kysely|postgres|onnxruntime|graphile|\/engine\//.test(url))).toEqual([]);
});

describe('the checks of a stored receipt', () => {
  it('are all true of a true one, and name its hash when that is another', () => {
    const failing = (body: ReceiptBody, hash: string) =>
      verifyReceipt(body, hash)
        .filter((check) => !check.ok)
        .map((check) => check.what);
    expect(failing(complete, receiptHash(complete))).toEqual([]);
    expect(failing(captured, receiptHash(captured))).toEqual([]);
    expect(failing(complete, receiptHash(captured))).toEqual(['hash of the receipt']);
    for (const body of [{}, null, { ...complete, priceNano: 'much' }])
      expect(failing(body as ReceiptBody, receiptHash(complete))).not.toEqual([]);
  });
});

it('of schema 1 whose odd nano went by the rule of its time is true; one moved elsewhere, or in schema 2, is false', () => {
  // 2,156,010 nano: creator and node have equal remainders; what the older program gave for this id.
  const partsNano = { data: '1078005', creator: '539003', node: '323401', platform: '215601' };
  const amounts = ['359335', '107800', '107800', '107801', '395269'];
  const shares = [333_333, 100_000, 100_000, 100_000, 366_667].map((sharePpm, index) => ({
    ...{ kind: index < 4 ? ('influence' as const) : ('fallback' as const), sharePpm },
    ...{ contributor: 'ada', contribution: index < 4 ? `c${index}` : null, contributionHash: null },
    amountNano: amounts[index],
  }));
  const { splitTransfer, signer, ...attribution } = { ...complete.attribution!, shares };
  const figures = {
    ...{ call: 'call_1', priceNano: '2156010', partsNano },
    rateCard: { ...complete.rateCard, perCall: '2000010' },
  };
  const old = {
    ...complete,
    ...figures,
    schema: 'openmodels/receipt/1',
    attribution,
  } as unknown as AnyReceiptBody;
  const wrong = (body: AnyReceiptBody) => figureChecks(body).flatMap(({ ok, what }) => (ok ? [] : [what]));
  expect(wrong(old)).toEqual([]);
  expect(wrong({ ...old, partsNano: { ...partsNano, data: '1078006', platform: '215600' } })).toContain(
    'data part',
  );
  const moved = shares.map((share, i) => ({ ...share, amountNano: amounts[[1, 0, 2, 3, 4][i]] }));
  expect(
    wrong({ ...old, attribution: { ...attribution, shares: moved } } as unknown as AnyReceiptBody),
  ).toEqual(['payouts from the shares']);
  const today = { ...complete, ...figures, attribution: { ...attribution, splitTransfer, signer } };
  expect(wrong(today)).toEqual(
    expect.arrayContaining(['creator part', 'node part', 'payouts from the shares']),
  );
});

// Receipts of real calls, from the ledger to `npm run verify`: what stands in them is what the ledger did; any change of any
// field of the file is found; the words are private; a key that fails loses no call; the database lets a receipt change once.
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Chain, DigestSigner } from '../../../contracts/client/chain.ts';
import { privateKeySigner } from '../../../contracts/client/digest-signer.ts';
import { transact } from '../../../db/database.ts';
import { nano, ZERO_NANO } from '../../../db/ledger/amount.ts';
import { entriesOfCall } from '../../../db/ledger/balances.ts';
import { TREASURY, transfer } from '../../../db/ledger/transfer.ts';
import { getEpoch } from '../../../db/repositories/epoch-repository.ts';
import { getReceipt } from '../../../db/repositories/receipt-repository.ts';
import type { Person } from '../../../marketplace/marketplace.ts';
import { buildEpoch } from '../../../marketplace/payouts/build-epoch.ts';
import { cutEpoch } from '../../../marketplace/payouts/cut-epoch.ts';
import { leafFilePath } from '../../../marketplace/payouts/epoch-files.ts';
import type { ReceiptBody } from '../../../marketplace/receipts/receipt-body.ts';
import type { ReceiptFile } from '../../../marketplace/receipts/receipt-file.ts';
import { receiptProof } from '../../../marketplace/receipts/receipt-proof.ts';
import { rootFromFile } from '../../../marketplace/receipts/root-sources.ts';
import { signReceipts } from '../../../marketplace/receipts/sign-receipts.ts';
import { type KnownRoot, verifyFile } from '../../../marketplace/receipts/verify-file.ts';
import { everyChange } from '../../support/every-change.ts';
import { testDatabase } from '../../support/postgres.ts';
import { quietLog } from '../../support/quiet-log.ts';
import { settlementMarket } from '../../support/settlement-world.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import {
  ask,
  done,
  newPerson,
  type TestMarketplace,
  testMarketplace,
} from '../../support/test-marketplace.ts';

const FRANCE = 'What is the capital of France?';
const EGYPT = 'What is the capital of Egypt?';
const database = testDatabase();
const folder = temporaryFolder();
let world: TestMarketplace;
let person: Person;
let stranger: Person;

beforeAll(async () => {
  world = await testMarketplace(database);
  person = await newPerson(world.market);
  stranger = await newPerson(world.market);
});
afterAll(() => world.close());

async function attributedCall(question = FRANCE, who = person) {
  const answer = done(await ask(world.market, who, question));
  await world.market.attributeNow(answer.callId);
  return answer;
}

async function fileOf(number: string, who = person): Promise<ReceiptFile> {
  const view = await world.market.receipt({ person: who, number });
  if (view === null) throw new Error(`no receipt ${number}`);
  return JSON.parse(view.json);
}

/** Cuts and builds an epoch of what is complete, as the settlement does. */
async function settle(): Promise<number> {
  const market = settlementMarket(database.db, null, world.dataDir);
  const newest = await database.db
    .selectFrom('epoch')
    .select('number')
    .orderBy('number', 'desc')
    .executeTakeFirst();
  const number = (newest?.number ?? 0) + 1;
  await cutEpoch(market, { number, growthNano: ZERO_NANO, waitingNano: ZERO_NANO });
  const epoch = await getEpoch(database.db, number);
  if (epoch === undefined) throw new Error('nothing to settle');
  await buildEpoch(market, epoch);
  return number;
}

describe('a receipt of a real call', () => {
  it('says what the ledger did: hold and its sources, price, parts, transfers, shares', async () => {
    const { callId, receiptNumber } = await attributedCall();
    const { receipt } = (await fileOf(receiptNumber)) as { receipt: ReceiptBody };
    const entries = await entriesOfCall(database.db, callId);
    const of = (kind: string, account: string) =>
      entries.filter((entry) => entry.kind === kind && entry.account === account);
    const idOf = (kind: string) => String(entries.find((entry) => entry.kind === kind)?.transferId);
    expect(receipt).toMatchObject({
      ...{ schema: 'openmodels/receipt/3', number: receiptNumber, call: callId, person: person.pseudonym },
      model: { slug: 'pocket-atlas', version: 1, creator: 'demo-creator' },
      datanetVersion: { slug: 'pocket-atlas', number: 1 },
      hold: { amountNano: String(of('hold', 'hold')[0].amountNano), balanceNano: '0' },
      priceNano: '2156000',
      paidFrom: { grantNano: '2156000', balanceNano: '0' },
      partsNano: {
        data: String(of('capture', 'call_pool')[0].amountNano),
        creator: String(of('capture', 'creator')[0].amountNano),
        node: String(of('capture', 'node')[0].amountNano),
        platform: String(of('capture', 'platform')[0].amountNano),
      },
      transfers: { hold: idOf('hold'), capture: idOf('capture') },
      attribution: { splitTransfer: idOf('split'), note: null, noiseFloor: 0.01 },
      settlement: null,
    });
    const paid = of('split', 'contributor').reduce((sum, { amountNano }) => sum + amountNano, 0n);
    expect(receipt.attribution?.shares.reduce((sum, share) => sum + BigInt(share.amountNano), 0n)).toBe(paid);
    for (const [name, at] of Object.entries(receipt.times)) expect(new Date(at).toISOString(), name).toBe(at);
  });

  it('with a balance beside the grant tells what was paid from which', async () => {
    const rich = await newPerson(world.market);
    // 1,000 nano are left of the grant, the rest is paid in.
    await sql`select ledger_roll_up()`.execute(database.db);
    const grant = await world.market.balance(rich);
    const move = (key: string, from: object, to: object, amount: bigint) =>
      transact(database.db, (tx) =>
        transfer(tx, { key, from, to, amountNano: nano(amount), reason: 'test' } as never),
      );
    await move('spend', { kind: 'user_grant', ownerId: rich.id }, TREASURY, grant.grantNano - 1_000n);
    await move('pay-in', TREASURY, { kind: 'user', ownerId: rich.id }, 1_000_000_000n);
    const { receiptNumber } = await attributedCall(FRANCE, rich);
    const file = await fileOf(receiptNumber, rich);
    expect(file.receipt).toMatchObject({
      hold: { grantNano: '1000' },
      paidFrom: { grantNano: '1000', balanceNano: '2155000' },
    });
    expect((await verifyFile(file)).ok).toBe(true);
  });

  it('keeps the words private: others get hashes that nobody can guess, the owner can prove them', async () => {
    const { receiptNumber } = await attributedCall(EGYPT);
    const own = await fileOf(receiptNumber);
    expect(own.private?.prompt.at(-1)).toEqual({ role: 'user', content: EGYPT });
    expect(own.private?.answer).toBe('The capital of Egypt is Cairo.');
    const open = await fileOf(receiptNumber, stranger);
    expect(JSON.stringify(open)).not.toMatch(/Cairo|capital of Egypt|salt|person_/);
    expect({ ...open, private: own.private }).toEqual(own);
    expect((await verifyFile(open)).ok).toBe(true);
    // The same question twice has two hashes: without the salt nothing can be compared or guessed.
    const again = await fileOf((await attributedCall(EGYPT)).receiptNumber);
    expect(again.receipt.answerHash).not.toBe(own.receipt.answerHash);
    expect(again.private?.answer).toBe(own.private?.answer);
    expect(again.private?.salt).not.toBe(own.private?.salt);
  });

  it('with earlier turns in the prompt still proves its words, however many fitted', async () => {
    await database.db
      .updateTable('modelVersion')
      .set({ recipe: { historyMessagesMax: 6 } })
      .execute();
    const talker = await newPerson(world.market);
    for (let turn = 0; turn < 5; turn++) {
      const file = await fileOf((await attributedCall(FRANCE, talker)).receiptNumber, talker);
      expect(file.private?.prompt.length).toBe(Math.min(2 * turn, 6) + 1);
      expect((await verifyFile(file)).ok).toBe(true);
    }
  });

  it('in an epoch is proven by its path; every single change of its file is found', async () => {
    const { receiptNumber } = await attributedCall();
    expect((await fileOf(receiptNumber)).epoch).toBeNull();
    const number = await settle();
    const file = await fileOf(receiptNumber);
    const epoch = await getEpoch(database.db, number);
    expect(file.epoch).toMatchObject({ number, root: epoch?.receiptsRoot, chainId: null, registry: null });
    const { signer, epoch: known } = file;
    const page = join(folder, 'epochs.json');
    const epochs = [{ number, receiptsRoot: known?.root ?? null, receipts: 3 }];
    await writeFile(page, JSON.stringify({ schema: 'openmodels/epochs/1', epochs }));
    expect(await verifyFile(file, { rootOf: rootFromFile(page) })).toMatchObject({ settlement: 'proven' });
    const rootOf = async (asked: { readonly number: number }): Promise<KnownRoot> => ({
      root: asked.number === number ? (known?.root ?? null) : null,
      source: 'the test',
    });
    const options = { signer: signer ?? '', rootOf };
    expect(await verifyFile(file, options)).toMatchObject({ ok: true, settlement: 'proven' });
    const unfound: string[] = [];
    let tried = 0;
    for (const { path, how, changed } of everyChange(JSON.parse(JSON.stringify(file)))) {
      if (path === 'private' && how === 'left out') continue; // that is the public form
      // This marketplace has no chain: the receipt names none, so any is as good.
      if (/^epoch\.(chainId|registry)$/.test(path) && how.startsWith('null')) continue;
      tried += 1;
      const { ok, checks } = await verifyFile(changed, options);
      if (ok || checks.at(-1)?.ok !== false) unfound.push(`${path} (${how})`);
    }
    expect(unfound).toEqual([]);
    expect(tried).toBeGreaterThan(300);
  });

  it('names its epoch only when the chain has it: before, the registry would call it false', async () => {
    const { callId } = await attributedCall();
    const number = await settle();
    const receipt = await getReceipt(database.db, callId);
    if (receipt === undefined) throw new Error('no receipt');
    const chain = { chainId: 31_337, addresses: { registry: `0x${'AB'.repeat(20)}` } } as unknown as Chain;
    const market = { db: database.db, chain, dataDir: world.dataDir };
    expect(await receiptProof(market, receipt)).toBeNull();
    const { db } = database.owner;
    const posted = { state: 'final', txHash: `0x${'1'.repeat(64)}`, blockNumber: 7 } as const;
    await db
      .updateTable('epoch')
      .set(posted as never)
      .where('number', '=', number)
      .execute();
    expect(await receiptProof(market, receipt)).toMatchObject({
      number,
      chainId: '31337',
      registry: `0x${'ab'.repeat(20)}`,
    });
  });

  it('cannot be changed in the database but once, by its completion', async () => {
    const { callId } = done(await ask(world.market, person, FRANCE));
    const change = (set: object) =>
      database.db.updateTable('receipt').set(set).where('callId', '=', callId).execute();
    await expect(change({ hash: `0x${'1'.repeat(64)}` })).rejects.toThrow(/completed once/);
    await expect(change({ salt: `0x${'1'.repeat(64)}` })).rejects.toThrow(/whose it is/);
    await world.market.attributeNow(callId);
    await expect(change({ hash: `0x${'1'.repeat(64)}` })).rejects.toThrow(/completed once/);
    await expect(change({ body: {} })).rejects.toThrow(/completed once/);
    await expect(change({ signature: `0x${'1'.repeat(130)}` })).rejects.toThrow(/signed already/);
    await expect(database.db.deleteFrom('receipt').execute()).rejects.toThrow(/receipt/);
  });
});

describe('a refund', () => {
  it('is a signed note of its own beside the receipt, which never changes; others do not see it', async () => {
    const market = await world.again(database.db, { operators: ['test:operator'] });
    const operator = await market.person({ platform: 'test', userId: 'operator', displayName: 'Op' });
    const { receiptNumber, callId } = await attributedCall();
    const before = await fileOf(receiptNumber);
    const order = { operator, receipt: receiptNumber, reason: 'the answer was about Spain' };
    for (const [key, amount] of [
      ['one', '0.000001'],
      ['two', 'all'],
    ])
      expect(await market.refund({ ...order, amount }, key)).toMatchObject({ ok: true });
    const { refunds, ...rest } = await fileOf(receiptNumber);
    expect(rest).toEqual(before);
    expect(refunds?.map(({ note }) => [note.amountNano, note.reason, note.receipt])).toEqual([
      ['1000', order.reason, receiptNumber],
      [String(BigInt(before.receipt.priceNano) - 1_000n), order.reason, receiptNumber],
    ]);
    const ids = (await entriesOfCall(database.db, callId)).filter(({ kind }) => kind === 'refund');
    expect(refunds?.map(({ note }) => note.transfer)).toEqual([
      ...new Set(ids.map(({ transferId }) => String(transferId))),
    ]);
    expect(await verifyFile({ ...rest, refunds })).toMatchObject({ ok: true });
    expect((await fileOf(receiptNumber, stranger)).refunds).toBeUndefined();
    const view = await market.receipt({ person, number: receiptNumber });
    expect(view?.summary.filter((line) => line.startsWith('refunded'))).toHaveLength(2);
  });
});

describe('the node’s key', () => {
  const key = privateKeySigner(`0x${'33'.repeat(32)}`);
  const broken: DigestSigner = {
    address: key.address,
    signDigest: async () => {
      throw new Error('the key service is away');
    },
  };
  const wrong: DigestSigner = {
    address: key.address,
    signDigest: (digest) => privateKeySigner(`0x${'44'.repeat(32)}`).signDigest(digest),
  };

  it.each([
    ['fails', broken],
    ['gives a foreign signature', wrong],
  ])('that %s loses no call: answered, paid, attributed, and signed when it is back', async (_, nodeKey) => {
    const market = await world.again(database.db, {}, undefined, { nodeKey });
    const answer = done(await ask(market, person, FRANCE));
    await market.attributeNow(answer.callId);
    const view = await market.receipt({ person, number: answer.receiptNumber });
    expect(view?.summary).toContain('not signed yet: the node signs within seconds');
    expect(await verifyFile(JSON.parse(view?.json ?? ''))).toMatchObject({ ok: false });
    expect((await getReceipt(database.db, answer.callId))?.signature).toBeNull();
    // Another node's key does not sign what names this one.
    const deps = { db: database.db, log: quietLog };
    await signReceipts({ ...deps, nodeKey: privateKeySigner(`0x${'55'.repeat(32)}`) });
    expect((await getReceipt(database.db, answer.callId))?.signature).toBeNull();
    expect(await signReceipts({ ...deps, nodeKey: key })).toBeGreaterThan(0);
    const file = await fileOf(answer.receiptNumber);
    expect(await verifyFile(file, { signer: key.address })).toMatchObject({ ok: true });
  });

  it('signs at capture, and anew at completion', async () => {
    const { callId, receiptNumber } = done(await ask(world.market, person, FRANCE));
    const early = await fileOf(receiptNumber);
    expect(await verifyFile(early)).toMatchObject({ ok: true, settlement: 'not_in_epoch' });
    await world.market.attributeNow(callId);
    const late = await fileOf(receiptNumber);
    expect(late.receipt.capturedHash).not.toBeNull();
    expect(late.signature).not.toBe(early.signature);
    expect((await verifyFile(late)).ok).toBe(true);
    // Whoever kept the early one can still show that it became this one.
    expect((await verifyFile(early)).ok).toBe(true);
  });
});

describe('npm run verify', () => {
  const run = promisify(execFile);

  async function verify(...args: readonly string[]) {
    const cli = join(import.meta.dirname, '../../../marketplace/receipts/verify-cli.ts');
    try {
      const { stdout } = await run(process.execPath, [cli, ...args], { env: {} });
      return { code: 0, said: stdout };
    } catch (fault) {
      const { code, stdout, stderr } = fault as { code: number; stdout: string; stderr: string };
      return { code, said: stdout + stderr };
    }
  }

  it('says true (0), false (1), unreadable (2), not in an epoch yet (3), not compared (4), and names what is false', async () => {
    const { receiptNumber } = await attributedCall();
    const path = join(folder, 'receipt.json');
    const keep = async (file: object) => writeFile(path, JSON.stringify(file));
    await keep(await fileOf(receiptNumber));
    const early = await verify(path);
    expect(early).toMatchObject({ code: 3, said: expect.stringContaining('NOT IN AN EPOCH YET') });
    const number = await settle();
    const file = await fileOf(receiptNumber);
    await keep(file);
    expect(await verify(path)).toMatchObject({
      code: 4,
      said: expect.stringContaining('compared with NOTHING'),
    });
    const root = file.epoch?.root ?? '';
    const roots = join(folder, 'roots.json');
    await writeFile(roots, JSON.stringify({ roots: { [number]: root } }));
    const signer = file.signer ?? '';
    for (const source of [
      ['--root', root],
      ['--roots', roots],
    ]) {
      const proven = await verify(path, ...source, '--signer', signer);
      expect(proven).toMatchObject({ code: 0, said: expect.stringContaining('This receipt is true.') });
      expect(proven.said.split('\n').filter((line) => line.startsWith('true '))).toHaveLength(30);
    }
    const other = await verify(path, '--root', `0x${'0'.repeat(64)}`);
    expect(other).toMatchObject({ code: 1, said: expect.stringContaining(`FALSE: root of epoch ${number}`) });
    await keep({ ...file, receipt: { ...file.receipt, priceNano: '2156001' } });
    const forged = await verify(path, '--root', root);
    expect(forged).toMatchObject({
      code: 1,
      said: expect.stringContaining('This receipt is FALSE: price from tokens and rate card.'),
    });
    await writeFile(path, 'no receipt');
    expect((await verify(path)).code).toBe(1);
    expect((await verify(join(folder, 'missing.json'))).code).toBe(2);
    expect((await verify()).said).toContain('usage: npm run -s verify');
    for (const wrong of [
      ['--root', 'tree'],
      ['--root', signer],
      ['--signer', root],
      ['--registry', signer],
    ])
      expect(await verify(path, ...wrong)).toMatchObject({
        code: 2,
        said: expect.stringContaining('usage:'),
      });
  });

  it('checks a published file of leaves against its root', async () => {
    await attributedCall();
    const number = await settle();
    const published = leafFilePath(world.dataDir, number, 'receipts');
    const root = (await getEpoch(database.db, number))?.receiptsRoot ?? '';
    const right = await verify('--epoch', published, '--root', root);
    expect(right).toMatchObject({ code: 0, said: expect.stringContaining('This file of leaves is true.') });
    const text = await readFile(published, 'utf8');
    const changed = join(folder, 'changed.jsonl');
    await writeFile(
      changed,
      text.replace(/("hash":"0x)(.)/, (_, head, digit) => head + (digit === '1' ? '2' : '1')),
    );
    expect(await verify('--epoch', changed)).toMatchObject({
      code: 1,
      said: expect.stringContaining('FALSE'),
    });
    expect((await verify('--epoch', published, '--root', `0x${'0'.repeat(64)}`)).code).toBe(1);
  });
});

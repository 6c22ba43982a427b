// A database that an older program filled: its receipts of schema 1 stay readable for their owner and verifiable, a call that
// was captured then and is attributed now keeps its schema and its chain of hashes, and its shares get what statements add up.
import { cp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { id as keccakOfText } from 'ethers';
import { sql } from 'kysely';
import { beforeAll, describe, expect, it } from 'vitest';
import { transact } from '../../../db/database.ts';
import { nano } from '../../../db/ledger/amount.ts';
import { migrate } from '../../../db/migrate.ts';
import { shareSums } from '../../../db/repositories/statement-repository.ts';
import { completeReceipt } from '../../../marketplace/receipts/complete-receipt.ts';
import type { OldReceiptBody } from '../../../marketplace/receipts/old-receipt.ts';
import { readReceipt } from '../../../marketplace/receipts/read-receipt.ts';
import { receiptHash } from '../../../marketplace/receipts/receipt-body.ts';
import { verifyFile } from '../../../marketplace/receipts/verify-file.ts';
import { splitDataPool, splitPrice } from '../../../marketplace/split-price.ts';
import { testDatabase } from '../../support/postgres.ts';
import { quietLog } from '../../support/quiet-log.ts';
import { NODE_KEY } from '../../support/receipt-sample.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const SHIPPED = new URL('../../../db/migrations/', import.meta.url);
const database = testDatabase({ migrated: false }).owner;
const folder = temporaryFolder();

const splitBps = { data: 5_000, creator: 2_500, node: 1_500, platform: 1_000 };
const people = ['person_ada', 'person_ben', 'person_cleo'];
const fallback = people.map((personId) => ({ personId, weight: 1 }));
const influence = [{ contributionId: 'contrib_1', personId: 'person_ada', sharePpm: 333_333 }];

/** As the first program wrote it at capture. */
function capturedThen(call: string): OldReceiptBody {
  const parts = splitPrice(nano(2_156_001n), splitBps, call);
  return {
    schema: 'openmodels/receipt/1',
    call,
    at: '2026-01-01T00:00:00.000Z',
    person: 'ada',
    model: { slug: 'atlas', version: 1, versionId: 'mv_1' },
    datanetVersion: { number: 1, merkleRoot: `0x${'1'.repeat(64)}` },
    promptHash: keccakOfText('[{"content":"q","role":"user"}]'),
    answerHash: keccakOfText('a'),
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
}

const payoutsOf = (call: string) =>
  splitDataPool(splitPrice(nano(2_156_001n), splitBps, call).dataNano, influence, fallback, call);

function completedThen(call: string): OldReceiptBody {
  const body = capturedThen(call);
  return {
    ...body,
    capturedHash: receiptHash(body),
    attribution: {
      ...{
        at: '2026-01-01T00:00:01.000Z',
        alphaPpm: 400_000,
        noiseFloor: 0.01,
        storeHash: 'abc',
        note: null,
      },
      shares: payoutsOf(call).map((payout) => ({
        kind: payout.kind,
        contributor: payout.personId.slice('person_'.length),
        account: payout.personId,
        contribution: payout.contributionId,
        contributionHash: null,
        sharePpm: payout.sharePpm,
        amountNano: String(payout.amountNano),
      })),
    },
  };
}

beforeAll(async () => {
  // The seven migrations that the first program had.
  const then = join(folder, 'then');
  await cp(SHIPPED, then, { recursive: true });
  for (const name of await readdir(then)) if (name > '008') await rm(join(then, name), { recursive: true });
  await migrate(database.pool, { directory: pathToFileURL(`${then}/`) });
  const { db } = database;
  for (const id of people)
    await sql`insert into person (id, pseudonym) values (${id}, ${id.slice('person_'.length)})`.execute(db);
  await sql`insert into datanet (id, slug, title, description, licence, owner_id)
    values ('datanet_1', 'atlas', 'Atlas', 'd', 'CC0-1.0', 'person_cleo')`.execute(db);
  await sql`insert into contribution (id, datanet_id, person_id, question, answer, content_hash, state)
    values ('contrib_1', 'datanet_1', 'person_ada', 'q', 'a', 'h', 'accepted')`.execute(db);
  await sql`insert into datanet_version (id, datanet_id, number, merkle_root, contribution_count)
    values ('dnv_1', 'datanet_1', 1, ${`0x${'1'.repeat(64)}`}, 1)`.execute(db);
  await sql`insert into model (id, slug, title, description, datanet_id, creator_id, price_call_nano,
      price_prompt_ktoken_nano, price_answer_ktoken_nano, data_bps, creator_bps, node_bps, platform_bps)
    values ('model_1', 'atlas', 'Atlas', 'd', 'datanet_1', 'person_cleo', 2000001, 4000000, 20000000, 5000, 2500, 1500, 1000)`.execute(
    db,
  );
  await sql`insert into model_version (id, model_id, number, datanet_version_id, adapter_dir)
    values ('mv_1', 'model_1', 1, 'dnv_1', 'a')`.execute(db);
  for (const call of ['call_complete', 'call_captured']) {
    const body = call === 'call_complete' ? completedThen(call) : capturedThen(call);
    const attributedAt = body.attribution === null ? null : new Date();
    await sql`insert into call (id, event_key, person_id, model_id, model_version_id, state, ceiling_nano, price_nano,
        prompt_tokens, answer_tokens, prompt, prompt_hash, answer, settled_at, attributed_at)
      values (${call}, ${call}, 'person_ada', 'model_1', 'mv_1', 'captured', 6036001, 2156001, 9, 6, 'q',
        ${body.promptHash}, 'a', now(), ${attributedAt})`.execute(db);
    await sql`insert into receipt (call_id, body, hash) values (${call}, ${{ ...body }}, ${receiptHash(body)})`.execute(
      db,
    );
  }
  for (const [index, payout] of payoutsOf('call_complete').entries()) {
    await sql`insert into call_share (call_id, rank, contribution_id, person_id, kind, share_ppm, amount_nano)
      values ('call_complete', ${index + 1}, ${payout.contributionId}, ${payout.personId}, ${payout.kind},
        ${payout.sharePpm}, ${String(payout.amountNano)})`.execute(db);
  }
  // The program is renewed.
  await migrate(database.pool);
});

const market = () => ({
  ...{ db: database.db, log: quietLog, nodeKey: NODE_KEY, chain: null, dataDir: folder },
  clock: () => new Date('2026-01-02T00:00:00.000Z'),
});
const ada = { id: 'person_ada', pseudonym: 'ada', isNew: false };
const read = async (number: string, person = ada) => {
  const view = await readReceipt(market(), { person, number });
  return view === null ? null : JSON.parse(view.json);
};

describe('a receipt of schema 1', () => {
  it('is read by its owner, signed now, and true; nobody else gets it, as it names accounts', async () => {
    const file = await read('R-000001');
    expect(file).toMatchObject({ receipt: completedThen('call_complete'), epoch: null });
    expect(file.private).toBeUndefined();
    expect(await verifyFile(file, { signer: NODE_KEY.address })).toMatchObject({
      ...{ ok: true, settlement: 'not_in_epoch' },
    });
    expect(await read('R-000001', { ...ada, id: 'person_ben' })).toBeNull();
    const forged = { ...file, receipt: { ...file.receipt, priceNano: '2156002' } };
    expect((await verifyFile(forged)).checks.at(-1)).toMatchObject({
      ok: false,
      what: 'price from tokens and rate card',
    });
  });

  it('captured then and attributed now keeps its schema and names the hash it had', async () => {
    const before = capturedThen('call_captured');
    await transact(database.db, (tx) =>
      completeReceipt(
        tx,
        market(),
        'call_captured',
        { alpha: 0.4, noiseFloor: 0.01, storeHash: 'abc', note: null },
        payoutsOf('call_captured'),
        [],
      ),
    );
    const file = await read('R-000002');
    expect(file.receipt).toMatchObject({ schema: 'openmodels/receipt/1', capturedHash: receiptHash(before) });
    expect(file.receipt.attribution.shares[0]).toMatchObject({ account: 'person_ada', contributor: 'ada' });
    expect((await verifyFile(file)).ok).toBe(true);
  });

  it('has shares with their day, datanet and dust, as the program computes them today', async () => {
    const rows = await database.db.selectFrom('callShare').selectAll().orderBy('rank').execute();
    expect(rows.map(({ dustMicronano, datanetId }) => [dustMicronano, datanetId])).toEqual(
      payoutsOf('call_complete').map(({ dustMicronano }) => [dustMicronano, 'datanet_1']),
    );
    expect((await shareSums(database.db, 'person_ada', null)).calls).toBe(1);
  });

  it('is followed by the next number', async () => {
    const { rows } = await sql<{ next: number }>`
      select nextval(pg_get_serial_sequence('receipt', 'number'))::integer as next`.execute(database.db);
    expect(rows[0].next).toBe(3);
  });
});

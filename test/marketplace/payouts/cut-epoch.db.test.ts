// What goes into an epoch: complete receipts once each, payouts within cap and coins, wishes to get paid-in OPEN back; and what
// the database itself refuses.
import { readFileSync, rmSync } from 'node:fs';
import { sql } from 'kysely';
import { beforeAll, describe, expect, it } from 'vitest';
import { transact } from '../../../db/database.ts';
import { addNano, formatOpen, nano, openNano } from '../../../db/ledger/amount.ts';
import { books } from '../../../db/ledger/books.ts';
import { storeProof } from '../../../db/ledger/books-proof.ts';
import { payout } from '../../../db/ledger/payout.ts';
import { newId } from '../../../db/new-id.ts';
import { getEpoch, newestEpoch } from '../../../db/repositories/epoch-repository.ts';
import { payoutsDue } from '../../../db/repositories/payout-repository.ts';
import { prepareJobs } from '../../../marketplace/jobs/job-runner.ts';
import { askBack } from '../../../marketplace/payouts/ask-back.ts';
import { buildFiles } from '../../../marketplace/payouts/build-epoch.ts';
import { claimOf } from '../../../marketplace/payouts/claim-of.ts';
import { claimsTreePath, leafFilePath } from '../../../marketplace/payouts/epoch-files.ts';
import { readClaims } from '../../../marketplace/payouts/read-claims.ts';
import { checkPostedRoot } from '../../../marketplace/payouts/watch-roots.ts';
import { createWatcher } from '../../../marketplace/wallets/watch-chain.ts';
import type { World } from '../../support/marketplace-rows.ts';
import { testDatabase } from '../../support/postgres.ts';
import { quietLog } from '../../support/quiet-log.ts';
import { addressOf } from '../../support/scripted-chain.ts';
import { type ScriptedVault, scriptedVault } from '../../support/scripted-vault.ts';
import {
  balanceOf,
  expectSoundBooks,
  give,
  personWithWallet,
  receipts,
  type SettlementMarket,
  settlementMarket,
  settleUntil,
  someWorld,
} from '../../support/settlement-world.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const OPEN = 10n ** 18n;
const database = testDatabase();
const dataDir = temporaryFolder();
let world: World;
let script: ScriptedVault;
let market: SettlementMarket;
beforeAll(async () => {
  world = await someWorld(database.db);
  script = scriptedVault({ growthCapWei: 100n * OPEN });
  await prepareJobs(database.url, quietLog);
  market = settlementMarket(database.db, script.chain, dataDir, { payoutLeastNano: openNano('1') });
  await fundVault(1_000n);
});

async function watch(): Promise<void> {
  script.finalize();
  await createWatcher(market, script.chain).round();
}

async function fundVault(open: bigint): Promise<void> {
  script.deposit(open * OPEN);
  await watch();
}

/** One epoch, from its cut to the moment when it counts. */
async function epoch() {
  await settleUntil(market, ['sent']);
  await watch();
  await settleUntil(market, ['final']);
  const found = await newestEpoch(database.db);
  if (found === undefined) throw new Error('no epoch');
  return found;
}

const nothing = async (): Promise<void> => void (await settleUntil(market, ['nothing'], 1));
const claimable = async (wallet: string): Promise<string> =>
  formatOpen(await balanceOf(database.db, wallet, 'claimable'));
const indexesOf = async (number: number) =>
  database.db
    .selectFrom('epochReceipt')
    .innerJoin('receipt', 'receipt.callId', 'epochReceipt.callId')
    .select(['leafIndex', 'receipt.number'])
    .where('epochNumber', '=', number)
    .orderBy('leafIndex')
    .execute();

describe('receipts', () => {
  it('go into one epoch each, in the order of their numbers, and only when they are complete', async () => {
    const { db } = database;
    await nothing();
    await receipts(db, world, 4);
    const second = await db
      .selectFrom('receipt')
      .select('callId')
      .orderBy('number')
      .offset(1)
      .executeTakeFirstOrThrow();
    await db.updateTable('call').set({ attributedAt: null }).where('id', '=', second.callId).execute();
    const first = await epoch();
    expect(first).toMatchObject({ receiptCount: 3, claimCount: 0, claimsNumber: null });
    expect((await indexesOf(first.number)).map(({ leafIndex }) => leafIndex)).toEqual([0, 1, 2]);
    await nothing();
    await db.updateTable('call').set({ attributedAt: new Date() }).where('id', '=', second.callId).execute();
    await receipts(db, world, 1);
    const next = await epoch();
    expect(next.receiptCount).toBe(2);
    const numbers = (await indexesOf(next.number)).map(({ number }) => number);
    expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
  });

  it('of which an epoch takes only so many leave the rest to the next', async () => {
    await receipts(database.db, world, 5);
    const few = settlementMarket(database.db, script.chain, dataDir, { epochReceiptsMax: 3 });
    await settleUntil(few, ['sent']);
    await watch();
    await settleUntil(few, ['final']);
    expect((await newestEpoch(database.db))?.receiptCount).toBe(3);
    expect((await epoch()).receiptCount).toBe(2);
  });
});

describe('payouts', () => {
  it('wait until somebody has earned the least amount, and until a wallet is linked', async () => {
    const { db } = database;
    const wallet = addressOf('least');
    const personId = await personWithWallet(db, wallet);
    await give(db, personId, '0.999999999');
    await give(db, newId('walletless'), '5');
    await nothing();
    await give(db, personId, '0.000000001', 'creator');
    expect(await epoch()).toMatchObject({ receiptCount: 0, claimCount: 1, claimsTotalNano: openNano('1') });
    expect(await claimable(wallet)).toBe('1');
    await expectSoundBooks(db);
  });

  it('above the growth cap wait, disclosed; who was paid longest ago comes first', async () => {
    const { db } = database;
    const [early, late] = [addressOf('early'), addressOf('late')];
    await give(db, await personWithWallet(db, early), '70');
    const second = await personWithWallet(db, late);
    await give(db, second, '70');
    const first = await epoch();
    expect(first.waitingNano).toBe(openNano('40'));
    expect([await claimable(early), await claimable(late)]).toEqual(['70', '30']);
    await give(db, second, '10');
    const next = await epoch();
    expect(next.waitingNano).toBe(0n);
    expect(await claimable(late)).toBe('80');
    expect(next.claimsTotalNano - first.claimsTotalNano).toBe(openNano('50'));
    await expectSoundBooks(db);
  });

  it('are made of coins only: what the treasury promised without any waits for a deposit', async () => {
    const { db } = database;
    const wallet = addressOf('uncovered');
    const rich = await personWithWallet(db, wallet);
    await give(db, newId('other'), '800', 'user');
    const { claimsTotalNano: standing } = await newestEpochOf();
    // What is left of the coins beside the claims and another person's own balance.
    const left = nano(openNano('1000') - openNano('800') - standing);
    await give(db, rich, formatOpen(addNano(left, openNano('10'))));
    const short = await epoch();
    expect(await claimable(wallet)).toBe(formatOpen(left));
    expect(short.waitingNano).toBe(openNano('10'));
    await nothing();
    await fundVault(500n);
    await epoch();
    expect(await claimable(wallet)).toBe(formatOpen(addNano(left, openNano('10'))));
    await expectSoundBooks(db);
  });

  it('stop while the books do not balance', async () => {
    const { db } = database;
    await give(db, await personWithWallet(db, addressOf('unsound')), '3');
    const proved = await books(db);
    await transact(db, (tx) => storeProof(tx, { ...proved, ok: false, firstDifference: 'made up' }));
    expect(await settleUntil(market, ['stopped'], 1)).toMatchObject({ alarm: 'the books do not balance' });
    await transact(db, (tx) => storeProof(tx, proved));
    await epoch();
    expect(await claimable(addressOf('unsound'))).toBe('3');
  });

  it('stop when somebody has claimed more on chain than the books gave', async () => {
    const { db } = database;
    const wallet = addressOf('forger');
    await give(db, await personWithWallet(db, wallet), '2');
    script.claim(wallet, 3n * OPEN);
    expect(await settleUntil(market, ['stopped'], 1)).toMatchObject({
      alarm: expect.stringContaining(`${wallet} has claimed 3000000000000000000 wei`),
    });
    // A made-up claim: it goes before the watcher sees it, who would stop too.
    script.claim(wallet, 0n);
    script.reorg(2);
    await epoch();
  });

  it('go to the platform’s and the node’s wallets where these are configured', async () => {
    const { db } = database;
    await give(db, 'platform', '2', 'platform');
    await give(db, 'node:local', '3', 'node');
    await nothing();
    const [platform, node] = [addressOf('platform wallet'), addressOf('node wallet')];
    const payoutWallets = { platform, 'node:local': node };
    const configured = settlementMarket(db, script.chain, dataDir, { payoutWallets });
    await settleUntil(configured, ['sent']);
    await watch();
    await settleUntil(configured, ['final']);
    expect([await claimable(platform), await claimable(node)]).toEqual(['2', '3']);
  });
});

const newestEpochOf = async () => {
  const found = await newestEpoch(database.db);
  if (found === undefined) throw new Error('no epoch');
  return found;
};

const due = async (personId: string) =>
  (await payoutsDue(database.db, { wallets: {}, leastNano: openNano('1') })).find(
    ({ ownerId }) => ownerId === personId,
  );

describe('paid-in OPEN asked back', () => {
  it('goes out with the next epoch, at most what is left by then; a wish can be changed and taken back', async () => {
    const { db } = database;
    const wallet = addressOf('asker');
    const personId = await personWithWallet(db, wallet);
    expect(await askBack(market, personId, '1')).toMatchObject({
      code: 'balance_too_low',
      availableNano: 0n,
    });
    await give(db, personId, '8', 'user');
    expect(await due(personId)).toBeUndefined();
    expect(await askBack(market, personId, '9')).toMatchObject({ code: 'balance_too_low' });
    expect(await askBack(market, personId, 'much')).toMatchObject({ code: 'not_an_amount' });
    expect(await askBack(market, personId, '1.0000000001')).toMatchObject({ code: 'too_many_decimals' });
    expect(await askBack(market, personId, '5')).toMatchObject({ ok: true, askedNano: openNano('5') });
    expect(await askBack(market, personId, 'none')).toEqual({ ok: true, cancelledNano: openNano('5') });
    expect(await askBack(market, personId, '0')).toEqual({ ok: true, cancelledNano: 0n });
    await nothing();
    await askBack(market, personId, '2');
    await askBack(market, personId, 'ALL');
    expect(await due(personId)).toMatchObject({ ownNano: openNano('8'), contributorNano: 0n });
    const claims = await readClaims(market, personId);
    expect(claims).toMatchObject({
      wallet,
      ownNano: openNano('8'),
      askedNano: openNano('8'),
      earnedNano: 0n,
    });
    // An answer is bought meanwhile.
    const spent = { key: newId('spent'), wallet: addressOf('elsewhere') };
    const sources = [{ kind: 'user', ownerId: personId, amountNano: openNano('1') }] as const;
    await transact(db, async (tx) => {
      await payout(tx, { ...spent, sources });
      await sql`insert into payout (epoch_number, owner_id, wallet, earned_nano, own_nano)
        values (999, ${personId}, ${spent.wallet}, 0, ${openNano('1')})`.execute(tx);
    });
    await epoch();
    expect(await claimable(wallet)).toBe('7');
    const after = await readClaims(market, personId);
    expect(after).toMatchObject({ ownNano: 0n, askedNano: 0n, onChain: { claimableNano: openNano('7') } });
    await nothing();
    await expectSoundBooks(db);
  });

  it('needs a wallet and a chain', async () => {
    const personId = newId('nobody');
    expect(await askBack(market, personId, '1')).toEqual({ ok: false, code: 'no_wallet' });
    const chainless = settlementMarket(database.db, null, dataDir);
    expect(await askBack(chainless, personId, '1')).toEqual({ ok: false, code: 'no_chain' });
    expect(await readClaims(chainless, personId)).toEqual({ ok: false, code: 'no_chain' });
    expect(await claimOf(chainless, addressOf('x'))).toEqual({ ok: false, code: 'no_chain' });
  });
});

describe('an epoch that was cut', () => {
  it('gives the same files to the byte again, and proofs from a tree that was damaged', async () => {
    const { db } = database;
    const wallet = addressOf('least');
    const found = await newestEpochOf();
    const paths = (['receipts', 'claims'] as const).map((kind) => leafFilePath(dataDir, found.number, kind));
    const before = paths.map((path) => readFileSync(path, 'utf8'));
    for (const path of [...paths, claimsTreePath(dataDir, found.claimsNumber ?? 0)]) rmSync(path);
    const can = await claimOf(market, wallet);
    expect(can).toMatchObject({ ok: true, claim: { root: found.claimsRoot } });
    await buildFiles(market, found);
    expect(paths.map((path) => readFileSync(path, 'utf8'))).toEqual(before);
    expect(await checkPostedRoot(market, script.chain)).toEqual({ state: 'ours', epoch: found.number });
    expect(await getEpoch(db, found.number)).toEqual(found);
  });

  it('is told from one on chain that is not ours by the watch-dog', async () => {
    const { activeRoot, activeTotalWei } = await script.chain.vault();
    script.meddle({ activeRoot: `0x${'12'.repeat(32)}`, activeTotalWei: 1n });
    const check = await checkPostedRoot(market, script.chain);
    expect(check).toMatchObject({
      state: 'foreign',
      differences: [/claims root/, /claims total/].map((name) => expect.stringMatching(name)),
    });
    script.meddle({ activeRoot, activeTotalWei });
    const other = { ...script.chain, receiptsRoot: async () => `0x${'34'.repeat(32)}` };
    expect(await checkPostedRoot(market, other)).toMatchObject({
      state: 'foreign',
      differences: [expect.stringMatching(/receipts root/)],
    });
  });

  it('cannot change what it holds, lose a leaf, lower an account or be deleted: the database refuses', async () => {
    const { db } = database;
    const { number, claimsNumber } = await newestEpochOf();
    const wallet = addressOf('least');
    const refused = (query: ReturnType<typeof sql>) => expect(query.execute(db)).rejects.toThrow();
    await refused(sql`update epoch set claims_total_nano = 0 where number = ${number}`);
    await refused(sql`update epoch set claims_root = ${`0x${'00'.repeat(32)}`} where number = ${number}`);
    await refused(sql`update epoch set state = 'built' where number = ${number}`);
    await refused(sql`delete from epoch where number = ${number}`);
    await refused(sql`update claim_leaf set cumulative_nano = 1`);
    await refused(sql`delete from claim_leaf`);
    await refused(sql`delete from epoch_receipt`);
    await refused(sql`insert into epoch_receipt select 1, 99, call_id from epoch_receipt limit 1`);
    await expect(
      transact(db, async (tx) => {
        await sql`insert into epoch (number, base_number, claims_number, receipt_count, claim_count, claims_total_nano, receipts_from, cut_at)
          values (${number + 1}, ${number}, ${number + 1}, 0, 1, 1, 1, now())`.execute(tx);
        await sql`insert into claim_leaf select ${number + 1}, wallet, cumulative_nano - 1 from claim_leaf
          where epoch_number = ${claimsNumber} and wallet = ${wallet}`.execute(tx);
      }),
    ).rejects.toThrow(/would fall/);
    expect(await newestEpochOf()).toMatchObject({ number });
  });
});

describe('without a poster', () => {
  it('receipts are cut and published, claims wait, and the epochs are posted in order when somebody can', async () => {
    const { db } = database;
    const readOnly = settlementMarket(db, { ...script.chain, poster: null }, dataDir);
    const wallet = addressOf('patient');
    await give(db, await personWithWallet(db, wallet), '4');
    const { number } = await newestEpochOf();
    for (const count of [2, 1]) {
      await receipts(db, world, count);
      await settleUntil(readOnly, ['cut']);
      await settleUntil(readOnly, ['built']);
    }
    expect(await newestEpochOf()).toMatchObject({ number: number + 2, state: 'built', receiptCount: 1 });
    expect(await claimable(wallet)).toBe('0');
    for (let i = 0; i < 2; i++) {
      await settleUntil(market, ['sent']);
      await watch();
      await settleUntil(market, ['final']);
    }
    expect(script.posted.slice(-2).map((posting) => Number(posting.epoch))).toEqual([number + 1, number + 2]);
    await epoch();
    expect(await claimable(wallet)).toBe('4');
    await expectSoundBooks(db);
  });
});

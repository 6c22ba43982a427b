// From an earning to coins in a wallet, on a real chain and a real database: paid out, cut into an epoch, posted, active,
// claimed, booked. And what happens to the posting of an epoch when the chain does not do as it should.
import { existsSync } from 'node:fs';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { checkLeafFile } from '../../../contracts/merkle/leaf-file.ts';
import { merkleTree } from '../../../contracts/merkle/merkle-tree.ts';
import { openNano } from '../../../db/ledger/amount.ts';
import { getEpoch } from '../../../db/repositories/epoch-repository.ts';
import { prepareJobs } from '../../../marketplace/jobs/job-runner.ts';
import { claimOf } from '../../../marketplace/payouts/claim-of.ts';
import { leafFilePath } from '../../../marketplace/payouts/epoch-files.ts';
import { checkPostedRoot } from '../../../marketplace/payouts/watch-roots.ts';
import { TREASURY_REF } from '../../../marketplace/wallets/deposit-owner.ts';
import { createWatcher } from '../../../marketplace/wallets/watch-chain.ts';
import type { World } from '../../support/marketplace-rows.ts';
import { testDatabase } from '../../support/postgres.ts';
import { quietLog } from '../../support/quiet-log.ts';
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
import { testChain } from '../../support/test-chain.ts';

const OPEN = 10n ** 18n;
const database = testDatabase();
const chained = testChain({ growthCapWei: 500n * OPEN });
const dataDir = temporaryFolder();
let market: SettlementMarket;
let world: World;

beforeAll(async () => {
  await prepareJobs(database.url, quietLog);
  world = await someWorld(database.db);
});
beforeEach(() => {
  market = settlementMarket(database.db, chained.chain, dataDir);
});

/** The watcher books what is final. */
async function watch(): Promise<void> {
  await chained.finalize();
  await createWatcher(market, chained.chain).round();
}

async function fundVault(open: bigint): Promise<void> {
  await chained.operator.deposit(open * OPEN, TREASURY_REF);
  await watch();
}

/** An epoch from its cut to the moment when its root counts. */
async function settleEpoch(): Promise<number> {
  await settleUntil(market, ['cut']);
  await settleUntil(market, ['sent']);
  await chained.finalize();
  const step = await settleUntil(market, ['final']);
  await chained.passSeconds(2);
  market.advance(2_000);
  await watch();
  return 'epoch' in step ? step.epoch : 0;
}

describe('from an earning to coins', () => {
  it('2.5 OPEN earned and 1 OPEN asked back arrive in the wallet to the last nano, and claimable is empty', async () => {
    const { db } = database;
    await fundVault(100n);
    const ada = await chained.person();
    const personId = await personWithWallet(db, ada.address);
    await give(db, personId, '2.000000001');
    await give(db, personId, '0.499999999', 'creator');
    const hashes = await receipts(db, world, 3);
    const number = await settleEpoch();

    const epoch = await getEpoch(db, number);
    expect(epoch).toMatchObject({
      state: 'final',
      receiptCount: 3,
      claimCount: 1,
      claimsTotalNano: openNano('2.5'),
    });
    expect(await chained.chain.receiptsRoot(BigInt(number))).toBe(
      merkleTree(
        ['bytes32'],
        hashes.map((h) => [h]),
      ).root,
    );
    for (const kind of ['receipts', 'claims'] as const) {
      expect(await checkLeafFile(leafFilePath(dataDir, number, kind))).toMatchObject({ ok: true });
    }
    expect(await checkPostedRoot(market, chained.chain)).toEqual({ state: 'ours', epoch: number });
    expect(await balanceOf(db, ada.address, 'claimable')).toBe(openNano('2.5'));

    const can = await claimOf(market, ada.address);
    if (!can.ok || can.claim === null) throw new Error('nothing to claim');
    expect(can).toMatchObject({
      claimableNano: openNano('2.5'),
      claimedNano: 0n,
      waiting: null,
      paused: false,
    });
    const { cumulativeWei, root, proof } = can.claim;
    await ada.call('vault', 'claim', [ada.address, cumulativeWei, root, proof]);
    expect(await chained.chain.coinsOf(ada.address)).toBe((25n * OPEN) / 10n);
    await watch();
    expect(await balanceOf(db, ada.address, 'claimable')).toBe(0n);
    expect(await claimOf(market, ada.address)).toMatchObject({ claimableNano: 0n, claim: null });
    await expectSoundBooks(db);
    expect(existsSync(leafFilePath(dataDir, number, 'claims'))).toBe(true);
  });
});

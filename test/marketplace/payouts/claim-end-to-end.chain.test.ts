// From an earning to coins in a wallet, on a real chain and a real database: paid out, cut into an epoch, posted, active,
// claimed, booked. And what happens to the posting of an epoch when the chain does not do as it should.
import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { id } from 'ethers';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { contractFaces } from '../../../contracts/client/contract-faces.ts';
import { viewOf } from '../../../contracts/client/view-call.ts';
import { checkLeafFile } from '../../../contracts/merkle/leaf-file.ts';
import { merkleTree } from '../../../contracts/merkle/merkle-tree.ts';
import { transact } from '../../../db/database.ts';
import { openNano } from '../../../db/ledger/amount.ts';
import { createDatanetVersion } from '../../../db/repositories/datanet-version-repository.ts';
import { getEpoch } from '../../../db/repositories/epoch-repository.ts';
import { publishModelVersion } from '../../../db/repositories/model-version-repository.ts';
import { postingsOf } from '../../../db/repositories/posting-repository.ts';
import { prepareJobs } from '../../../marketplace/jobs/job-runner.ts';
import { askBack } from '../../../marketplace/payouts/ask-back.ts';
import { claimOf } from '../../../marketplace/payouts/claim-of.ts';
import { leafFilePath } from '../../../marketplace/payouts/epoch-files.ts';
import { checkPostedRoot } from '../../../marketplace/payouts/watch-roots.ts';
import { TREASURY_REF } from '../../../marketplace/wallets/deposit-owner.ts';
import { createWatcher } from '../../../marketplace/wallets/watch-chain.ts';
import { newCandidate, type World } from '../../support/marketplace-rows.ts';
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
const chained = testChain({ growthCapWei: 500n * OPEN, postingDelaySeconds: 600n });
const dataDir = temporaryFolder();
let market: SettlementMarket;
let world: World;
let aheadMs = 0;

beforeAll(async () => {
  await prepareJobs(database.url, quietLog);
  world = await someWorld(database.db);
});
beforeEach(() => {
  market = settlementMarket(database.db, chained.chain, dataDir);
  market.advance(aheadMs);
});

/** The watcher books what is final. */
async function watch(): Promise<void> {
  await chained.finalize();
  await createWatcher(market, chained.chain).round();
}

/** The posting counts from now on: by the chain's clock, which is ahead of ours from then on, and by the marketplace's. */
async function passDelay(): Promise<void> {
  await chained.passSeconds(601);
  aheadMs += 601_000;
  market.advance(601_000);
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
  await passDelay();
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
    await give(db, personId, '3', 'user');
    expect(await askBack(market, personId, '1')).toMatchObject({ ok: true });
    const hashes = await receipts(db, world, 3);
    const number = await settleEpoch();

    const epoch = await getEpoch(db, number);
    expect(epoch).toMatchObject({
      state: 'final',
      receiptCount: 3,
      claimCount: 1,
      claimsTotalNano: openNano('3.5'),
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
    expect(await balanceOf(db, ada.address, 'claimable')).toBe(openNano('3.5'));

    const can = await claimOf(market, ada.address);
    if (!can.ok || can.claim === null) throw new Error('nothing to claim');
    expect(can).toMatchObject({
      claimableNano: openNano('3.5'),
      claimedNano: 0n,
      waiting: null,
      paused: false,
    });
    const { cumulativeWei, root, proof } = can.claim;
    await ada.call('vault', 'claim', [ada.address, cumulativeWei, root, proof]);
    expect(await chained.chain.coinsOf(ada.address)).toBe((35n * OPEN) / 10n);
    await watch();
    expect(await balanceOf(db, ada.address, 'claimable')).toBe(0n);
    expect(await claimOf(market, ada.address)).toMatchObject({ claimableNano: 0n, claim: null });
    await expectSoundBooks(db);
  });
});

describe('a posting on a real chain', () => {
  const earn = async (): Promise<void> => void (await receipts(database.db, world, 1));
  const postingEvents = async () =>
    (await chained.chain.logs(0n, (await chained.chain.heads()).latest.number)).filter(
      ({ kind }) => kind === 'epoch',
    );

  it('that is stuck is replaced under its nonce and posted once', async () => {
    await earn();
    const before = (await postingEvents()).length;
    await chained.holdTransactions(true);
    await settleUntil(market, ['sent']);
    await settleUntil(market, ['waiting_to_be_mined']);
    market.advance(market.settings.replaceAfterMs);
    const step = await settleUntil(market, ['replaced']);
    await chained.mine();
    await chained.holdTransactions(false);
    await chained.finalize();
    await settleUntil(market, ['final']);
    const number = 'epoch' in step ? step.epoch : 0;
    const postings = await postingsOf(database.db, number);
    expect(postings.map(({ nonce }) => nonce)).toEqual([postings[0].nonce, postings[0].nonce]);
    expect(await getEpoch(database.db, number)).toMatchObject({ state: 'final', txHash: postings[1].txHash });
    expect(await postingEvents()).toHaveLength(before + 1);
    await passDelay();
  });

  it('that a reorganisation took out is sent again and posted once', async () => {
    await earn();
    const before = (await postingEvents()).length;
    await settleUntil(market, ['sent']);
    await settleUntil(market, ['waiting_for_finality']);
    await chained.reorg(1);
    expect(await postingEvents()).toHaveLength(before);
    await settleUntil(market, ['waiting_to_be_mined', 'waiting_for_finality']);
    await chained.finalize();
    await settleUntil(market, ['final']);
    expect(await postingEvents()).toHaveLength(before + 1);
    await passDelay();
  });

  it('that is vetoed pays nobody; the next one does, and within the growth cap of 500 OPEN', async () => {
    const { db } = database;
    await fundVault(900n);
    const ben = await chained.person();
    await give(db, await personWithWallet(db, ben.address), '700');
    await settleUntil(market, ['sent']);
    await chained.finalize();
    const step = await settleUntil(market, ['final']);
    const number = 'epoch' in step ? step.epoch : 0;
    expect((await getEpoch(db, number))?.waitingNano).toBe(openNano('200'));
    await chained.operator.call('vault', 'vetoEpoch', [number]);
    await watch();
    await settleUntil(market, ['cut']);
    expect((await getEpoch(db, number))?.state).toBe('vetoed');
    expect(await claimOf(market, ben.address)).toMatchObject({ claimableNano: 0n });
    await settleUntil(market, ['sent']);
    await chained.finalize();
    await settleUntil(market, ['final']);
    await passDelay();
    await watch();
    const can = await claimOf(market, ben.address);
    if (!can.ok || can.claim === null) throw new Error('nothing to claim');
    expect(can.claimableNano).toBe(openNano('500'));
    const { cumulativeWei, root, proof } = can.claim;
    await ben.call('vault', 'claim', [ben.address, cumulativeWei, root, proof]);
    await settleEpoch();
    expect(await claimOf(market, ben.address)).toMatchObject({ claimableNano: openNano('200') });
    await watch();
    await expectSoundBooks(db);
  });
});

describe('the registry', () => {
  it('has the versions of datanets and models after some rounds, once each, by root and by the hash of the weights', async () => {
    const { db } = database;
    const { datanet, model, contributions } = world;
    const { root } = merkleTree(['bytes32'], [[`0x${'5'.repeat(64)}`]]);
    const adapterDir = join(dataDir, 'adapters', 'x');
    await mkdir(adapterDir, { recursive: true });
    await writeFile(join(adapterDir, 'adapter_model.safetensors'), 'weights');
    const version = await transact(db, async (tx) => {
      const contributionIds = contributions.map(({ id }) => id);
      const cut = await createDatanetVersion(tx, {
        datanetId: datanet.id,
        merkleRoot: root,
        contributionIds,
      });
      const candidate = await newCandidate(tx, model.id, cut.id);
      await publishModelVersion(tx, { id: candidate.id, cause: 'test' });
      return { datanet: cut.number, model: candidate.number };
    });
    const noted = () => db.selectFrom('chainRecord').select(['subjectKind', 'problem']).execute();
    for (let rounds = 0; (await noted()).length < 2 && rounds < 20; rounds++) {
      await settleUntil(market, ['recorded']);
      await chained.mine();
    }
    expect(await noted()).toEqual([
      { subjectKind: 'datanet_version', problem: null },
      { subjectKind: 'model_version', problem: null },
    ]);
    const registry = viewOf(chained.rpc, contractFaces().registry.abi, chained.chain.addresses.registry);
    const [data] = await registry.read('datanetVersion', [id(datanet.slug), version.datanet]);
    expect(data.hash).toBe(root);
    const [weights] = await registry.read('modelVersion', [id(model.slug), version.model]);
    expect(weights.hash).toBe(`0x${createHash('sha256').update('weights').digest('hex')}`);
    await settleUntil(market, ['nothing']);
  });
});

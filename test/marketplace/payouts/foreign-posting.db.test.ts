// Somebody else has posted: the poster's key was stolen. Nothing goes on until the vault's roles have vetoed the posting or
// dropped its root; then the settlement goes on by itself, after the foreign number, and nobody's payout is lost or doubled.
import { beforeAll, describe, expect, it } from 'vitest';
import { NO_ROOT } from '../../../contracts/merkle/flat-tree.ts';
import { openNano } from '../../../db/ledger/amount.ts';
import { getEpoch, newestEpoch } from '../../../db/repositories/epoch-repository.ts';
import type { Epoch } from '../../../db/schema-epoch.ts';
import { prepareJobs } from '../../../marketplace/jobs/job-runner.ts';
import { claimOf } from '../../../marketplace/payouts/claim-of.ts';
import { createWatcher } from '../../../marketplace/wallets/watch-chain.ts';
import type { World } from '../../support/marketplace-rows.ts';
import { testDatabase } from '../../support/postgres.ts';
import { quietLog } from '../../support/quiet-log.ts';
import { addressOf } from '../../support/scripted-chain.ts';
import { type ScriptedVault, scriptedVault } from '../../support/scripted-vault.ts';
import {
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
const HOUR_MS = 3_600_000;
const FOREIGN_ROOT = `0x${'66'.repeat(32)}`;
const database = testDatabase();
const wallet = addressOf('honest');
let world: World;
let script: ScriptedVault;
let market: SettlementMarket;
let personId: string;
beforeAll(async () => {
  world = await someWorld(database.db);
  script = scriptedVault();
  script.deposit(1_000n * OPEN);
  await prepareJobs(database.url, quietLog);
  market = settlementMarket(database.db, script.chain, temporaryFolder());
  await watch();
  personId = await personWithWallet(database.db, wallet);
  await give(database.db, personId, '5');
  await settle();
});

async function watch(): Promise<void> {
  script.finalize();
  await createWatcher(market, script.chain).round();
}

async function settle(): Promise<Epoch> {
  await settleUntil(market, ['sent']);
  await watch();
  await settleUntil(market, ['final']);
  return newest();
}

async function newest(): Promise<Epoch> {
  const epoch = await newestEpoch(database.db);
  if (epoch === undefined) throw new Error('no epoch');
  return epoch;
}

/** A posting by the stolen key that gives everything to the thief. */
async function theft(): Promise<bigint> {
  const { lastEpoch, activeTotalWei } = await script.chain.vault();
  const epoch = lastEpoch + 1n;
  const signed = await script.chain.poster?.signEpoch({
    epoch,
    receiptsRoot: FOREIGN_ROOT,
    claimsRoot: FOREIGN_ROOT,
    claimsTotalWei: activeTotalWei + 500n * OPEN,
    leafFileHash: FOREIGN_ROOT,
  });
  if (signed !== undefined) await script.chain.poster?.send(signed);
  return epoch;
}

const claimable = async () => await claimOf(market, wallet);

describe('a foreign posting', () => {
  it('that is vetoed: our epoch of that number gives way, its payouts stand in the next; meanwhile people can claim', async () => {
    const before = await newest();
    await give(database.db, personId, '2');
    await receipts(database.db, world, 1);
    await settleUntil(market, ['built']);
    const ours = await newest();
    expect(ours.number).toBe(before.number + 1);
    script.delayMs = HOUR_MS;
    const foreign = await theft();
    script.delayMs = 0;
    await watch();
    await settleUntil(market, ['stuck']);
    await settleUntil(market, ['stuck'], 1);
    expect(await claimable()).toMatchObject({
      ...{ ok: true, claimableNano: openNano('5'), waiting: null, claim: { root: before.claimsRoot } },
    });
    script.veto(foreign);
    await watch();
    await settleUntil(market, ['displaced'], 1);
    expect(await getEpoch(database.db, ours.number)).toMatchObject({
      state: 'vetoed',
      cause: expect.stringContaining(`another epoch ${ours.number} stands on chain`),
    });
    const next = await settle();
    expect(next).toMatchObject({
      number: ours.number + 1,
      baseNumber: before.number,
      claimsTotalNano: openNano('7'),
    });
    expect(await claimable()).toMatchObject({ claimableNano: openNano('7') });
    await expectSoundBooks(database.db);
  });

  it('that nothing of ours stood against leaves its number out', async () => {
    const before = await newest();
    script.delayMs = HOUR_MS;
    const foreign = await theft();
    script.delayMs = 0;
    expect(await settleUntil(market, ['stopped'], 1)).toMatchObject({
      alarm: expect.stringContaining('the vault is at epoch'),
    });
    script.veto(foreign);
    // The veto is not final, and may be taken back with the posting.
    expect((await settleUntil(market, ['stopped'], 1)).did).toBe('stopped');
    await watch();
    await receipts(database.db, world, 1);
    expect((await settle()).number).toBe(before.number + 2);
    await expectSoundBooks(database.db);
  });

  it('whose root counted and was dropped: ours is posted again though nothing changed, if the admin names its total', async () => {
    const before = await newest();
    const { activeTotalWei } = await script.chain.vault();
    await theft();
    await watch();
    expect(await claimable()).toEqual({ ok: false, code: 'foreign_root' });
    expect((await settleUntil(market, ['stopped'], 1)).did).toBe('stopped');
    script.meddle({ activeRoot: NO_ROOT, activeTotalWei: activeTotalWei - OPEN, pending: null });
    await watch();
    expect(await settleUntil(market, ['stopped'], 1)).toMatchObject({
      alarm: expect.stringContaining('is not ours'),
    });
    script.meddle({ activeTotalWei });
    await watch();
    expect(await claimable()).toMatchObject({ claimableNano: 0n, claim: null });
    const again = await settle();
    expect(again).toMatchObject({
      ...{ number: before.number + 2, receiptCount: 0, claimsTotalNano: before.claimsTotalNano },
      ...{ claimsRoot: before.claimsRoot, claimsNumber: before.number + 2, claimCount: 1 },
    });
    expect(await claimable()).toMatchObject({ claimableNano: openNano('7') });
    expect((await settleUntil(market, ['nothing'], 1)).did).toBe('nothing');
    await expectSoundBooks(database.db);
  });
});

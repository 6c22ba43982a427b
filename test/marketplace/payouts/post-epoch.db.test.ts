// The posting of an epoch on a scripted vault and a real database: whatever becomes of a transaction, the epoch is posted once,
// and what cannot be posted is named.
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ChainFault } from '../../../contracts/client/chain.ts';
import { openNano } from '../../../db/ledger/amount.ts';
import { getEpoch, newestEpoch } from '../../../db/repositories/epoch-repository.ts';
import { postingsOf } from '../../../db/repositories/posting-repository.ts';
import { prepareJobs } from '../../../marketplace/jobs/job-runner.ts';
import type { SettleStep } from '../../../marketplace/payouts/settle-step.ts';
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
/** Lives as long as the database: they have to agree. */
let script: ScriptedVault;
let market: SettlementMarket;
beforeAll(async () => {
  world = await someWorld(database.db);
  script = scriptedVault();
  script.deposit(1_000n * OPEN);
  script.finalize();
  await prepareJobs(database.url, quietLog);
  await createWatcher(settlementMarket(database.db, script.chain, dataDir), script.chain).round();
});
beforeEach(async () => {
  script.automine = false;
  market = settlementMarket(database.db, script.chain, dataDir, { replaceAfterMs: 60_000 });
  await receipts(database.db, world, 1);
});

const until = (...dids: SettleStep['did'][]): Promise<SettleStep> => settleUntil(market, dids);

/** Posted, mined, final: the next test begins with a new epoch. */
async function settled(): Promise<void> {
  script.mine();
  script.finalize();
  await until('final');
}

async function newest() {
  const epoch = await newestEpoch(database.db);
  if (epoch === undefined) throw new Error('no epoch');
  return { epoch, postings: await postingsOf(database.db, epoch.number) };
}

const postedOnce = (number: number): void =>
  expect(script.posted.filter(({ epoch }) => epoch === BigInt(number))).toHaveLength(1);

describe('an epoch', () => {
  it('is stored signed before it is sent, and a node that forgot it is given the same again', async () => {
    script.failNext.set('send', new ChainFault('chain_unreachable', 'gone', 'after'));
    await expect(until('sent')).rejects.toThrow('gone');
    const before = await newest();
    expect(before.epoch.state).toBe('signed');
    expect(before.postings).toMatchObject([
      { state: 'signed', attempt: 1, txHash: script.signed.at(-1)?.txHash },
    ]);
    await until('waiting_to_be_mined');
    expect((await newest()).postings).toMatchObject([{ state: 'sent' }]);
    script.forget();
    await until('waiting_to_be_mined');
    expect(script.signed.filter(({ txHash }) => txHash === before.postings[0].txHash)).toHaveLength(1);
    await settled();
    const after = await newest();
    expect(after.epoch).toMatchObject({ state: 'final', txHash: before.postings[0].txHash, cause: null });
    postedOnce(after.epoch.number);
  });

  it('that waits too long is replaced under its nonce; whichever of both is mined counts', async () => {
    await until('sent');
    market.advance(61_000);
    await until('replaced');
    const { postings } = await newest();
    expect(postings.map(({ nonce }) => nonce)).toEqual([postings[0].nonce, postings[0].nonce]);
    // The replacement is lost, the first one turns up in a block.
    script.forget();
    const [first] = postings;
    await script.chain.poster?.send(first);
    await settled();
    const { epoch } = await newest();
    expect(epoch).toMatchObject({ state: 'final', txHash: first.txHash });
    postedOnce(epoch.number);
  });

  it('is replaced at once when the node wants a higher fee, and waits where that is above the operator’s cap', async () => {
    script.failNext.set('send', new ChainFault('fee_too_low', 'too low', 'never'));
    await until('waiting_to_be_mined');
    await until('sent', 'waiting_to_be_mined');
    market.advance(61_000);
    script.failNext.set('signEpoch', new ChainFault('fee_cap', 'above 100 gwei', 'after'));
    await until('waiting_to_be_mined');
    expect((await newest()).epoch.cause).toContain('fee_cap');
    await settled();
    postedOnce((await newest()).epoch.number);
  });

  it('whose nonce something else took is signed anew', async () => {
    await until('sent');
    script.forget();
    script.takeNonce();
    await until('waiting_to_be_mined');
    expect((await newest()).postings).toMatchObject([{ state: 'dropped', cause: 'nonce_used' }]);
    await until('sent');
    await settled();
    const { epoch, postings } = await newest();
    expect(postings.map(({ state }) => state)).toEqual(['dropped', 'final']);
    postedOnce(epoch.number);
  });

  it('that the contract refuses in the block is named, told once and signed anew', async () => {
    await until('sent');
    script.revertNext = true;
    script.mine();
    await until('sent');
    const told = market.log.lines.filter((line) => line.includes('reverted in block'));
    expect(told).toHaveLength(1);
    await settled();
    const { epoch, postings } = await newest();
    expect(postings.map(({ state }) => state)).toEqual(['reverted', 'final']);
    expect(epoch.cause).toBeNull();
    postedOnce(epoch.number);
  });

  it('whose block a reorganisation took is sent again, and is not final before its block is', async () => {
    await until('sent');
    script.mine();
    await until('waiting_for_finality');
    script.reorg(1);
    script.forget();
    await until('waiting_to_be_mined');
    expect((await newest()).epoch.state).toBe('sent');
    await settled();
    const { epoch, postings } = await newest();
    expect(postings).toHaveLength(1);
    postedOnce(epoch.number);
  });

  it('that the vault refuses before it is signed says why, once, and is posted when the vault takes it', async () => {
    await until('built');
    script.meddle({ paused: true });
    await until('waiting_for_the_vault');
    await until('waiting_for_the_vault');
    expect((await newest()).epoch).toMatchObject({ state: 'built', cause: 'the vault is paused' });
    expect(market.log.lines.filter((line) => line.includes('waits to be posted'))).toHaveLength(1);
    script.meddle({ paused: false });
    const refusal = { contractError: 'GrowthAboveCap(5, 4)' };
    script.failNext.set('signEpoch', new ChainFault('chain_reverted', 'refused', 'never', refusal));
    await until('stuck');
    expect((await newest()).epoch.cause).toContain('GrowthAboveCap(5, 4)');
    await until('sent');
    await settled();
    postedOnce((await newest()).epoch.number);
  });

  it('that stands on chain by a transaction that was lost here is taken as posted once it is final', async () => {
    await until('built');
    const { epoch } = await newest();
    const lost = await script.chain.poster?.signEpoch({
      epoch: BigInt(epoch.number),
      receiptsRoot: epoch.receiptsRoot ?? '',
      claimsRoot: epoch.claimsRoot ?? '',
      claimsTotalWei: epoch.claimsTotalNano * 10n ** 9n,
      leafFileHash: epoch.leafFileHash ?? '',
    });
    if (lost !== undefined) await script.chain.poster?.send(lost);
    script.mine();
    await until('waiting_for_finality');
    expect(await newest()).toMatchObject({ epoch: { state: 'built' }, postings: [] });
    script.finalize();
    await createWatcher(market, script.chain).round();
    await until('final');
    expect((await newest()).epoch.state).toBe('final');
    postedOnce(epoch.number);
  });

  it('waits for the one before to count, and a vetoed one leaves its payouts to the next', async () => {
    const wallet = addressOf('veto');
    const personId = await personWithWallet(database.db, wallet);
    await give(database.db, personId, '3');
    script.delayMs = 3_600_000;
    await until('sent');
    await settled();
    const { epoch } = await newest();
    const total = epoch.claimsTotalNano;
    await receipts(database.db, world, 1);
    expect(await until('waited')).toMatchObject({ why: expect.stringContaining('counts from') });
    script.veto(BigInt(epoch.number));
    expect(await until('stopped', 'waited')).toMatchObject({ did: 'stopped' });
    script.finalize();
    await createWatcher(market, script.chain).round();
    script.delayMs = 0;
    await until('cut');
    expect((await getEpoch(database.db, epoch.number))?.state).toBe('vetoed');
    const next = (await newest()).epoch;
    expect(next.number).toBe(epoch.number + 1);
    expect(next.claimsTotalNano).toBe(total);
    expect(await balanceOf(database.db, wallet, 'claimable')).toBe(openNano('3'));
    await until('sent');
    await settled();
    await expectSoundBooks(database.db);
  });

  it('that becomes final in a pause has no time yet at which it counts; after the pause it has', async () => {
    script.delayMs = 3_600_000;
    await until('sent');
    script.mine();
    const { pending } = await script.chain.vault();
    if (pending === null) throw new Error('nothing is pending');
    script.meddle({ paused: true, pending: { ...pending, activeAt: new Date((2 ** 32 - 1) * 1000) } });
    script.finalize();
    await until('final');
    expect((await newest()).epoch.activeAt).toBeNull();
    await receipts(database.db, world, 1);
    await until('waited');
    script.meddle({ paused: false, pending });
    await until('waited');
    expect((await newest()).epoch.activeAt).toEqual(pending.activeAt);
    script.delayMs = 0;
    script.meddle({ pending: { ...pending, activeAt: new Date() } });
    await until('sent');
    await settled();
  });

  it('is followed by none while the vault has a root that is not ours', async () => {
    await until('sent');
    await settled();
    const { activeRoot, lastEpoch } = await script.chain.vault();
    await receipts(database.db, world, 1);
    script.meddle({ activeRoot: `0x${'77'.repeat(32)}` });
    expect(await until('stopped')).toMatchObject({ alarm: expect.stringContaining('is not ours') });
    script.meddle({ activeRoot, lastEpoch: lastEpoch + 1n });
    expect(await until('stopped')).toMatchObject({ alarm: expect.stringContaining('the vault is at epoch') });
    script.meddle({ lastEpoch });
    await until('cut');
  });
});

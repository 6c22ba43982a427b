// The practice chain's folder was deleted and the database kept, or the other way round: nobody waits in silence, everybody is
// told what to do, and a folder that is put back is taken up again.
import { describe, expect, it } from 'vitest';
import { openNano } from '../../../db/ledger/amount.ts';
import { claimOf } from '../../../marketplace/payouts/claim-of.ts';
import { settleStep } from '../../../marketplace/payouts/settle-step.ts';
import { acceptChain } from '../../../marketplace/wallets/accept-chain.ts';
import { chainMismatch } from '../../../marketplace/wallets/chain-mismatch.ts';
import { CHAIN_REPLACED } from '../../../marketplace/wallets/chain-replaced.ts';
import { readDeposits } from '../../../marketplace/wallets/read-deposits.ts';
import { createWatcher } from '../../../marketplace/wallets/watch-chain.ts';
import { type ScriptedChain, scriptedChain } from '../../support/scripted-chain.ts';
import { watcherWorld } from '../../support/watcher-world.ts';

const OPEN = 10n ** 18n;
const CHAIN_ID = 813_731_337n;
const world = watcherWorld();
const { person, deposit, balanceOf } = world;

const marketOf = ({ chain }: ScriptedChain) => ({ ...world.context(), chain });
const roundOn = (script: ScriptedChain) => createWatcher(marketOf(script), script.chain).round();

describe('a practice chain that was deleted while the database was kept', () => {
  it('stops deposits, claims and payouts with a sentence for everybody, until the folder is put back', async () => {
    const { db } = world.database;
    const { id, ref, wallet } = await person();
    const before = scriptedChain({ chainId: CHAIN_ID });
    before.mine([deposit(ref, 5n * OPEN)]);
    before.mineEmpty(6);
    await roundOn(before);
    expect(await balanceOf(id)).toBe(openNano('5'));
    expect(await chainMismatch(db, before.chain)).toBeNull();

    // As young as it can be: it has not even a block of the number that was final.
    const anew = scriptedChain({ chainId: CHAIN_ID });
    anew.mine();
    anew.dropBlocks(1); // else its blocks had the same hashes
    expect(await chainMismatch(db, anew.chain)).toMatch(/folders “chain” and “postgres”.*together/);
    expect(await roundOn(anew)).toEqual({ state: 'stopped', alarm: CHAIN_REPLACED });
    anew.mineEmpty(20);
    expect(await roundOn(anew)).toEqual({ state: 'stopped', alarm: CHAIN_REPLACED });
    expect(await readDeposits(marketOf(anew), anew.chain, id)).toMatchObject({ stopped: 'chain_replaced' });
    expect(await claimOf(marketOf(anew), wallet)).toEqual({ ok: false, code: 'chain_replaced' });
    expect(await acceptChain(marketOf(anew), anew.chain)).toEqual({ ok: false, code: 'chain_replaced' });
    expect(await settleStep(marketOf(anew), anew.chain)).toMatchObject({
      did: 'stopped',
      alarm: expect.stringContaining(CHAIN_REPLACED),
    });
    expect(await balanceOf(id)).toBe(openNano('5'));

    before.mine([deposit(ref, 2n * OPEN)]);
    before.mineEmpty(6);
    expect(await roundOn(before)).toMatchObject({ state: 'followed' });
    expect(await balanceOf(id)).toBe(openNano('7'));
    expect(await readDeposits(marketOf(before), before.chain, id)).toMatchObject({ stopped: null });
  });

  it('is not suspected of a real chain: a node that is behind is waited for', async () => {
    const { ref } = await person();
    world.script.mine([deposit(ref, OPEN)]);
    world.script.mineEmpty(6);
    await world.round();
    world.script.dropBlocks(5);
    expect(await world.round()).toMatchObject({ state: 'behind' });
    expect(await chainMismatch(world.database.db, world.script.chain)).toBeNull();
  });
});

describe('a database that was deleted while the chain was kept', () => {
  it('is told at the start', async () => {
    const { db } = world.database;
    const script = scriptedChain({ chainId: CHAIN_ID + 1n });
    script.vaultNow = { ...script.vaultNow, lastEpoch: 3n };
    expect(await chainMismatch(db, script.chain)).toMatch(/The vault is at epoch 3, the database at 0/);
    script.failures = 1;
    expect(await chainMismatch(db, script.chain)).toBeNull();
  });
});

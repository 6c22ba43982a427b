// The watcher on a scripted chain and a real database: a final deposit is credited once; one that is not final is shown and
// never credited. (Faults: watcher-faults; a chain that contradicts what was final: deep-reorg.)
import { sql } from 'kysely';
import { describe, expect, it } from 'vitest';
import { transact } from '../../../db/database.ts';
import { openNano } from '../../../db/ledger/amount.ts';
import { payout } from '../../../db/ledger/payout.ts';
import { setNewsPlace } from '../../../db/repositories/deposit-reference-repository.ts';
import { addWallet, lockAddress } from '../../../db/repositories/wallet-repository.ts';
import { TREASURY_REF } from '../../../marketplace/wallets/deposit-owner.ts';
import { refuseOtherVault } from '../../../marketplace/wallets/one-vault.ts';
import { addressOf, type BareLog, hashOf, scriptedChain } from '../../support/scripted-chain.ts';
import { expectBooksHold } from '../../support/test-marketplace.ts';
import { watcherWorld } from '../../support/watcher-world.ts';

const world = watcherWorld();
const { round, person, deposit, balanceOf, events, states } = world;
const OPEN = 10n ** 18n;

describe('a deposit', () => {
  it('is pending until its block is final, then credited once to whose reference it carries', async () => {
    const { id, ref } = await person();
    world.script.mine([deposit(ref, 5n * OPEN)]);
    world.script.mineEmpty(2);
    await round();
    expect(await states()).toEqual(['pending']);
    expect(await balanceOf(id)).toBe(0n);
    world.script.mine();
    await round();
    await round();
    expect(await states()).toEqual(['credited']);
    expect(await balanceOf(id)).toBe(openNano('5'));
    await expectBooksHold(world.database.db);
  });

  it('goes to the treasury, to who linked the wallet, or waits under its wallet', async () => {
    const { id, wallet } = await person();
    await transact(world.database.db, (tx) => addWallet(tx, { personId: id, address: wallet }));
    const treasuryBefore = await balanceOf('treasury', 'treasury');
    const stranger = addressOf(`stranger to ${id}`);
    world.script.mine([
      deposit(TREASURY_REF, 7n * OPEN),
      deposit(hashOf('no reference'), 2n * OPEN, { from: wallet }),
      deposit(hashOf('no reference'), 3n * OPEN, { from: stranger }),
    ]);
    world.script.mineEmpty(3);
    await round();
    expect((await balanceOf('treasury', 'treasury')) - treasuryBefore).toBe(openNano('7'));
    expect(await balanceOf(id)).toBe(openNano('2'));
    expect(await balanceOf(`wallet:${stranger}`)).toBe(openNano('3'));
  });

  it('of 1 nano and 999,999,999 wei credits 1 nano; one below a nano credits nothing; both show the rest', async () => {
    const { id, ref } = await person();
    world.script.mine([deposit(ref, 1_999_999_999n), deposit(ref, 12n)]);
    world.script.mineEmpty(3);
    await round();
    expect(await balanceOf(id)).toBe(1n);
    expect(await events()).toMatchObject([
      { state: 'credited', amountNano: 1n, restWei: 999_999_999n },
      { state: 'final', amountNano: 0n, restWei: 12n },
    ]);
  });

  it('told twice, in one answer and in every later one, is credited once', async () => {
    const { id, ref } = await person();
    world.script.mine([deposit(ref, OPEN)]);
    world.script.mineEmpty(3);
    world.script.bend = (logs) => [...logs, ...logs];
    await round();
    world.script.mineEmpty(1);
    await round();
    await Promise.all([round(), round(), round()]);
    expect(await balanceOf(id)).toBe(openNano('1'));
  });

  it('from a wallet that is being linked waits for the link and is the person’s', async () => {
    const { id, wallet } = await person();
    world.script.mine([deposit(hashOf('no reference'), 6n * OPEN, { from: wallet })]);
    world.script.mineEmpty(3);
    const crediting = await transact(world.database.db, async (tx) => {
      await lockAddress(tx, wallet);
      const waits = round();
      await Promise.race([waits, new Promise((resolve) => setTimeout(resolve, 300))]);
      await addWallet(tx, { personId: id, address: wallet });
      return { waits };
    });
    await crediting.waits;
    expect(await balanceOf(id)).toBe(openNano('6'));
  });
});

describe('a reorganisation', () => {
  it('of a credited-looking deposit before finality credits 0 and leaves it orphaned', async () => {
    const { id, ref } = await person();
    world.script.mineEmpty(3);
    world.script.mine([deposit(ref, 5n * OPEN)]);
    world.script.mineEmpty(2);
    await round();
    world.script.dropBlocks(3);
    world.script.mineEmpty(8);
    await round();
    await round();
    expect(await states()).toEqual(['orphaned']);
    expect(await balanceOf(id)).toBe(0n);
  });

  it('that moves a deposit to another block and log index credits it once', async () => {
    const { id, ref } = await person();
    const log = deposit(ref, 5n * OPEN);
    world.script.mineEmpty(3);
    world.script.mine([log]);
    await round();
    world.script.dropBlocks(1);
    world.script.mine();
    world.script.mine([log], 4);
    world.script.mineEmpty(4);
    await round();
    await round();
    expect(await events()).toMatchObject([
      { state: 'orphaned', blockNumber: 4n, logIndex: 0 },
      { state: 'credited', blockNumber: 5n, logIndex: 4 },
    ]);
    expect(await balanceOf(id)).toBe(openNano('5'));
  });

  it('that moves a pending deposit to the next block at the same log index shows it there at once', async () => {
    const { ref } = await person();
    const log = deposit(ref, 5n * OPEN);
    world.script.mineEmpty(3);
    world.script.mine([log]);
    await round();
    world.script.dropBlocks(1);
    world.script.mine();
    world.script.mine([log]);
    await round();
    expect(await events()).toMatchObject([{ state: 'pending', blockNumber: 5n, logIndex: 0 }]);
  });

  it('that shifts a deposit and a claim of one transaction leaves each row its own', async () => {
    const { id, ref, wallet } = await person();
    world.script.mine([deposit(ref, 5n * OPEN)]);
    world.script.mineEmpty(3);
    await round();
    const sources = [{ kind: 'user', ownerId: id, amountNano: openNano('4') }] as const;
    await transact(world.database.db, (tx) => payout(tx, { key: `payout ${id}`, wallet, sources }));
    const txHash = hashOf(`both ${id}`);
    const both: readonly BareLog[] = [
      deposit(ref, 2n * OPEN, { txHash }),
      { kind: 'claim', account: wallet, amountWei: 3n * OPEN, cumulativeWei: 3n * OPEN, txHash },
    ];
    world.script.mine(both, 3);
    await round();
    world.script.dropBlocks(1);
    world.script.mine(both, 2);
    await round();
    world.script.mineEmpty(3);
    expect(await round()).toMatchObject({ state: 'followed' });
    expect(await balanceOf(id)).toBe(openNano('3'));
    expect(await balanceOf(wallet, 'claimable')).toBe(openNano('1'));
    await expectBooksHold(world.database.db);
  });

  it('that brings a dropped deposit back to its first place credits it once', async () => {
    const { id, ref } = await person();
    const log = deposit(ref, 5n * OPEN);
    world.script.mineEmpty(3);
    world.script.mine([log]);
    await round();
    world.script.dropBlocks(1);
    world.script.mineEmpty(1);
    await round();
    expect(await states()).toEqual(['orphaned']);
    world.script.mine([log]);
    await round();
    expect(await states()).toEqual(['pending']);
    world.script.mineEmpty(3);
    await round();
    expect(await states()).toEqual(['credited']);
    expect(await balanceOf(id)).toBe(openNano('5'));
  });

  it('between the logs and the check of their blocks credits nothing in that round', async () => {
    const { id, ref } = await person();
    world.script.mineEmpty(3);
    world.script.mine([deposit(ref, 5n * OPEN)]);
    world.script.mineEmpty(3);
    let logsTold = 0;
    world.script.before = (method) => {
      if (method === 'logs') logsTold += 1;
      if (method !== 'blockAt' || logsTold === 0) return;
      world.script.before = null;
      world.script.dropBlocks(4);
      world.script.mineEmpty(6);
    };
    expect(await round()).toMatchObject({ state: 'behind' });
    expect(await balanceOf(id)).toBe(0n);
    await round();
    expect(await balanceOf(id)).toBe(0n);
  });
});

describe('a claim', () => {
  it('takes from what was claimable, once', async () => {
    const { id, ref, wallet } = await person();
    world.script.mine([deposit(ref, 5n * OPEN)]);
    world.script.mineEmpty(3);
    await round();
    const sources = [{ kind: 'user', ownerId: id, amountNano: openNano('4') }] as const;
    await transact(world.database.db, (tx) => payout(tx, { key: `payout ${id}`, wallet, sources }));
    const vaultBefore = await balanceOf('vault', 'vault');
    const txHash = hashOf(`claim ${id}`);
    world.script.mine([
      { kind: 'claim', account: wallet, amountWei: 3n * OPEN, cumulativeWei: 3n * OPEN, txHash },
    ]);
    world.script.mineEmpty(3);
    await round();
    await round();
    expect(await balanceOf(wallet, 'claimable')).toBe(openNano('1'));
    expect((await balanceOf('vault', 'vault')) - vaultBefore).toBe(openNano('3'));
    await expectBooksHold(world.database.db);
  });

  it('beyond what the books gave out stops the watcher and changes nothing', async () => {
    const account = addressOf('a thief');
    const txHash = hashOf('theft');
    world.script.mine([{ kind: 'claim', account, amountWei: OPEN, cumulativeWei: OPEN, txHash }]);
    world.script.mineEmpty(3);
    expect(await round()).toMatchObject({
      state: 'stopped',
      alarm: expect.stringContaining('the books had 0'),
    });
    expect(await states()).toEqual([]);
  });
});

describe('the person', () => {
  async function newsOf(conversationId: string): Promise<readonly { kind: string; text: string }[]> {
    const { rows } = await sql<{ payload: { conversationId: string; kind: string; text: string } }>`
      select payload from graphile_worker._private_jobs order by id`.execute(world.database.db);
    return rows.map(({ payload }) => payload).filter((payload) => payload.conversationId === conversationId);
  }

  it('hears that a deposit is seen, that its block was dropped, and that it is credited, in private only', async () => {
    const [ada, ben] = [await person(), await person()];
    await setNewsPlace(world.database.db, ada.id, { platform: 'test', conversationId: `private ${ada.id}` });
    const logs = [deposit(ada.ref, 5n * OPEN), deposit(ben.ref, 5n * OPEN)];
    world.script.mineEmpty(3);
    world.script.mine(logs);
    await round();
    await round();
    world.script.dropBlocks(1);
    world.script.mineEmpty(1);
    await round();
    world.script.mine(logs);
    world.script.mineEmpty(3);
    await round();
    expect(await newsOf(`private ${ada.id}`)).toMatchObject([
      { kind: 'deposit_seen', text: expect.stringMatching(/^5 OPEN seen on its way/) },
      { kind: 'deposit_orphaned', text: expect.stringContaining('Nothing is lost') },
      { kind: 'deposit_credited', text: '5 OPEN credited. You have 5 OPEN of your own to spend.' },
    ]);
    const { rows } = await sql<{
      payload: object;
    }>`select payload from graphile_worker._private_jobs`.execute(world.database.db);
    expect(JSON.stringify(rows)).not.toContain(ben.id);
  });

  it('whose deposit was final when it was first seen hears only that it is credited', async () => {
    const { id, ref } = await person();
    await setNewsPlace(world.database.db, id, { platform: 'test', conversationId: `private ${id}` });
    world.script.mine([deposit(ref, OPEN)]);
    world.script.mineEmpty(3);
    await round();
    expect((await newsOf(`private ${id}`)).map(({ kind }) => kind)).toEqual(['deposit_credited']);
  });

  it('is not woken by crumbs that a stranger deposits under their reference; they are credited', async () => {
    const { id, ref } = await person();
    await setNewsPlace(world.database.db, id, { platform: 'test', conversationId: `private ${id}` });
    world.script.mineEmpty(3);
    world.script.mine([deposit(ref, 999_999n * 10n ** 9n), deposit(ref, 10n ** 15n)]);
    await round();
    world.script.mineEmpty(3);
    await round();
    expect(await balanceOf(id)).toBe(1_999_999n);
    expect(await newsOf(`private ${id}`)).toMatchObject([
      { kind: 'deposit_seen', text: expect.stringMatching(/^0\.001 OPEN seen/) },
      { kind: 'deposit_credited', text: expect.stringMatching(/^0\.001 OPEN credited/) },
    ]);
  });
});

describe('a database', () => {
  it('with coins of one vault in its books refuses another vault and another chain', async () => {
    const { ref } = await person();
    await world.database.owner.db.deleteFrom('chainCursor').execute(); // those of the chains of other tests
    const { chain } = world.script;
    await round();
    const other = scriptedChain({ chainId: chain.chainId + 1_000n }).chain;
    await refuseOtherVault(world.database.db, other); // nothing was booked yet
    world.script.mine([deposit(ref, OPEN)]);
    world.script.mineEmpty(3);
    await round();
    await refuseOtherVault(world.database.db, chain);
    const elsewhere = { ...chain, addresses: { ...chain.addresses, vault: addressOf('another vault') } };
    for (const wrong of [other, elsewhere])
      await expect(refuseOtherVault(world.database.db, wrong)).rejects.toThrow(
        `coins of the vault ${chain.addresses.vault} on chain ${chain.chainId}`,
      );
  });
});

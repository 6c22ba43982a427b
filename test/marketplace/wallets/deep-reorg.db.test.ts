// A chain that contradicts what was final, on a script and a real database: the watcher stops, an operator decides, and after
// that nothing is booked twice, nothing is forgotten, and nothing keeps it from going on. (The usual: watch-chain.)
import { describe, expect, it } from 'vitest';
import { transact } from '../../../db/database.ts';
import { openNano } from '../../../db/ledger/amount.ts';
import { payout } from '../../../db/ledger/payout.ts';
import { acceptChain } from '../../../marketplace/wallets/accept-chain.ts';
import { createWatcher } from '../../../marketplace/wallets/watch-chain.ts';
import { type BareLog, hashOf } from '../../support/scripted-chain.ts';
import { expectBooksHold } from '../../support/test-marketplace.ts';
import { watcherWorld } from '../../support/watcher-world.ts';

const world = watcherWorld();
const { context, round, person, deposit, balanceOf, events, states } = world;
const OPEN = 10n ** 18n;

describe('a reorganisation below a final block', () => {
  async function deepReorg(): Promise<{ id: string; ref: string; first: BareLog }> {
    const { id, ref } = await person();
    const first = deposit(ref, 5n * OPEN);
    world.script.mineEmpty(2);
    world.script.mine([first]);
    world.script.mineEmpty(4);
    await round();
    expect(await balanceOf(id)).toBe(openNano('5'));
    world.script.dropBlocks(6);
    return { id, ref, first };
  }

  it('stops crediting, takes nothing back, and says so once', async () => {
    const { id, ref } = await deepReorg();
    world.script.mine([deposit(ref, 9n * OPEN)]);
    world.script.mineEmpty(9);
    const watcher = createWatcher(context(), world.script.chain);
    for (let i = 0; i < 3; i++) expect(await watcher.round()).toMatchObject({ state: 'stopped' });
    expect(await balanceOf(id)).toBe(openNano('5'));
    expect(
      world.log.lines.filter((line) => line.includes('credits nothing until an operator decides')),
    ).toHaveLength(1);
    expect(world.log.lines.join()).toContain('reorganised below a final block');
  });

  it('once an operator decides: new deposits count, old ones that came back at another index do not count twice', async () => {
    const { id, ref, first } = await deepReorg();
    world.script.mineEmpty(1);
    world.script.mine([deposit(ref, 9n * OPEN), first], 3);
    world.script.mineEmpty(9);
    await round();
    const accepted = await acceptChain(context(), world.script.chain);
    expect(accepted).toMatchObject({ ok: true, lostDeposits: 1, lostNano: openNano('5') });
    await round();
    await round();
    expect(await balanceOf(id)).toBe(openNano('14'));
    expect(await states()).toEqual(['credited', 'credited']);
    expect(await acceptChain(context(), world.script.chain)).toEqual({ ok: false, code: 'no_alarm' });
    await expectBooksHold(world.database.db);
  });

  it('that shifts the logs of one transaction: three deposits, two of them equal, are each booked once', async () => {
    const { id, ref } = await person();
    const txHash = hashOf(`three in one ${id}`);
    const three = [
      deposit(ref, OPEN, { txHash }),
      deposit(ref, 2n * OPEN, { txHash }),
      deposit(ref, OPEN, { txHash }),
    ];
    world.script.mine(three);
    world.script.mineEmpty(4);
    await round();
    expect(await balanceOf(id)).toBe(openNano('4'));
    world.script.dropBlocks(5);
    world.script.mineEmpty(1);
    world.script.mine(three, 1);
    world.script.mineEmpty(6);
    await round();
    expect(await acceptChain(context(), world.script.chain)).toMatchObject({ ok: true, lostDeposits: 3 });
    await round();
    await round();
    expect(await balanceOf(id)).toBe(openNano('4'));
    expect(await events()).toMatchObject([1, 2, 3].map((logIndex) => ({ state: 'credited', logIndex })));
  });

  it('in which a transaction deposits another amount at the same log index credits it too', async () => {
    const { id, ref, first } = await deepReorg();
    world.script.mine([deposit(ref, 7n * OPEN, { txHash: first.txHash })]);
    world.script.mineEmpty(9);
    await round();
    await acceptChain(context(), world.script.chain);
    expect(await round()).toMatchObject({ state: 'followed' });
    expect(await states()).toEqual(['credited', 'lost']);
    expect(await balanceOf(id)).toBe(openNano('12'));
    await expectBooksHold(world.database.db);
  });

  it('in which a deposit of less than a nano grows credits it', async () => {
    const { id, ref } = await person();
    const dust = deposit(ref, 12n);
    world.script.mine([dust]);
    world.script.mineEmpty(4);
    await round();
    expect(await states()).toEqual(['final']);
    world.script.dropBlocks(5);
    world.script.mine([deposit(ref, OPEN, { txHash: dust.txHash })]);
    world.script.mineEmpty(9);
    await round();
    await acceptChain(context(), world.script.chain);
    await round();
    expect(await balanceOf(id)).toBe(openNano('1'));
  });

  it('in which two claims change places books what was claimed once, and then goes on', async () => {
    const { id, ref, wallet } = await person();
    world.script.mine([deposit(ref, 9n * OPEN)]);
    world.script.mineEmpty(3);
    await round();
    const sources = [{ kind: 'user', ownerId: id, amountNano: openNano('8') }] as const;
    await transact(world.database.db, (tx) => payout(tx, { key: `payout ${id}`, wallet, sources }));
    const claimLog = (name: string, wei: bigint, cumulativeWei: bigint): BareLog => ({
      ...{ kind: 'claim', account: wallet, amountWei: wei, cumulativeWei },
      txHash: hashOf(`${name} ${id}`),
    });
    const vaultBefore = await balanceOf('vault', 'vault');
    world.script.mine([claimLog('one', 3n * OPEN, 3n * OPEN)]);
    world.script.mine([claimLog('two', 2n * OPEN, 5n * OPEN)]);
    world.script.mineEmpty(4);
    await round();
    expect(await balanceOf(wallet, 'claimable')).toBe(openNano('3'));
    world.script.dropBlocks(6);
    world.script.mine([claimLog('two', 5n * OPEN, 5n * OPEN)]);
    world.script.mineEmpty(9);
    await round();
    expect(await acceptChain(context(), world.script.chain)).toMatchObject({ ok: true, lostDeposits: 0 });
    expect(await round()).toMatchObject({ state: 'followed' });
    expect(await balanceOf(wallet, 'claimable')).toBe(openNano('3'));
    world.script.mine([claimLog('three', 3n * OPEN, 8n * OPEN)]);
    world.script.mineEmpty(3);
    expect(await round()).toMatchObject({ state: 'followed' });
    expect(await balanceOf(wallet, 'claimable')).toBe(0n);
    expect((await balanceOf('vault', 'vault')) - vaultBefore).toBe(openNano('8'));
    await expectBooksHold(world.database.db);
  });

  it('that takes 700 deposits away counts each, and takes each up again once', async () => {
    const { id, ref } = await person();
    const many = Array.from({ length: 700 }, () => deposit(ref, OPEN));
    world.script.mine(many);
    world.script.mineEmpty(4);
    await round();
    expect(await balanceOf(id)).toBe(openNano('700'));
    world.script.dropBlocks(5);
    world.script.mineEmpty(1);
    world.script.mine(many, 5);
    world.script.mineEmpty(6);
    await round();
    expect(await acceptChain(context(), world.script.chain)).toMatchObject({ ok: true, lostDeposits: 700 });
    await round();
    expect(await balanceOf(id)).toBe(openNano('700'));
    expect(await states()).toEqual(Array(700).fill('credited'));
  });

  it('accepted by two operators at once is accepted once', async () => {
    await deepReorg();
    world.script.mineEmpty(9);
    await round();
    const both = await Promise.all([1, 2].map(() => acceptChain(context(), world.script.chain)));
    expect(both.filter(({ ok }) => ok)).toHaveLength(1);
  });

  it('a deposit that did not come back stays credited and is counted as lost', async () => {
    const { id } = await deepReorg();
    world.script.mineEmpty(9);
    await round();
    await acceptChain(context(), world.script.chain);
    await round();
    expect(await states()).toEqual(['lost']);
    expect(await balanceOf(id)).toBe(openNano('5'));
  });
});

// The watcher when things fail: a node that does not answer, cuts, repeats, leaves out or falls back; a vault that holds too
// little; a process that dies at any query; the loop around it all. On a scripted chain and a real database.
import { describe, expect, it } from 'vitest';
import { openNano } from '../../../db/ledger/amount.ts';
import { createWatcher, watchChainRegularly } from '../../../marketplace/wallets/watch-chain.ts';
import { crashingDatabase } from '../../support/crashing-database.ts';
import { expectBooksHold } from '../../support/test-marketplace.ts';
import { watcherWorld } from '../../support/watcher-world.ts';

const world = watcherWorld();
const { context, round, person, deposit, balanceOf } = world;
const OPEN = 10n ** 18n;

describe('a node that', () => {
  it('does not answer is asked again; one warning, and word when it is back', async () => {
    const { id, ref } = await person();
    world.script.mine([deposit(ref, OPEN)]);
    world.script.mineEmpty(3);
    const watcher = createWatcher(context(), world.script.chain);
    world.script.failures = 3;
    for (let i = 0; i < 3; i++) expect(await watcher.round()).toBeNull();
    await watcher.round();
    expect(await balanceOf(id)).toBe(openNano('1'));
    expect(world.log.lines.filter((line) => line.startsWith('the chain cannot be read'))).toHaveLength(1);
    expect(
      world.log.lines.filter((line) => line.startsWith('the watcher follows the chain again')),
    ).toHaveLength(1);
  });

  it('fails at any single call costs at most a round: credited once', async () => {
    const { id, ref } = await person();
    for (let at = 1; at <= 12; at++) {
      world.script.mine([deposit(ref, OPEN)]);
      world.script.mineEmpty(3);
      let calls = 0;
      world.script.before = () => {
        calls += 1;
        if (calls === at) world.script.failures = 1;
      };
      await round();
      world.script.before = null;
      world.script.failures = 0;
      await round();
      expect(await balanceOf(id), `call ${at}`).toBe(openNano(String(at)));
    }
  });

  it('takes 7 blocks at a time is asked for fewer until it answers, from the first block on', async () => {
    const { id, ref } = await person();
    world.script.mine([deposit(ref, OPEN)]);
    world.script.mineEmpty(60);
    world.script.mine([deposit(ref, OPEN)]);
    world.script.mineEmpty(3);
    world.script.rangeMax = 7n;
    const watcher = createWatcher(context(), world.script.chain);
    for (let i = 0; i < 25; i++) await watcher.round();
    expect(await balanceOf(id)).toBe(openNano('2'));
  });

  it('was away for 30 rounds is not asked block by block afterwards', async () => {
    world.script.mineEmpty(400);
    const watcher = createWatcher(context(), world.script.chain);
    world.script.failures = 30;
    for (let i = 0; i < 30; i++) expect(await watcher.round()).toBeNull();
    expect(await watcher.round()).toMatchObject({ state: 'followed' });
    expect(world.script.asked.length).toBeLessThan(10);
  });

  it('leaves out a log it told before is not believed: nothing is passed over', async () => {
    const { id, ref } = await person();
    world.script.mineEmpty(2);
    world.script.mine([deposit(ref, OPEN)]);
    await round();
    world.script.mineEmpty(3);
    world.script.bend = () => [];
    expect(await round()).toMatchObject({ state: 'behind', why: expect.stringContaining('leaves out log') });
    world.script.bend = (logs) => logs;
    await round();
    expect(await balanceOf(id)).toBe(openNano('1'));
  });

  it('told of nothing in a final block it had not caught up with tells it in a later round', async () => {
    const { id, ref } = await person();
    world.script.mine([deposit(ref, OPEN)]);
    world.script.mineEmpty(3);
    world.script.bend = () => [];
    await round();
    world.script.bend = (logs) => logs;
    world.script.mineEmpty(1);
    await round();
    expect(await balanceOf(id)).toBe(openNano('1'));
  });

  it('falls back behind what was final is waited for', async () => {
    world.script.mineEmpty(10);
    await round();
    world.script.finality = 8;
    expect(await round()).toMatchObject({ state: 'behind' });
    world.script.finality = 3;
    expect(await round()).toMatchObject({ state: 'followed' });
  });
});

describe('deposits under way', () => {
  it('are written down once: 300 of them cost later rounds no transaction', async () => {
    const { ref } = await person();
    world.script.mineEmpty(3);
    world.script.mine(Array.from({ length: 300 }, () => deposit(ref, 1n)));
    let transactions = 0;
    const counting = new Proxy(world.database.db, {
      get(db, name) {
        if (name === 'transaction') transactions += 1;
        const value: unknown = Reflect.get(db, name, db);
        return typeof value === 'function' ? value.bind(db) : value;
      },
    });
    await round(context(counting));
    expect(transactions).toBeGreaterThanOrEqual(300);
    transactions = 0;
    await round(context(counting));
    expect(transactions).toBe(0);
    world.script.mineEmpty(3);
    await round();
    expect(await world.states()).toEqual(Array(300).fill('final'));
  });
});

describe('the vault’s coins', () => {
  it('below what the books say are told once, and again when they are back', async () => {
    const { ref } = await person();
    world.script.mine([deposit(ref, 5n * OPEN)]);
    world.script.mineEmpty(3);
    const watcher = createWatcher(context(), world.script.chain);
    const booked = -(await balanceOf('vault', 'vault')) + openNano('5');
    for (let i = 0; i < 4; i++) await watcher.round();
    expect(world.log.lines.filter((line) => line.includes('holds fewer coins'))).toHaveLength(1);
    world.script.vaultNow = { ...world.script.vaultNow, coinsWei: booked * 10n ** 9n };
    await watcher.round();
    expect(world.log.lines.filter((line) => line.includes('covers the books again'))).toHaveLength(1);
  });
});

describe.each([
  ['before a query', false],
  ['between a query and its answer', true],
])('a process that dies %s', (_, answerOnly) => {
  it('credits each deposit once after its restart', async () => {
    const crashing = crashingDatabase(world.database.url);
    const { id, ref } = await person();
    const fragile = context(crashing.db);
    const place = () => {
      world.script.mine([deposit(ref, OPEN), deposit(ref, OPEN)]);
      world.script.mineEmpty(3);
    };
    place();
    crashing.arm(Number.POSITIVE_INFINITY, false);
    await round(fragile);
    const total = crashing.queries;
    expect(total).toBeGreaterThan(20);
    let placed = 2n;
    for (let at = 1; at <= total; at++) {
      place();
      placed += 2n;
      crashing.arm(at, answerOnly);
      await round(fragile);
      await round();
      expect(await balanceOf(id), `query ${at} of ${total}`).toBe(placed * openNano('1'));
    }
    crashing.arm(Number.POSITIVE_INFINITY, false);
    await crashing.close();
    await expectBooksHold(world.database.db);
  });
});

describe('the loop', () => {
  it('follows until it is stopped, through faults', async () => {
    const { id, ref } = await person();
    const watching = watchChainRegularly(context());
    world.script.failures = 1;
    world.script.mine([deposit(ref, OPEN)]);
    world.script.mineEmpty(3);
    await expect.poll(() => balanceOf(id)).toBe(openNano('1'));
    await watching.stop();
    world.script.mine([deposit(ref, OPEN)]);
    world.script.mineEmpty(3);
    const asked = world.script.asked.length;
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(world.script.asked).toHaveLength(asked);
  });

  it('does nothing where there is no chain', async () => {
    await watchChainRegularly({ ...context(), chain: null }).stop();
  });
});

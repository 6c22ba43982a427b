// Calls in doubt, by a clock that only the test moves: whatever a lost database or a dead process left is settled by the
// next round after the database is back, far within a minute, and as the ledger says: captured once, or given back.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { openNano, ZERO_NANO } from '../../db/ledger/amount.ts';
import type { CallState } from '../../db/schema.ts';
import type { OwnedMarketplace } from '../../marketplace/create-marketplace.ts';
import { DEFAULT_SETTINGS } from '../../marketplace/marketplace-settings.ts';
import { createCrashPoint, mortalEngine, mortalView } from '../support/crash-point.ts';
import { type CrashingDatabase, crashingDatabase } from '../support/crashing-database.ts';
import { testDatabase } from '../support/postgres.ts';
import {
  type Asked,
  ask,
  done,
  expectBooksHold,
  newPerson,
  STARTER,
  type TestMarketplace,
  testMarketplace,
} from '../support/test-marketplace.ts';

const database = testDatabase();
const crash = createCrashPoint();
const EVERY_MS = DEFAULT_SETTINGS.reconcileEveryMs;
let world: TestMarketplace;
/** Asks, and dies of it; runs no background work, so that its steps can be counted. */
let mortal: OwnedMarketplace;
let mortalDb: CrashingDatabase;
/** Reconciles by the test's clock, through a database that comes and goes. */
let steady: OwnedMarketplace;
let steadyDb: CrashingDatabase;
beforeAll(async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  world = await testMarketplace(database);
  mortalDb = crashingDatabase(database.url, crash);
  mortal = await world.again(mortalDb.db, { databaseWaitMs: 0 }, mortalEngine(world.engine, crash));
  steadyDb = crashingDatabase(database.url);
  steady = await world.again(steadyDb.db, { databaseWaitMs: 0, reconcileEveryMs: EVERY_MS });
  await steady.start(async () => {});
});
afterEach(() => expectBooksHold(database.db));
afterAll(async () => {
  back();
  await steady.stop();
  await mortal.stop();
  await steadyDb.close();
  await mortalDb.close();
  await world.close();
  vi.useRealTimers();
});

const FRANCE = 'What is the capital of France?';
const PRICE = openNano('0.002156');

const away = (): void => steadyDb.arm(1, false);
const back = (): void => {
  for (const db of [steadyDb, mortalDb]) db.arm(Number.POSITIVE_INFINITY, false);
};

const dyingAsk = async (): Promise<Asked & { readonly grantNano: () => Promise<bigint> }> => {
  const person = await newPerson(world.market);
  const asked = await ask(mortal, person, FRANCE, { seenThrough: (view) => mortalView(view, crash) });
  return { ...asked, grantNano: async () => (await world.market.balance(person)).grantNano };
};

/** The number of steps of a call that nothing disturbs; its last is the capture's commit. */
async function stepsOfCall(): Promise<number> {
  back();
  done(await dyingAsk());
  return crash.steps;
}

const stateOf = async ({ eventKey }: Asked): Promise<CallState | undefined> =>
  (await database.db.selectFrom('call').select('state').where('eventKey', '=', eventKey).executeTakeFirst())
    ?.state;

const openHolds = async (): Promise<number> =>
  (await database.db.selectFrom('hold').select('id').where('state', '=', 'open').execute()).length;

/** Moves the clock by rounds until the check holds; fails after a minute of it. */
async function withinAMinute(check: () => Promise<boolean>): Promise<void> {
  for (let ms = 0; ms < 60_000; ms += EVERY_MS) {
    await vi.advanceTimersByTimeAsync(EVERY_MS);
    for (let tries = 0; tries < 20; tries++) {
      if (await check()) return;
      await sleep(25);
    }
  }
  throw new Error('not settled within a minute');
}

describe('a call whose end is in doubt', () => {
  it('settles itself within a minute: rounds are 3 s apart', () => {
    expect(EVERY_MS).toBe(3_000);
  });

  it.each([
    ['was captured when the commit’s answer was lost: stays captured, once', true, 'captured', PRICE],
    ['was not captured when the database went: is voided, and costs nothing', false, 'voided', ZERO_NANO],
  ] as const)('%s', async (_, answerOnly, state, paid) => {
    const total = await stepsOfCall();
    mortalDb.arm(total, answerOnly);
    away();
    const asked = await dyingAsk();
    expect(asked.outcome).toMatchObject({ ok: false, code: 'outcome_unknown' });
    expect(await openHolds()).toBe(answerOnly ? 0 : 1);
    // The database is away for a round: nothing is decided in the dark.
    await vi.advanceTimersByTimeAsync(EVERY_MS);
    expect(await stateOf(asked)).toBe(answerOnly ? 'captured' : 'generating');
    back();
    await withinAMinute(async () => (await stateOf(asked)) === state && (await openHolds()) === 0);
    expect(await asked.grantNano()).toBe(STARTER - paid);
    const outcome = await steady.outcomeOf(asked.eventKey);
    expect(outcome).toMatchObject(
      answerOnly ? { ok: true, priceNano: PRICE } : { code: 'generation_failed' },
    );
    // Any further round changes nothing.
    await vi.advanceTimersByTimeAsync(EVERY_MS);
    expect(await steady.reconcile()).toMatchObject({ voided: 0, expiredHolds: 0 });
    expect(await asked.grantNano()).toBe(STARTER - paid);
  });

  it('left held, generating or unknown by a process that died is voided by the next round, every one', async () => {
    const total = await stepsOfCall();
    const left: (Asked & { readonly grantNano: () => Promise<bigint> })[] = [];
    for (let at = 2; at < total; at += 3) {
      mortalDb.arm(at, true);
      left.push(await dyingAsk());
    }
    back();
    const before = await Promise.all(left.map(stateOf));
    expect(new Set(before)).toEqual(new Set([undefined, 'held', 'generating']));
    const [unknown] = left.filter((_, i) => before[i] === 'generating');
    await database.db
      .updateTable('call')
      .set({ state: 'unknown' })
      .where('eventKey', '=', unknown.eventKey)
      .execute();
    await withinAMinute(async () => (await openHolds()) === 0);
    const settled = before.map((state) => (state === undefined ? undefined : 'voided'));
    expect(await Promise.all(left.map(stateOf))).toEqual(settled);
    for (const asked of left) expect(await asked.grantNano()).toBe(STARTER);
  });

  it('is left alone while this process works on it, however many rounds pass', async () => {
    const person = await newPerson(world.market);
    const gate = Promise.withResolvers<void>();
    const reached = Promise.withResolvers<void>();
    world.engine.faults.gate = () => {
      reached.resolve();
      return gate.promise;
    };
    const call = ask(steady, person, FRANCE);
    await reached.promise;
    for (let round = 0; round < 3; round++) await vi.advanceTimersByTimeAsync(EVERY_MS);
    expect(await steady.reconcile()).toMatchObject({ voided: 0, expiredHolds: 0 });
    world.engine.faults.gate = undefined;
    gate.resolve();
    expect(done(await call).priceNano).toBe(PRICE);
  });
});

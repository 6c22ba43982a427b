// A paid call, its attribution and a refund, killed at every single await: queries, commits, the engine, each piece of the
// answer, each thing shown; before it and between it and its answer. After a restart the books hold, nothing stays on hold,
// the person has paid the whole price or nothing, and their budgets, warnings and receipts say the same.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openNano, ZERO_NANO } from '../../db/ledger/amount.ts';
import type { OwnedMarketplace } from '../../marketplace/create-marketplace.ts';
import type { Person } from '../../marketplace/marketplace.ts';
import { type CrashPoint, createCrashPoint, mortalEngine, mortalView } from '../support/crash-point.ts';
import { crashingDatabase } from '../support/crashing-database.ts';
import { testDatabase } from '../support/postgres.ts';
import {
  ask,
  done,
  expectBooksHold,
  newPerson,
  placeOf,
  STARTER,
  type TestMarketplace,
  testMarketplace,
} from '../support/test-marketplace.ts';

const database = testDatabase();
const crash: CrashPoint = createCrashPoint();
let world: TestMarketplace;
let crashing: ReturnType<typeof crashingDatabase>;
let fragile: OwnedMarketplace;
let boss: Person;
beforeAll(async () => {
  world = await testMarketplace(database, { operators: ['test:boss'] });
  boss = await world.market.person({ platform: 'test', userId: 'boss', displayName: 'Boss' });
  crashing = crashingDatabase(database.url, crash);
  fragile = await world.again(crashing.db, { databaseWaitMs: 0 }, mortalEngine(world.engine, crash));
});
afterAll(async () => {
  crashing.arm(Number.POSITIVE_INFINITY, false);
  await fragile.stop();
  await crashing.close();
  await world.close();
});

const FRANCE = 'What is the capital of France?';
const PRICE = openNano('0.002156');
const DAY_BUDGET = openNano('0.0026'); // one answer, which is 82 % of it

/** How many steps an undisturbed run makes. */
async function stepsOf(work: () => Promise<unknown>): Promise<number> {
  crashing.arm(Number.POSITIVE_INFINITY, false);
  await work();
  return crash.steps;
}

async function thrifty(): Promise<Person> {
  const person = await newPerson(world.market);
  await world.market.setBudget(person, { which: 'day', amount: '0.0026' });
  return person;
}

const dyingAsk = (person: Person) =>
  ask(fragile, person, FRANCE, { seenThrough: (view) => mortalView(view, crash) });

/** What the person's budget of the day, its warning and the receipt say was paid, having agreed. */
async function spentBy(person: Person, eventKey: string): Promise<bigint> {
  const [, day] = await world.market.budgets(person, placeOf(person));
  const { grantNano, heldNano } = await world.market.balance(person);
  const outcome = await world.market.outcomeOf(eventKey);
  const receipt = await world.market.receipt({ person });
  const paid = STARTER - grantNano;
  expect(heldNano).toBe(ZERO_NANO);
  expect([0n, PRICE]).toContain(paid);
  expect(day.spentNano).toBe(paid);
  expect(outcome?.ok ?? false).toBe(paid === PRICE);
  expect(receipt === null).toBe(paid === 0n);
  if (outcome?.ok)
    expect(outcome.warnings).toMatchObject([{ scope: 'day', spentNano: PRICE, limitNano: DAY_BUDGET }]);
  return paid;
}

describe.each([
  ['before a step', false],
  ['between a step and its answer', true],
])('a process that dies %s', (_, answerOnly) => {
  it('during a call: the whole price or nothing, never twice, and the budget says so', async () => {
    const first = await thrifty();
    const total = await stepsOf(() => dyingAsk(first));
    expect(total).toBeGreaterThan(40);
    const ended = { paid: 0, free: 0 };
    for (let at = 1; at <= total; at++) {
      const person = await thrifty();
      crashing.arm(at, answerOnly);
      const { outcome, eventKey } = await dyingAsk(person);
      const where = `step ${at} of ${total}, outcome ${outcome.ok ? 'done' : outcome.code}`;
      await world.market.reconcile();
      const paid = await spentBy(person, eventKey).catch((cause: unknown) => {
        throw new Error(where, { cause });
      });
      if (outcome.ok) expect(paid, where).toBe(PRICE);
      // The same event again is answered from what is known, or asked anew where nothing had happened.
      const again = await ask(world.market, person, FRANCE, { eventKey });
      const spent = await spentBy(person, eventKey);
      expect(spent, where).toBe(again.outcome.ok || paid !== 0n ? PRICE : 0n);
      ended[paid === 0n ? 'free' : 'paid'] += 1;
    }
    expect(ended.free).toBeGreaterThan(ended.paid);
    if (answerOnly) expect(ended.paid).toBeGreaterThan(0); // the commit's answer was lost
    await expectBooksHold(database.db);
  });

  it('during attribution: the pool is split once, the receipt is true', async () => {
    const person = await newPerson(world.market);
    const measured = done(await ask(world.market, person, FRANCE));
    const total = await stepsOf(() => fragile.attributeNow(measured.callId));
    expect(total).toBeGreaterThan(10);
    for (let at = 1; at <= total; at++) {
      const { callId } = done(await ask(world.market, person, FRANCE));
      crashing.arm(at, answerOnly);
      await fragile.attributeNow(callId).catch(() => undefined);
      await world.market.attributeNow(callId);
      const story = await world.market.callStory(callId);
      expect(story?.checks.filter((check) => !check.ok)).toEqual([]);
      expect(story?.shares.reduce((sum, share) => sum + share.amountNano, 0n)).toBe(1_078_000n);
    }
    await expectBooksHold(database.db);
  });

  it('during a refund: ordered again under its key it is given back once', async () => {
    const person = await newPerson(world.market);
    const orderOf = async () => {
      const { receiptNumber: receipt } = done(await ask(world.market, person, FRANCE));
      return { operator: boss, receipt, amount: '0.001', reason: 'wrong' };
    };
    const measured = await orderOf();
    const total = await stepsOf(() => fragile.refund(measured, `${person.id}:measured`));
    expect(total).toBeGreaterThan(8);
    for (let at = 1; at <= total; at++) {
      const order = await orderOf();
      const before = (await world.market.balance(person)).grantNano;
      crashing.arm(at, answerOnly);
      const key = `${person.id}:${at}`;
      await fragile.refund(order, key).catch(() => undefined);
      expect(await world.market.refund(order, key)).toMatchObject({ ok: true, refundNano: 1_000_000n });
      expect((await world.market.balance(person)).grantNano - before).toBe(openNano('0.001'));
    }
    await expectBooksHold(database.db);
  });
});

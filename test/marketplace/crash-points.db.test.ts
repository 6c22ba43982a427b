// A paid call and its attribution, killed at every single query, before it and between it and its answer: after a
// restart the books hold, nothing stays on hold, and the person has paid the whole price or nothing.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openNano } from '../../db/ledger/amount.ts';
import type { OwnedMarketplace } from '../../marketplace/create-marketplace.ts';
import { crashingDatabase } from '../support/crashing-database.ts';
import { testDatabase } from '../support/postgres.ts';
import {
  ask,
  done,
  expectBooksHold,
  newPerson,
  STARTER,
  type TestMarketplace,
  testMarketplace,
} from '../support/test-marketplace.ts';

const database = testDatabase();
let world: TestMarketplace;
let crashing: ReturnType<typeof crashingDatabase>;
let fragile: OwnedMarketplace;
beforeAll(async () => {
  world = await testMarketplace(database);
  crashing = crashingDatabase(database.url);
  fragile = await world.again(crashing.db, { databaseWaitMs: 0 });
});
afterAll(async () => {
  crashing.arm(Number.POSITIVE_INFINITY, false);
  await fragile.stop();
  await crashing.close();
  await world.close();
});

const FRANCE = 'What is the capital of France?';
const PRICE = openNano('0.002156');

/** How many queries an undisturbed run makes. */
async function queriesOf(work: () => Promise<unknown>): Promise<number> {
  crashing.arm(Number.POSITIVE_INFINITY, false);
  await work();
  return crashing.queries;
}

describe.each([
  ['before a query', false],
  ['between a query and its answer', true],
])('a process that dies %s', (_, answerOnly) => {
  it('during a call: the whole price or nothing, never twice', async () => {
    const first = await newPerson(world.market);
    const total = await queriesOf(() => ask(fragile, first, FRANCE));
    expect(total).toBeGreaterThan(20);
    const ended = { paid: 0, free: 0 };
    for (let at = 1; at <= total; at++) {
      const person = await newPerson(world.market);
      crashing.arm(at, answerOnly);
      const { outcome, eventKey } = await ask(fragile, person, FRANCE);
      await world.market.reconcile();
      const { grantNano, heldNano } = await world.market.balance(person);
      const where = `query ${at} of ${total}, outcome ${outcome.ok ? 'done' : outcome.code}`;
      expect(heldNano, where).toBe(0n);
      expect([STARTER, STARTER - PRICE], where).toContain(grantNano);
      if (outcome.ok) expect(grantNano, where).toBe(STARTER - PRICE);
      // The same event again is answered from what is known, or asked anew where nothing had happened.
      const again = await ask(world.market, person, FRANCE, { eventKey });
      const spent = STARTER - (await world.market.balance(person)).grantNano;
      expect(spent, where).toBe(again.outcome.ok || grantNano !== STARTER ? PRICE : 0n);
      ended[grantNano === STARTER ? 'free' : 'paid'] += 1;
    }
    expect(ended.free).toBeGreaterThan(0);
    await expectBooksHold(database.db);
  });

  it('during attribution: the pool is split once, the receipt is true', async () => {
    const person = await newPerson(world.market);
    const measured = done(await ask(world.market, person, FRANCE));
    const total = await queriesOf(() => fragile.attributeNow(measured.callId));
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
});

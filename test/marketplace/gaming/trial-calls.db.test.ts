// Trial calls, self-dealing and wash volume on a whole marketplace, in the attacker's best case: a ring of identities made
// the model and wrote all of its data. Whatever they ask, they end with less than they paid in, and a gift earns them nothing.
// Before 017-trial-earnings the ring could have withdrawn 75 % of every grant it spent (45.7 % with the data part of nine
// facts alone, measured).
import fc from 'fast-check';
import { sql } from 'kysely';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { transact } from '../../../db/database.ts';
import { type Nano, openNano } from '../../../db/ledger/amount.ts';
import { payout } from '../../../db/ledger/payout.ts';
import type { Person } from '../../../marketplace/marketplace.ts';
import { payIn, people, withdrawable } from '../../support/attackers.ts';
import { testDatabase } from '../../support/postgres.ts';
import {
  ask,
  done,
  expectBooksHold,
  FACTS,
  newPerson,
  SLUG,
  type TestMarketplace,
  testMarketplace,
} from '../../support/test-marketplace.ts';

const database = testDatabase();
let world: TestMarketplace;
let ring: readonly Person[];
beforeAll(async () => {
  world = await testMarketplace(database, { starterGrantNano: openNano('0.01') });
  ring = await people(world, 3);
  const { db } = database.owner;
  await sql`update model set creator_id = ${ring[0].id} where slug = ${SLUG}`.execute(db);
  for (const [at, name] of ['ada', 'ben', 'cleo'].entries())
    await sql`update contribution set person_id = ${ring[at].id}
      where person_id = (select id from person where pseudonym = ${name})`.execute(db);
});
afterAll(() => world.close());
afterEach(() => expectBooksHold(database.db));

const QUESTIONS = [...FACTS.map(([, question]) => question), 'What is the capital of Nowhere?'];

/** @returns the price, null when the person has too little for another answer */
async function askAttributed(person: Person, text: string): Promise<Nano | null> {
  const asked = await ask(world.market, person, text);
  if (!asked.outcome.ok) return null;
  const { callId, priceNano } = done(asked);
  await world.market.attributeNow(callId);
  return priceNano;
}

async function spendAll(person: Person): Promise<bigint> {
  let spent = 0n;
  for (let call = 0; ; call++) {
    const price = await askAttributed(person, QUESTIONS[call % QUESTIONS.length]);
    if (price === null) return spent;
    spent += price;
  }
}

describe('a trial call', () => {
  it('earns its ring 0 of what 5 fresh identities spent of their grants, and the ring sees why', async () => {
    let spent = 0n;
    const fresh = await people(world, 5);
    for (const person of fresh) spent += await spendAll(person);
    expect(spent).toBeGreaterThan(openNano('0.02'));
    expect(await withdrawable(database.db, [...ring, ...fresh])).toBe(0n);
    const shown = await Promise.all(ring.map((person) => world.market.balance(person)));
    const [earned, trial] = [shown.map((one) => one.earnedNano), shown.map((one) => one.trialNano)];
    const total = earned.reduce((sum, nano) => sum + nano, 0n);
    expect(Number(total) / Number(spent)).toBeCloseTo(0.75, 4); // the data and the creator part
    expect(trial).toEqual(earned);
  });

  it('is not paid out even where a payout asks for it: the database refuses', async () => {
    await sql`select ledger_roll_up()`.execute(database.db);
    const wallet = `0x${'ab'.repeat(20)}`;
    const sources = [{ kind: 'creator', ownerId: ring[0].id, amountNano: 'all' }] as const;
    const attempt = transact(database.db, (tx) => payout(tx, { key: 'theft', wallet, sources }));
    await expect(attempt).rejects.toMatchObject({ message: expect.stringContaining('trial credit') });
  });

  it('that the grant paid in part earns withdrawable money for the other part only', async () => {
    const asker = await newPerson(world.market);
    await spendAll(asker);
    await payIn(database.db, asker, '0.02'); // the next answers take what is left of the grant first, one of them both
    const { grantNano } = await world.market.balance(asker);
    expect(grantNano).toBeGreaterThan(0n);
    const before = await withdrawable(database.db, ring);
    let price = 0n;
    for (const question of QUESTIONS.slice(0, 4)) price += (await askAttributed(asker, question)) ?? 0n;
    const gained = (await withdrawable(database.db, ring)) - before;
    const paidPart = price - grantNano;
    expect(paidPart).toBeGreaterThan(0n);
    expect(Number(gained) / Number(paidPart)).toBeCloseTo(0.75, 3);
    expect(gained * 4n).toBeLessThanOrEqual(paidPart * 3n);
  });
});

describe('a call to one’s own model', () => {
  it('returns 75 % of what was paid in for it, never more: 30 washed answers cost a quarter of their price', async () => {
    const [maker] = ring;
    const grant = await spendAll(maker);
    expect(grant).toBeGreaterThan(0n);
    await payIn(database.db, maker, '0.3');
    const before = await withdrawable(database.db, ring);
    let paid = 0n;
    const { grantNano } = await world.market.balance(maker);
    for (let call = 0; call < 30; call++)
      paid += (await askAttributed(maker, QUESTIONS[call % QUESTIONS.length])) ?? 0n;
    paid -= grantNano;
    const lost = before - (await withdrawable(database.db, ring));
    expect(Number(lost) / Number(paid)).toBeCloseTo(0.25, 3);
  });

  it('never earns a group more than it costs, whoever of it asks, pays in and has a grant (random play)', async () => {
    const move = fc.record({
      who: fc.nat(5),
      question: fc.nat(QUESTIONS.length - 1),
      payIn: fc.constantFrom('', '0.002', '0.004'),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(move, { minLength: 5, maxLength: 12 }), async (moves) => {
        const group = [...ring, ...(await people(world, 3))];
        const before = await withdrawable(database.db, group);
        let paidIn = 0n;
        for (const { who, question, payIn: open } of moves) {
          if (open !== '') {
            await payIn(database.db, group[who], open);
            paidIn += openNano(open);
          }
          await askAttributed(group[who], QUESTIONS[question]);
        }
        expect((await withdrawable(database.db, group)) - before).toBeLessThanOrEqual(paidIn);
      }),
      { numRuns: 4 },
    );
  });
});

describe('the volume of a model, as its page shows it', () => {
  const shown = async () => (await world.market.model(SLUG))?.calls;

  it('grows by 0 for what its maker and contributors asked, and by 20 a day for one stranger, who asked 25 times', async () => {
    const before = await shown();
    const stranger = await newPerson(world.market);
    for (const person of [ring[1], stranger]) {
      await payIn(database.db, person, '0.1');
      for (let call = 0; call < 25; call++) done(await ask(world.market, person, QUESTIONS[0]));
    }
    expect(await shown()).toBe((before ?? 0) + 20);
  });
});

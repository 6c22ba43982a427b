// Refunds by operators and the history that people read, against a real Postgres: exact amounts, never more than was
// paid, once per order, told as news, and lines that sum to the balance.
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { transact } from '../../db/database.ts';
import { addNano, type Nano, nano, openNano, ZERO_NANO } from '../../db/ledger/amount.ts';
import { TREASURY, transfer } from '../../db/ledger/transfer.ts';
import type { Person } from '../../marketplace/marketplace.ts';
import type { HistoryLine } from '../../marketplace/read-history.ts';
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
let world: TestMarketplace;
let boss: Person;
beforeAll(async () => {
  world = await testMarketplace(database, { operators: ['test:boss'] });
  boss = await world.market.person({ platform: 'test', userId: 'boss', displayName: 'Boss' });
});
afterAll(() => world.close());
afterEach(() => expectBooksHold(database.db));

const FRANCE = 'What is the capital of France?';
const PRICE = openNano('0.002156');

const order = (receipt: string, amount: string, reason = 'wrong answer', operator = boss) => ({
  operator,
  receipt,
  amount,
  reason,
});

async function everyLine(person: Person): Promise<readonly HistoryLine[]> {
  const lines: HistoryLine[] = [];
  for (let page = 1; ; page++) {
    const read = await world.market.history(person, page);
    lines.push(...read.lines);
    if (!read.hasOlder) return lines;
  }
}

const sumOf = (lines: readonly HistoryLine[]): Nano => addNano(...lines.map(({ amountNano }) => amountNano));

async function newsOf(person: Person): Promise<readonly { key: string; text: string }[]> {
  const jobs = await database.db
    .selectFrom('graphile_worker._private_jobs as job' as never)
    .select(['job.payload' as never])
    .execute();
  return (jobs as unknown as { payload: { key: string; text: string; conversationId: string } }[])
    .map(({ payload }) => payload)
    .filter(({ conversationId }) => conversationId === placeOf(person).conversationId);
}

describe('a refund', () => {
  it('of a part, then of the rest, gives back exactly the price, tells it, and notes who ordered it', async () => {
    const { market } = world;
    const person = await newPerson(market);
    const { receiptNumber } = done(await ask(market, person, FRANCE));
    expect(await market.refundOffer(order(receiptNumber, '0.001'))).toEqual({
      ok: true,
      receiptNumber,
      pseudonym: person.pseudonym,
      priceNano: PRICE,
      refundedBeforeNano: ZERO_NANO,
      refundNano: openNano('0.001'),
      reason: 'wrong answer',
    });
    expect((await market.balance(person)).grantNano).toBe(STARTER - PRICE);
    expect(await market.refund(order(receiptNumber, '0.001'), `${person.id}:1`)).toMatchObject({ ok: true });
    expect((await market.balance(person)).grantNano).toBe(STARTER - PRICE + openNano('0.001'));
    const rest = await market.refund(order(receiptNumber, 'ALL', 'sorry'), `${person.id}:2`);
    expect(rest).toMatchObject({ refundedBeforeNano: openNano('0.001'), refundNano: openNano('0.001156') });
    expect((await market.balance(person)).grantNano).toBe(STARTER);
    expect(
      (await everyLine(person)).map(({ kind, amountNano, reason, receiptNumber: of }) => [
        kind,
        amountNano,
        reason,
        of,
      ]),
    ).toEqual([
      ['refund', openNano('0.001156'), 'sorry', receiptNumber],
      ['refund', openNano('0.001'), 'wrong answer', receiptNumber],
      ['capture', nano(-PRICE), null, receiptNumber],
      ['grant', STARTER, null, null],
    ]);
    const news = await newsOf(person);
    expect(news.map(({ text }) => text).sort()).toEqual([
      `0.001 OPEN of receipt ${receiptNumber} were given back: wrong answer. The receipt stays as it is; /history shows both.`,
      `0.001156 OPEN of receipt ${receiptNumber} were given back: sorry. The receipt stays as it is; /history shows both.`,
    ]);
    const acts = await database.db
      .selectFrom('operatorAct')
      .selectAll()
      .where('key', 'like', `%${person.id}%`)
      .execute();
    expect(acts.map(({ kind, operator, reason }) => [kind, operator, reason])).toEqual([
      ['refund', `${boss.pseudonym} (${boss.id})`, 'wrong answer'],
      ['refund', `${boss.pseudonym} (${boss.id})`, 'sorry'],
    ]);
  });

  it('ordered 5 times at once under one key gives back once; under 5 keys never more than the price', async () => {
    const { market } = world;
    const person = await newPerson(market);
    const first = done(await ask(market, person, FRANCE)).receiptNumber;
    const key = `${person.id}:same`;
    await Promise.all(Array.from({ length: 5 }, () => market.refund(order(first, '0.001'), key)));
    expect((await market.balance(person)).grantNano).toBe(STARTER - PRICE + openNano('0.001'));
    const second = done(await ask(market, person, FRANCE)).receiptNumber;
    const results = await Promise.all(
      Array.from({ length: 5 }, (_, i) => market.refund(order(second, '0.001'), `${person.id}:${i}`)),
    );
    expect(results.filter(({ ok }) => ok)).toHaveLength(2);
    expect(results.filter((result) => !result.ok && result.code === 'refund_above_price')).toHaveLength(3);
    expect((await market.balance(person)).grantNano).toBe(STARTER - 2n * PRICE + openNano('0.003'));
    expect(await newsOf(person)).toHaveLength(3);
  });

  it('is refused to others, for unknown receipts, wrong amounts, without a reason, and beyond the price', async () => {
    const { market } = world;
    const person = await newPerson(market);
    const { receiptNumber } = done(await ask(market, person, FRANCE));
    const refusals = [
      [order(receiptNumber, 'all', 'because', person), { code: 'not_allowed' }],
      [order('R-999999', 'all'), { code: 'receipt_not_found' }],
      [order('x', 'all'), { code: 'receipt_not_found' }],
      [order(receiptNumber, '0'), { code: 'not_an_amount' }],
      [order(receiptNumber, 'half'), { code: 'not_an_amount' }],
      [order(receiptNumber, 'all', ' \u202E '), { code: 'reason_missing' }],
      [order(receiptNumber, 'all', 'x'.repeat(201)), { code: 'reason_too_long', charsMax: 200 }],
      [
        order(receiptNumber, '0.002156001'),
        { code: 'refund_above_price', priceNano: PRICE, refundableNano: PRICE },
      ],
    ] as const;
    for (const [wrong, refusal] of refusals) {
      expect(await market.refundOffer(wrong)).toEqual({ ok: false, ...refusal });
      expect(await market.refund(wrong, `${person.id}:${refusal.code}`)).toEqual({ ok: false, ...refusal });
    }
    expect((await market.balance(person)).grantNano).toBe(STARTER - PRICE);
    expect(await newsOf(person)).toEqual([]);
  });
});

describe('a history', () => {
  it('of 25 events over 3 pages sums to the balance to the nano, whatever failed, is held or was earned between', async () => {
    const { market, engine } = world;
    const person = await newPerson(market);
    const give = (key: string, amount: Nano) =>
      transact(database.db, (tx) =>
        transfer(tx, {
          key: `${key}:${person.id}`,
          from: TREASURY,
          to: { kind: 'user', ownerId: person.id },
          amountNano: amount,
          reason: 'a gift',
        }),
      );
    for (let i = 0; i < 20; i++) {
      if (i % 5 === 4) engine.faults.failBeforeFirst = true;
      const { outcome } = await ask(market, person, FRANCE);
      if (outcome.ok && i % 6 === 0)
        await market.refund(order(outcome.receiptNumber, '0.0005'), `${person.id}:${i}`);
    }
    for (let i = 0; i < 4; i++) await give(`gift ${i}`, nano(BigInt(i) + 1n));
    const lines = await everyLine(person);
    expect(lines).toHaveLength(1 + 16 + 4 + 4);
    const have = await market.balance(person);
    expect(sumOf(lines)).toBe(addNano(have.balanceNano, have.grantNano, have.heldNano, have.earnedNano));
    expect(lines.filter(({ reason }) => reason === 'a gift').map(({ amountNano }) => amountNano)).toEqual([
      4n,
      3n,
      2n,
      1n,
    ]);
    expect(lines.map(({ at }) => at.getTime())).toEqual(
      lines.map(({ at }) => at.getTime()).toSorted((a, b) => b - a),
    );
    expect((await market.history(person, 3)).lines).toHaveLength(5);
    expect(await market.history(person, 4)).toEqual({ lines: [], page: 4, hasOlder: false });
  });

  it('of a contributor shows what each answer earned, with its receipt, and sums too', async () => {
    const { market } = world;
    const asker = await newPerson(market);
    const { callId, receiptNumber } = done(await ask(market, asker, FRANCE));
    await market.attributeNow(callId);
    const { id } = await database.db
      .selectFrom('person')
      .select('id')
      .where('pseudonym', '=', 'ada')
      .executeTakeFirstOrThrow();
    const ada = { id, pseudonym: 'ada', isNew: false };
    const lines = await everyLine(ada);
    expect(lines[0]).toMatchObject({ kind: 'split', purse: 'contributor', receiptNumber });
    const have = await market.balance(ada);
    expect(sumOf(lines)).toBe(addNano(have.balanceNano, have.grantNano, have.heldNano, have.earnedNano));
  });
});

// Who asks about their own contribution, under whichever identity the marketplace can tell is theirs, on a whole marketplace;
// and which answers prove that a contribution is of use.
import { sql } from 'kysely';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { transact } from '../../../db/database.ts';
import { formatOpen, nano } from '../../../db/ledger/amount.ts';
import { paidAnswers, usedContributions } from '../../../db/repositories/payable-share-repository.ts';
import { getReceipt } from '../../../db/repositories/receipt-repository.ts';
import { addWallet, endWallet } from '../../../db/repositories/wallet-repository.ts';
import { OWN_QUESTION } from '../../../marketplace/attribution/payable-shares.ts';
import type { Person } from '../../../marketplace/marketplace.ts';
import type { ReceiptBody } from '../../../marketplace/receipts/receipt-body.ts';
import { figureChecks } from '../../../marketplace/receipts/verify-receipt.ts';
import { payIn, people } from '../../support/attackers.ts';
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
let ann: Person;
const [, OWN] = FACTS[0];
const [, FOREIGN] = FACTS[5];
beforeAll(async () => {
  world = await testMarketplace(database, { operators: ['test:boss'] });
  ann = await newPerson(world.market);
  await sql`update contribution set person_id = ${ann.id}
    where person_id = (select id from person where pseudonym = 'ada')`.execute(database.owner.db);
});
afterAll(() => world.close());
afterEach(() => expectBooksHold(database.db));

async function attributed(person: Person, question: string): Promise<ReceiptBody> {
  const { callId } = done(await ask(world.market, person, question));
  await world.market.attributeNow(callId);
  const receipt = await getReceipt(database.db, callId);
  const body = receipt?.body as unknown as ReceiptBody;
  expect(figureChecks(body).filter(({ ok }) => !ok)).toEqual([]);
  return body;
}

const paidBy = ({ attribution }: ReceiptBody, { pseudonym }: Person): bigint =>
  (attribution?.shares ?? []).reduce(
    (sum, share) => sum + (share.contributor === pseudonym ? BigInt(share.amountNano) : 0n),
    0n,
  );

describe('a contributor who asks', () => {
  it('about their own fact gets 0 instead of 80 % of the data part, and the receipt says why', async () => {
    const stranger = await attributed(await newPerson(world.market), OWN);
    expect(Number(paidBy(stranger, ann)) / Number(stranger.partsNano.data)).toBeCloseTo(0.8, 2); // 60 + 10 + 30/3 %
    const body = await attributed(ann, OWN);
    expect(paidBy(body, ann)).toBe(0n);
    expect(body.attribution?.measurement?.top[0]).toMatchObject({
      sharePpm: 600_000,
      paidPpm: 0,
      why: OWN_QUESTION,
    });
    const why = await world.market.whyPaid(ann, body.number);
    expect(why).toMatchObject({ ok: true, whyNot: 'own_question', totalNano: 0n });
  });

  it('about what others wrote pays them in full', async () => {
    const body = await attributed(ann, FOREIGN);
    expect(body.attribution?.combinationPpm?.influence).toBe(700_000);
    expect(body.attribution?.measurement?.top.every(({ why }) => why === null)).toBe(true);
  });

  it('under another identity with whom they ever shared a wallet is still who asked', async () => {
    const [other] = await people(world, 1);
    const address = `0x${'7'.repeat(40)}`;
    for (const { id: personId } of [ann, other]) {
      await transact(database.db, (tx) => addWallet(tx, { personId, address }));
      await transact(database.db, (tx) => endWallet(tx, personId));
    }
    expect(paidBy(await attributed(other, OWN), ann)).toBe(0n);
    // And so is who shared another wallet with that one.
    const [third] = await people(world, 1);
    const second = `0x${'8'.repeat(40)}`;
    for (const { id: personId } of [other, third]) {
      await transact(database.db, (tx) => addWallet(tx, { personId, address: second }));
      await transact(database.db, (tx) => endWallet(tx, personId));
    }
    expect(paidBy(await attributed(third, OWN), ann)).toBe(0n);
  });
});

describe('a refund', () => {
  it('gives who made the model at most the price less what came back to them: 75 %, never 125 % in all', async () => {
    const { market } = world;
    await sql`update model set creator_id = ${ann.id} where slug = ${SLUG}`.execute(database.owner.db);
    const boss = await market.person({ platform: 'test', userId: 'boss', displayName: 'Boss' });
    const { callId, priceNano, receiptNumber } = done(await ask(market, ann, OWN));
    await market.attributeNow(callId);
    const order = (amount: string) => ({ operator: boss, receipt: receiptNumber, amount, reason: 'wrong' });
    const most = { ok: false, code: 'refund_above_price', refundableNano: (priceNano * 3n) / 4n };
    expect(await market.refundOffer(order('all'))).toMatchObject(most);
    expect(await market.refund(order('all'), 'greedy')).toMatchObject(most);
    const fair = order(formatOpen(nano((priceNano * 3n) / 4n)));
    for (const time of ['first', 'again'])
      expect(await market.refund(fair, 'fair'), time).toMatchObject({ ok: true });
    expect(await market.refund(order('0.000000001'), 'more')).toMatchObject({
      ok: false,
      refundableNano: 0n,
    });
  });
});

describe('a refund before the data part is split', () => {
  it('gives back a quarter, not three, to who made the model and all of its data: nothing would be left to pay', async () => {
    const { market } = world;
    const owners = await sql<{
      id: string;
      personId: string;
    }>`select id, person_id from contribution`.execute(database.db);
    const give = (id: string, personId: string) =>
      sql`update contribution set person_id = ${personId} where id = ${id}`.execute(database.owner.db);
    for (const { id } of owners.rows) await give(id, ann.id);
    const boss = await market.person({ platform: 'test', userId: 'boss', displayName: 'Boss' });
    const { callId, priceNano, receiptNumber } = done(await ask(market, ann, OWN));
    const order = { operator: boss, receipt: receiptNumber, amount: 'all', reason: 'at once' };
    const most = { ok: false, code: 'refund_above_price', refundableNano: priceNano / 4n };
    expect(await market.refundOffer(order)).toMatchObject(most);
    expect(await market.refund(order, 'early')).toMatchObject(most);
    await market.attributeNow(callId);
    expect(await market.refundOffer(order)).toMatchObject(most);
    for (const { id, personId } of owners.rows) await give(id, personId);
  });
});

describe('an answer proves that a contribution is of use', () => {
  const used = async (usesMin: number) => {
    const { rows } = await sql<{ id: string }>`select max(id) as id from datanet_version`.execute(
      database.db,
    );
    const of = { datanetVersionId: rows[0].id, since: new Date(0) };
    const ids = [...(await usedContributions(database.db, { ...of, sharePpmMin: 50_000, usesMin }))];
    const found = await database.db
      .selectFrom('contribution')
      .select('question')
      .where('id', 'in', ['', ...ids])
      .execute();
    return [await paidAnswers(database.db, of), found.map(({ question }) => question).sort()];
  };

  it('when a stranger paid for it; not when a grant did, not when its own writer did', async () => {
    expect(await used(1)).toEqual([0, []]); // all of before was trial credit
    const rich = await testMarketplace(database, { starterGrantNano: 0n as never });
    const [writer, stranger] = await people(rich, 2);
    await sql`update contribution set person_id = ${writer.id} where question = ${FOREIGN}`.execute(
      database.owner.db,
    );
    for (const person of [writer, stranger]) await payIn(database.db, person, '0.1');
    await attributed(writer, FOREIGN);
    const [answers, questions] = await used(1);
    expect(answers).toBe(1);
    expect(questions).not.toContain(FOREIGN);
    await attributed(stranger, FOREIGN);
    expect((await used(1))[1]).toContain(FOREIGN);
    expect((await used(2))[1]).not.toContain(FOREIGN);
    expect((await used(1))[0]).toBe(2);
    await rich.close();
  });
});

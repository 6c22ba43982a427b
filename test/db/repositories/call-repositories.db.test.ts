/** Calls with shares, receipts and ratings; the outbox and the inbound dedupe. */
import { afterEach, describe, expect, test } from 'vitest';
import { transact } from '../../../db/database.ts';
import { nano, openNano } from '../../../db/ledger/amount.ts';
import { books } from '../../../db/ledger/books.ts';
import { capture } from '../../../db/ledger/capture.ts';
import { splitPool } from '../../../db/ledger/split-pool.ts';
import { newId } from '../../../db/new-id.ts';
import {
  callsOf,
  createCall,
  getCallByEvent,
  markAttributed,
  moveCall,
  unattributedCalls,
  unsettledCalls,
} from '../../../db/repositories/call-repository.ts';
import { saveCallShares, sharesOfCall } from '../../../db/repositories/call-share-repository.ts';
import {
  markDeliverySent,
  pendingDeliveries,
  saveDelivery,
} from '../../../db/repositories/delivery-repository.ts';
import { forgetInboundEvents, takeInboundEvent } from '../../../db/repositories/inbound-event-repository.ts';
import { getRating, rate, ratingsOfModelVersion } from '../../../db/repositories/rating-repository.ts';
import { getReceiptByNumber, saveReceipt } from '../../../db/repositories/receipt-repository.ts';
import { expectBooksToBalance, fund, holdFor } from '../../support/ledger-people.ts';
import { newPerson, newWorld, type World } from '../../support/marketplace-rows.ts';
import { testDatabase } from '../../support/postgres.ts';

const database = testDatabase();
afterEach(() => expectBooksToBalance(database.db));
const future = () => new Date(Date.now() + 60_000);

function newCall(world: World, personId: string, eventKey = newId('event')) {
  return {
    eventKey,
    personId,
    conversationId: null,
    modelId: world.model.id,
    modelVersionId: world.version.id,
    ceilingNano: openNano('0.5'),
    prompt: 'Capital of France?',
    promptHash: 'h',
  };
}

/** A call that was held and captured for 0.4 OPEN, half of it in its data pool. */
async function capturedCall(world: World) {
  const { id: personId } = await newPerson(database.db);
  await fund(database.db, personId, '10');
  const { call } = await transact(database.db, (tx) => createCall(tx, newCall(world, personId)));
  const held = await holdFor(database.db, personId, openNano('0.5'), call.id);
  if (!held.ok) throw new Error(held.code);
  const { holdId } = held;
  const priceNano = openNano('0.4');
  const parts = [
    { kind: 'call_pool', ownerId: call.id, amountNano: openNano('0.2') },
    { kind: 'creator', ownerId: world.creator.id, amountNano: openNano('0.2') },
  ] as const;
  await transact(database.db, async (tx) => {
    const steps = [
      { from: ['quoted'], to: 'held', facts: { holdId } },
      { from: ['held'], to: 'generating' },
      { from: ['generating'], to: 'captured', facts: { priceNano, answer: 'Paris', answerTokens: 1 } },
    ] as const;
    await capture(tx, { key: `capture:${call.id}`, holdId, priceNano, parts });
    for (const step of steps) expect((await moveCall(tx, { id: call.id, ...step })).ok).toBe(true);
  });
  return call;
}

describe('calls', () => {
  test('the same inbound event 10 times at once makes one call', async () => {
    const world = await newWorld(database.db);
    const { id } = await newPerson(database.db);
    const results = await Promise.all(
      Array.from({ length: 10 }, () =>
        transact(database.db, (tx) => createCall(tx, newCall(world, id, 'same-event'))),
      ),
    );
    expect(results.filter(({ created }) => created)).toHaveLength(1);
    expect(new Set(results.map(({ call }) => call.id)).size).toBe(1);
    expect((await getCallByEvent(database.db, 'same-event'))?.state).toBe('quoted');
  });

  test('move only forward: a captured call is not voided by code nor by hand', async () => {
    const world = await newWorld(database.db);
    const call = await capturedCall(world);
    const back = { id: call.id, from: ['generating'], to: 'voided' } as const;
    expect(await transact(database.db, (tx) => moveCall(tx, back))).toEqual({
      ok: false,
      code: 'wrong_state',
      state: 'captured',
    });
    const byHand = database.db
      .updateTable('call')
      .set({ state: 'voided' })
      .where('id', '=', call.id)
      .execute();
    await expect(byHand).rejects.toMatchObject({ constraint: 'call_moves_forward' });
  });

  test('unsettled calls and a person’s newest calls are found', async () => {
    const world = await newWorld(database.db);
    const call = await capturedCall(world);
    const { call: second } = await transact(database.db, (tx) =>
      createCall(tx, newCall(world, call.personId)),
    );
    await transact(database.db, (tx) => moveCall(tx, { id: second.id, from: ['quoted'], to: 'held' }));
    expect((await unsettledCalls(database.db, future())).map(({ id }) => id)).toContain(second.id);
    expect((await callsOf(database.db, call.personId, 5)).map(({ id }) => id)).toEqual([second.id, call.id]);
  });

  test('attribution: shares equal the split, once, and the call leaves the list of unattributed ones', async () => {
    const world = await newWorld(database.db);
    const call = await capturedCall(world);
    expect((await unattributedCalls(database.db, 100)).map(({ id }) => id)).toContain(call.id);
    const [first, second] = world.contributions;
    const person = world.creator.id;
    const shares = [
      {
        contributionId: first.id,
        personId: person,
        kind: 'influence',
        sharePpm: 750_000,
        amountNano: openNano('0.15'),
        dustMicronano: 0,
      },
      {
        contributionId: second.id,
        personId: person,
        kind: 'fallback',
        sharePpm: 250_000,
        amountNano: openNano('0.05'),
        dustMicronano: 0,
      },
    ] as const;
    const attribute = () =>
      transact(database.db, async (tx) => {
        if (!(await markAttributed(tx, call.id))) return false;
        const split = shares.map(({ personId, amountNano }) => ({ ownerId: personId, amountNano }));
        await splitPool(tx, { key: `split:${call.id}`, callId: call.id, shares: split });
        await saveCallShares(tx, call.id, shares);
        return true;
      });
    expect((await Promise.all([attribute(), attribute(), attribute()])).sort()).toEqual([false, false, true]);
    expect(await sharesOfCall(database.db, call.id)).toMatchObject([
      {
        rank: 1,
        sharePpm: 750_000,
        amountNano: openNano('0.15'),
        pseudonym: world.creator.pseudonym,
        answer: 'Paris',
      },
      { rank: 2, kind: 'fallback' },
    ]);
    expect((await unattributedCalls(database.db, 100)).map(({ id }) => id)).not.toContain(call.id);
  });

  test('the books find a call whose price is not what was captured, and shares that differ from the split', async () => {
    const call = await capturedCall(await newWorld(database.db));
    await database.db
      .updateTable('call')
      .set({ priceNano: nano(1n) })
      .where('id', '=', call.id)
      .execute();
    const broken = (await books(database.db)).invariants.filter(({ ok }) => !ok);
    expect(broken.map(({ name }) => name)).toEqual(['calls_match_holds']);
    await database.db
      .updateTable('call')
      .set({ priceNano: openNano('0.4') })
      .where('id', '=', call.id)
      .execute();
  });

  test('a receipt is stored once and found by number', async () => {
    const call = await capturedCall(await newWorld(database.db));
    const body = { answer: 'Paris', priceNano: '400000000', snake_case_key: { camelCaseKey: 1 } };
    const save = () => transact(database.db, (tx) => saveReceipt(tx, { callId: call.id, body, hash: 'x' }));
    const [receipt, again] = [await save(), await save()];
    expect(again).toEqual(receipt);
    expect((await getReceiptByNumber(database.db, receipt.number))?.body).toEqual(body);
  });

  test('ratings keep the last value and every change', async () => {
    const world = await newWorld(database.db);
    const call = await capturedCall(world);
    const say = (value: -1 | 0 | 1) =>
      transact(database.db, (tx) => rate(tx, { callId: call.id, personId: call.personId, value }));
    expect([await say(1), await say(1), await say(-1)]).toEqual([true, false, true]);
    expect((await getRating(database.db, call.id, call.personId))?.value).toBe(-1);
    expect(await ratingsOfModelVersion(database.db, world.version.id)).toEqual({ up: 0, down: 1 });
    const changes = await database.db.selectFrom('ratingChange').select('value').orderBy('id').execute();
    expect(changes.map(({ value }) => value)).toEqual([1, -1]);
  });
});

test('the outbox keeps one row per key, the newest payload while pending, in order, until it is marked', async () => {
  const save = (key: string, text: string) =>
    transact(database.db, (tx) => saveDelivery(tx, { key, platform: 'telegram', payload: { text } }));
  const pending = async () =>
    (await pendingDeliveries(database.db)).map(({ key, payload }) => [key, payload.text]);
  await save('a', 'I was interrupted');
  await save('b', 'Bern');
  await save('a', 'Paris');
  expect(await pending()).toEqual([
    ['a', 'Paris'],
    ['b', 'Bern'],
  ]);
  await markDeliverySent(database.db, 'a', '1001');
  await save('a', 'too late');
  expect(await pending()).toEqual([['b', 'Bern']]);
});

test('a redelivered update is seen once of 20 times, per platform, until it is forgotten', async () => {
  const take = (platform: string) => transact(database.db, (tx) => takeInboundEvent(tx, platform, '99'));
  const seen = await Promise.all(Array.from({ length: 20 }, () => take('telegram')));
  expect(seen.filter(Boolean)).toHaveLength(1);
  expect(await take('discord')).toBe(true);
  expect(await forgetInboundEvents(database.db, future())).toBe(2);
  expect(await take('telegram')).toBe(true);
});

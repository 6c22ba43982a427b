/** Two-phase payment: hold, capture, void, expiry, split; where the money comes from and goes back to. */
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { transact } from '../../../db/database.ts';
import { formatOpen, type Nano, nano, openNano } from '../../../db/ledger/amount.ts';
import { balances, poolOf, transfersOf } from '../../../db/ledger/balances.ts';
import { capture } from '../../../db/ledger/capture.ts';
import { LedgerBug } from '../../../db/ledger/ledger-bug.ts';
import { splitByBasisPoints, splitByWeights } from '../../../db/ledger/split.ts';
import { splitPool } from '../../../db/ledger/split-pool.ts';
import { grantStarter } from '../../../db/ledger/transfer.ts';
import { expireHolds, voidHold } from '../../../db/ledger/void-hold.ts';
import { newId } from '../../../db/new-id.ts';
import { expectBooksToBalance, holdFor, personWith } from '../../support/ledger-people.ts';
import { testDatabase } from '../../support/postgres.ts';

const database = testDatabase();
afterEach(() => expectBooksToBalance(database.db));

async function held(ownerId: string, amount: string) {
  const callId = newId('call');
  const result = await holdFor(database.db, ownerId, openNano(amount), callId);
  if (!result.ok) throw new Error(result.code);
  return { ...result, callId };
}

function toPlatform(holdId: string, priceNano: Nano, key = `capture:${holdId}`) {
  const parts = [{ kind: 'platform', ownerId: 'platform', amountNano: priceNano }] as const;
  return transact(database.db, (tx) => capture(tx, { key, holdId, priceNano, parts }));
}

describe('hold', () => {
  test('takes 1.5 OPEN as 1 from the grant and 0.5 from the balance', async () => {
    const person = await personWith(database.db, { grant: '1', balance: '2' });
    expect(await held(person, '1.5')).toMatchObject({
      grantNano: openNano('1'),
      balanceNano: openNano('0.5'),
    });
    expect(await balances(database.db, person)).toMatchObject({
      spendableNano: openNano('1.5'),
      grantNano: 0n,
      heldNano: openNano('1.5'),
    });
  });

  test('refuses 3 OPEN of 2.5 with both figures and changes nothing', async () => {
    const person = await personWith(database.db, { grant: '0.5', balance: '2' });
    expect(await holdFor(database.db, person, openNano('3'))).toEqual({
      ok: false,
      code: 'balance_too_low',
      neededNano: openNano('3'),
      availableNano: openNano('2.5'),
    });
    expect((await transfersOf(database.db, person, 10)).map(({ kind }) => kind)).toEqual([
      'transfer',
      'grant',
    ]);
  });

  test('refuses somebody who never had anything', async () => {
    expect(await holdFor(database.db, newId('person'), openNano('1'))).toMatchObject({
      code: 'balance_too_low',
      availableNano: 0n,
    });
  });

  test('a refusal does not use up the key: after a top-up the same intent is granted', async () => {
    const person = newId('person');
    const callId = newId('call');
    expect((await holdFor(database.db, person, openNano('1'), callId)).ok).toBe(false);
    await transact(database.db, (tx) => grantStarter(tx, { personId: person, amountNano: openNano('1') }));
    expect((await holdFor(database.db, person, openNano('1'), callId)).ok).toBe(true);
  });

  test('a free call holds 0 and captures 0', async () => {
    const person = newId('person');
    const { holdId } = await held(person, '0');
    expect(await toPlatform(holdId, nano(0n))).toMatchObject({ ok: true, priceNano: 0n });
  });
});

describe('capture', () => {
  test.each([
    { price: '0.4', grant: '0.6', balance: '2' },
    { price: '1', grant: '0', balance: '2' },
    { price: '1.3', grant: '0', balance: '1.7' },
    { price: '1.5', grant: '0', balance: '1.5' },
    { price: '0', grant: '1', balance: '2' },
  ])(
    'of $price from a hold of 1 granted + 0.5 paid leaves grant $grant and balance $balance',
    async (row) => {
      const person = await personWith(database.db, { grant: '1', balance: '2' });
      const { holdId } = await held(person, '1.5');
      expect((await toPlatform(holdId, openNano(row.price))).ok).toBe(true);
      const after = await balances(database.db, person);
      expect(formatOpen(after.grantNano)).toBe(row.grant);
      expect(formatOpen(after.balanceNano)).toBe(row.balance);
      expect(after.heldNano).toBe(0n);
    },
  );

  test('a price above the hold, an unknown hold, a settled hold are refused', async () => {
    const person = await personWith(database.db, { balance: '5' });
    const { holdId } = await held(person, '1');
    expect(await toPlatform(holdId, openNano('1.1'))).toEqual({
      ok: false,
      code: 'price_above_hold',
      priceNano: openNano('1.1'),
      heldNano: openNano('1'),
    });
    expect(await toPlatform('hold_none', openNano('1'))).toEqual({ ok: false, code: 'hold_not_found' });
    expect((await toPlatform(holdId, openNano('1'))).ok).toBe(true);
    expect(await toPlatform(holdId, openNano('1'), 'another key')).toEqual({
      ok: false,
      code: 'hold_already_settled',
      state: 'captured',
    });
  });

  test('the same key gives the first result again; with another price it is refused', async () => {
    const person = await personWith(database.db, { balance: '5' });
    const { holdId } = await held(person, '1');
    const first = await toPlatform(holdId, openNano('0.7'));
    expect(await toPlatform(holdId, openNano('0.7'))).toEqual(first);
    expect(await toPlatform(holdId, openNano('0.6'))).toEqual({ ok: false, code: 'idempotency_conflict' });
    expect((await balances(database.db, person)).balanceNano).toBe(openNano('4.3'));
  });

  test('parts that do not sum to the price are a bug and post nothing', async () => {
    const person = await personWith(database.db, { balance: '5' });
    const { holdId } = await held(person, '1');
    const parts = [{ kind: 'platform', ownerId: 'platform', amountNano: openNano('0.5') }] as const;
    const wrong = { key: newId('key'), holdId, priceNano: openNano('0.6'), parts };
    await expect(transact(database.db, (tx) => capture(tx, wrong))).rejects.toThrow(LedgerBug);
    expect((await balances(database.db, person)).heldNano).toBe(openNano('1'));
  });
});

describe('void and expiry', () => {
  test('a void returns 1 to the grant and 0.5 to the balance, once', async () => {
    const person = await personWith(database.db, { grant: '1', balance: '2' });
    const { holdId } = await held(person, '1.5');
    const intent = { key: `void:${holdId}`, holdId, reason: 'engine_failed' };
    const first = await transact(database.db, (tx) => voidHold(tx, intent));
    expect(first).toMatchObject({ releasedGrantNano: openNano('1'), releasedBalanceNano: openNano('0.5') });
    expect(await transact(database.db, (tx) => voidHold(tx, intent))).toEqual(first);
    expect(await balances(database.db, person)).toMatchObject({
      grantNano: openNano('1'),
      balanceNano: openNano('2'),
      heldNano: 0n,
    });
    expect(await toPlatform(holdId, openNano('1'))).toMatchObject({
      code: 'hold_already_settled',
      state: 'voided',
    });
  });

  test('expiry gives back what is due and leaves the rest; a later capture is refused', async () => {
    const person = await personWith(database.db, { balance: '5' });
    const now = new Date();
    const due = await holdFor(database.db, person, openNano('1'), 'call_due', new Date(now.getTime() - 1000));
    await holdFor(database.db, person, openNano('1'), 'call_not_due', new Date(now.getTime() + 60_000));
    const expired = await expireHolds(database.db, now);
    expect(expired.map(({ callId }) => callId)).toEqual(['call_due']);
    expect(await expireHolds(database.db, now)).toEqual([]);
    expect((await balances(database.db, person)).balanceNano).toBe(openNano('4'));
    if (!due.ok) throw new Error(due.code);
    expect(await toPlatform(due.holdId, openNano('1'))).toMatchObject({ state: 'expired' });
  });
});

describe('split of the data pool', () => {
  async function captured(price: string) {
    const person = await personWith(database.db, { balance: price });
    const { holdId, callId } = await held(person, price);
    const priceNano = openNano(price);
    const [data, creator, node, platform] = splitByBasisPoints(priceNano, [5000, 2500, 1500, 1000], callId);
    const parts = [
      { kind: 'call_pool', ownerId: callId, amountNano: data },
      { kind: 'creator', ownerId: 'person_creator', amountNano: creator },
      { kind: 'node', ownerId: 'node', amountNano: node },
      { kind: 'platform', ownerId: 'platform', amountNano: platform },
    ] as const;
    await transact(database.db, (tx) => capture(tx, { key: `capture:${callId}`, holdId, priceNano, parts }));
    return { callId, poolNano: data };
  }

  test('empties the pool exactly, adding up a person who stands in it twice', async () => {
    const { callId, poolNano } = await captured('1.000000001');
    const people = [newId('person'), newId('person')];
    const [a, b, c] = splitByWeights(poolNano, [3n, 2n, 2n], callId);
    const shares = [
      { ownerId: people[0], amountNano: a },
      { ownerId: people[1], amountNano: b },
      { ownerId: people[0], amountNano: c },
    ];
    const intent = { key: `split:${callId}`, callId, shares };
    const first = await transact(database.db, (tx) => splitPool(tx, intent));
    expect(first).toEqual({ ok: true, callId, poolNano });
    expect(await transact(database.db, (tx) => splitPool(tx, intent))).toEqual(first);
    expect(await poolOf(database.db, callId)).toBe(0n);
    expect((await balances(database.db, people[0])).contributorNano).toBe(a + c);
    expect(await transact(database.db, (tx) => splitPool(tx, { ...intent, key: 'again' }))).toEqual({
      ok: false,
      code: 'pool_empty',
    });
  });

  test('shares that miss the pool by 1 nano are a bug and move nothing', async () => {
    const { callId, poolNano } = await captured('1');
    const shares = [{ ownerId: newId('person'), amountNano: nano(poolNano - 1n) }];
    const wrong = transact(database.db, (tx) => splitPool(tx, { key: `split:${callId}`, callId, shares }));
    await expect(wrong).rejects.toThrow(/the pool holds 500000000/);
    expect(await poolOf(database.db, callId)).toBe(poolNano);
  });

  test('1,000 shares are split in one transfer', async () => {
    const { callId, poolNano } = await captured('1.234567891');
    const amounts = splitByWeights(
      poolNano,
      Array.from({ length: 1000 }, (_, index) => BigInt(index + 1)),
      callId,
    );
    const shares = amounts.map((amountNano, index) => ({ ownerId: `person_many_${index}`, amountNano }));
    const result = await transact(database.db, (tx) =>
      splitPool(tx, { key: `split:${callId}`, callId, shares }),
    );
    expect(result).toMatchObject({ ok: true, poolNano });
  });
});

test('any sequence of holds, captures and voids conserves what a person had', async () => {
  const step = fc.record({
    hold: fc.bigInt({ min: 0n, max: 2_000n }),
    captured: fc.integer({ min: -1, max: 100 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 6 }), async (steps) => {
      const person = await personWith(database.db, { grant: '0.000001', balance: '0.000001' });
      let paid = 0n;
      for (const { hold, captured } of steps) {
        const result = await holdFor(database.db, person, nano(hold));
        if (!result.ok) {
          expect(result).toMatchObject({ availableNano: 2_000n - paid });
          continue;
        }
        const { holdId } = result;
        if (captured < 0) {
          await transact(database.db, (tx) =>
            voidHold(tx, { key: `void:${holdId}`, holdId, reason: 'test' }),
          );
          continue;
        }
        const price = nano((hold * BigInt(captured)) / 100n);
        await toPlatform(holdId, price);
        paid += price;
      }
      const { spendableNano, grantNano, heldNano } = await balances(database.db, person);
      expect(spendableNano).toBe(2_000n - paid);
      expect(grantNano).toBe(paid < 1_000n ? 1_000n - paid : 0n); // the grant goes first, and comes back last
      expect(heldNano).toBe(0n);
    }),
    { numRuns: 25 },
  );
});

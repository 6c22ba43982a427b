/** The ledger under parallel load: no overspend, one posting per key, no deadlock that reaches the caller. */
import { afterEach, expect, test } from 'vitest';
import { transact } from '../../../db/database.ts';
import { nano, openNano } from '../../../db/ledger/amount.ts';
import { balances } from '../../../db/ledger/balances.ts';
import { capture } from '../../../db/ledger/capture.ts';
import { grantStarter, TREASURY, transfer } from '../../../db/ledger/transfer.ts';
import { voidHold } from '../../../db/ledger/void-hold.ts';
import { newId } from '../../../db/new-id.ts';
import { expectBooksToBalance, holdFor, personWith } from '../../support/ledger-people.ts';
import { testDatabase } from '../../support/postgres.ts';

const database = testDatabase({ connectionsMax: 16 });
afterEach(() => expectBooksToBalance(database.db));

const fifty = Array.from({ length: 50 }, (_, index) => index);

test('50 parallel holds of 100 from 1,000: exactly 10 are granted, end balance 0', async () => {
  const person = await personWith(database.db, { grant: '0.00000045', balance: '0.00000055' });
  const results = await Promise.all(fifty.map(() => holdFor(database.db, person, nano(100n))));
  expect(results.filter(({ ok }) => ok)).toHaveLength(10);
  for (const refused of results.filter(({ ok }) => !ok))
    expect(refused).toMatchObject({ code: 'balance_too_low' });
  expect(await balances(database.db, person)).toMatchObject({ spendableNano: 0n, heldNano: 1_000n });
});

test('the same hold 50 times in parallel is posted once, and all get the same answer', async () => {
  const person = await personWith(database.db, { balance: '1' });
  const results = await Promise.all(fifty.map(() => holdFor(database.db, person, nano(100n), 'call_same')));
  expect(new Set(results.map((result) => result.ok && result.holdId)).size).toBe(1);
  expect((await balances(database.db, person)).heldNano).toBe(100n);
});

test('the same top-up and the same starter grant 50 times in parallel are posted once', async () => {
  const personId = newId('person');
  const to = { kind: 'user', ownerId: personId } as const;
  const topUp = { key: `topup:${personId}`, from: TREASURY, to, amountNano: openNano('1'), reason: 'test' };
  const starters = await Promise.all(
    fifty.flatMap(() => [
      transact(database.db, (tx) => grantStarter(tx, { personId, amountNano: openNano('2') })),
      transact(database.db, (tx) => transfer(tx, topUp)),
    ]),
  );
  expect(starters.filter((result) => 'granted' in result && result.granted)).toHaveLength(1);
  expect(await balances(database.db, personId)).toMatchObject({
    balanceNano: openNano('1'),
    grantNano: openNano('2'),
  });
});

test('one key with two different requests in parallel: one is posted, the other is a conflict', async () => {
  const personId = newId('person');
  const to = { kind: 'user', ownerId: personId } as const;
  const results = await Promise.all(
    fifty.map((index) =>
      transact(database.db, (tx) =>
        transfer(tx, {
          key: 'one-key',
          from: TREASURY,
          to,
          amountNano: nano(index % 2 ? 5n : 7n),
          reason: 'test',
        }),
      ),
    ),
  );
  expect(results.filter(({ ok }) => ok)).toHaveLength(25);
  expect(results.filter((result) => !result.ok && result.code === 'idempotency_conflict')).toHaveLength(25);
});

test('capture, void and capture of one hold in parallel: exactly one wins', async () => {
  const person = await personWith(database.db, { balance: '1' });
  for (let round = 0; round < 10; round++) {
    const held = await holdFor(database.db, person, nano(1_000n));
    if (!held.ok) throw new Error(held.code);
    const { holdId } = held;
    const parts = [{ kind: 'platform', ownerId: 'platform', amountNano: nano(10n) }] as const;
    const price = { holdId, priceNano: nano(10n), parts };
    const results = await Promise.all([
      transact(database.db, (tx) => capture(tx, { key: `a:${holdId}`, ...price })),
      transact(database.db, (tx) => voidHold(tx, { key: `b:${holdId}`, holdId, reason: 'test' })),
      transact(database.db, (tx) => capture(tx, { key: `c:${holdId}`, ...price })),
    ]);
    expect(results.filter(({ ok }) => ok)).toHaveLength(1);
  }
});

test('200 calls of 8 people through one platform account, parallel: everything settles', async () => {
  const people = await Promise.all(
    Array.from({ length: 8 }, () => personWith(database.db, { grant: '0.00001', balance: '0.00001' })),
  );
  const outcomes = await Promise.all(
    Array.from({ length: 200 }, async (_, index) => {
      const held = await holdFor(database.db, people[index % 8], nano(100n));
      if (!held.ok) return 'refused';
      const { holdId } = held;
      if (index % 5 === 0)
        return transact(database.db, (tx) => voidHold(tx, { key: `v:${holdId}`, holdId, reason: 'test' }));
      const parts = [
        { kind: 'creator', ownerId: people[(index + 1) % 8], amountNano: nano(30n) },
        { kind: 'platform', ownerId: 'platform', amountNano: nano(50n) },
      ] as const;
      return transact(database.db, (tx) =>
        capture(tx, { key: `c:${holdId}`, holdId, priceNano: nano(80n), parts }),
      );
    }),
  );
  expect(outcomes.every((outcome) => outcome !== 'refused' && outcome.ok)).toBe(true);
  const spent = await Promise.all(
    people.map(async (person) => (await balances(database.db, person)).spendableNano),
  );
  expect(spent.reduce<bigint>((sum, left) => sum + 20_000n - left, 0n)).toBe(160n * 80n);
});

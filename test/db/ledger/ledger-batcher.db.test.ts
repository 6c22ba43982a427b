/** Micro-batches: own results, own refusals, and one commit for many. */
import { sql } from 'kysely';
import { afterEach, expect, test } from 'vitest';
import { nano, openNano } from '../../../db/ledger/amount.ts';
import { balances } from '../../../db/ledger/balances.ts';
import { createLedgerBatcher } from '../../../db/ledger/ledger-batcher.ts';
import { LedgerBug } from '../../../db/ledger/ledger-bug.ts';
import { newId } from '../../../db/new-id.ts';
import { expectBooksToBalance, personWith } from '../../support/ledger-people.ts';
import { testDatabase } from '../../support/postgres.ts';

const database = testDatabase();
afterEach(() => expectBooksToBalance(database.db));

function holdIntent(ownerId: string, amountNano: bigint, callId = newId('call')) {
  const expiresAt = new Date(Date.now() + 3_600_000);
  return { key: `hold:${callId}`, ownerId, amountNano: nano(amountNano), callId, expiresAt };
}

function captureIntent(holdId: string, priceNano: bigint) {
  const parts = [{ kind: 'platform', ownerId: 'platform', amountNano: nano(priceNano) }] as const;
  return { key: `capture:${holdId}`, holdId, priceNano: nano(priceNano), parts };
}

/** In how many transactions these transfers were written. */
async function transactions(keys: readonly string[]): Promise<number> {
  const { rows } = await sql<{ count: number }>`select count(distinct xact)::int as count from transfer
    where idempotency_key in (${sql.join(keys)})`.execute(database.db);
  return rows[0].count;
}

test('64 holds of 64 people that come at once are two transactions on two connections, each with its own result', async () => {
  const batcher = createLedgerBatcher(database.db);
  const people = await Promise.all(
    Array.from({ length: 64 }, () => personWith(database.db, { balance: '0.000001' })),
  );
  const intents = people.map((person, index) => holdIntent(person, BigInt(index * 20))); // up to 1,260 of 1,000
  const results = await Promise.all(intents.map((intent) => batcher.hold(intent)));
  expect(results.filter(({ ok }) => ok)).toHaveLength(51); // 0, 20, ... 1,000
  for (const [index, result] of results.entries()) {
    const needed = nano(BigInt(index * 20));
    if (needed <= 1_000n) expect(result).toMatchObject({ ok: true, amountNano: needed });
    else
      expect(result).toEqual({
        ok: false,
        code: 'balance_too_low',
        neededNano: needed,
        availableNano: 1_000n,
      });
  }
  expect(await transactions(intents.map(({ key }) => key))).toBe(2);
});

test('50 holds of 100 by one person with 1,000, in one batch: exactly 10 are granted, the grant first', async () => {
  const batcher = createLedgerBatcher(database.db);
  const person = await personWith(database.db, { grant: '0.00000045', balance: '0.00000055' });
  const results = await Promise.all(Array.from({ length: 50 }, () => batcher.hold(holdIntent(person, 100n))));
  const granted = results.filter((result) => result.ok);
  expect(granted).toHaveLength(10);
  expect(granted.reduce((sum, { grantNano }) => sum + grantNano, 0n)).toBe(450n);
  expect(await balances(database.db, person)).toMatchObject({ spendableNano: 0n, heldNano: 1_000n });
});

test('a hold that is too large does not stand in the way of a smaller one behind it', async () => {
  const batcher = createLedgerBatcher(database.db);
  const person = await personWith(database.db, { balance: '0.000001' });
  const results = await Promise.all(
    [600n, 600n, 300n].map((amount) => batcher.hold(holdIntent(person, amount))),
  );
  expect(results.map(({ ok }) => ok)).toEqual([true, false, true]);
});

test('the same intent 50 times at once is posted once, and all get the same result; another request is a conflict', async () => {
  const batcher = createLedgerBatcher(database.db);
  const person = await personWith(database.db, { balance: '1' });
  const intent = holdIntent(person, 100n);
  const results = await Promise.all(Array.from({ length: 50 }, () => batcher.hold(intent)));
  expect(new Set(results.map((result) => result.ok && result.holdId)).size).toBe(1);
  expect((await balances(database.db, person)).heldNano).toBe(100n);
  expect(await batcher.hold({ ...intent, amountNano: nano(101n) })).toEqual({
    ok: false,
    code: 'idempotency_conflict',
  });
});

test('one broken intent among 20 fails alone', async () => {
  const batcher = createLedgerBatcher(database.db);
  const person = await personWith(database.db, { balance: '1' });
  const taken = holdIntent(person, 1n);
  await batcher.hold(taken);
  const good = Array.from({ length: 20 }, () => holdIntent(person, 10n));
  const bad = { ...holdIntent(person, 10n, taken.callId), key: newId('key') }; // a second hold of a call
  const negative = holdIntent(person, -5n);
  const outcomes = await Promise.allSettled([...good, bad, negative].map((intent) => batcher.hold(intent)));
  expect(outcomes.map(({ status }) => status)).toEqual([
    ...good.map(() => 'fulfilled'),
    'rejected',
    'rejected',
  ]);
  expect(outcomes[20]).toMatchObject({ reason: { code: 'database_rule_broken' } });
  expect(outcomes[21]).toMatchObject({ reason: expect.any(LedgerBug) });
  expect((await balances(database.db, person)).heldNano).toBe(201n);
});

test('capture, void and capture of the same 30 holds at once: each hold ends once', async () => {
  const batcher = createLedgerBatcher(database.db);
  const person = await personWith(database.db, { balance: '1' });
  const held = await Promise.all(Array.from({ length: 30 }, () => batcher.hold(holdIntent(person, 10n))));
  const ends = await Promise.all(
    held.flatMap((result) => {
      if (!result.ok) throw new Error(result.code);
      const { holdId } = result;
      return [
        batcher.capture(captureIntent(holdId, 10n)),
        batcher.voidHold({ key: `void:${holdId}`, holdId, reason: 'test' }),
        batcher.capture({ ...captureIntent(holdId, 10n), key: `again:${holdId}` }),
      ];
    }),
  );
  expect(ends.filter(({ ok }) => ok)).toHaveLength(30);
  const left = await balances(database.db, person);
  expect(left.heldNano).toBe(0n);
  const platform = await balances(database.db, 'platform');
  expect(platform.platformNano + left.balanceNano).toBe(openNano('1'));
});

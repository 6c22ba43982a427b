/** Money that enters, leaves, returns and is put right: deposit, payout, claim, refund, correction. */
import { afterEach, describe, expect, test } from 'vitest';
import { transact } from '../../../db/database.ts';
import { type Nano, nano, openNano } from '../../../db/ledger/amount.ts';
import { balances, claimableOf, transfersOf } from '../../../db/ledger/balances.ts';
import { capture } from '../../../db/ledger/capture.ts';
import { claim } from '../../../db/ledger/claim.ts';
import { correction } from '../../../db/ledger/correction.ts';
import { deposit } from '../../../db/ledger/deposit.ts';
import { payout } from '../../../db/ledger/payout.ts';
import { refund } from '../../../db/ledger/refund.ts';
import { rollUp } from '../../../db/ledger/roll-up.ts';
import { PLATFORM, TREASURY, transfer } from '../../../db/ledger/transfer.ts';
import { newId } from '../../../db/new-id.ts';
import { expectBooksToBalance, fund, holdFor, personWith } from '../../support/ledger-people.ts';
import { testDatabase } from '../../support/postgres.ts';

const database = testDatabase({ connectionsMax: 16 });
afterEach(() => expectBooksToBalance(database.db));

const ten = Array.from({ length: 10 }, (_, index) => index);

/** A call that cost `price`, all of it the part of `kind`. */
async function paidCall(
  person: string,
  price: string,
  to: { kind: 'platform' | 'contributor'; ownerId: string },
) {
  const callId = newId('call');
  const priceNano = openNano(price);
  const held = await holdFor(database.db, person, priceNano, callId);
  if (!held.ok) throw new Error(held.code);
  const parts = [{ ...to, amountNano: priceNano }];
  const result = await capture(database.db, {
    key: `capture:${callId}`,
    holdId: held.holdId,
    priceNano,
    parts,
  });
  if (!result.ok) throw new Error(result.code);
  return callId;
}

async function earner(amount: string): Promise<string> {
  const person = newId('person');
  const payer = await personWith(database.db, { balance: amount });
  await paidCall(payer, amount, { kind: 'contributor', ownerId: person });
  return person;
}

describe('deposit', () => {
  test('the same log 50 times at once is credited once', async () => {
    const ownerId = newId('person');
    const intent = {
      key: newId('deposit'),
      to: { kind: 'user', ownerId },
      amountNano: openNano('3'),
      reason: '0xabc',
    } as const;
    await Promise.all(Array.from({ length: 50 }, () => transact(database.db, (tx) => deposit(tx, intent))));
    expect((await balances(database.db, ownerId)).balanceNano).toBe(openNano('3'));
    expect(await transfersOf(database.db, ownerId, 9)).toMatchObject([{ kind: 'deposit', reason: '0xabc' }]);
    const other = { ...intent, amountNano: openNano('4') };
    expect(await transact(database.db, (tx) => deposit(tx, other))).toEqual({
      ok: false,
      code: 'idempotency_conflict',
    });
  });
});

describe('payout and claim', () => {
  test('all that was earned becomes claimable, and the claim takes it out once', async () => {
    const person = await earner('1.5');
    await fund(database.db, person, '2');
    const wallet = `0x${'a1'.repeat(20)}`;
    const intent = {
      key: newId('payout'),
      wallet,
      sources: [
        { kind: 'contributor', ownerId: person, amountNano: 'all' },
        { kind: 'creator', ownerId: person, amountNano: 'all' },
        { kind: 'user', ownerId: person, amountNano: openNano('0.5') },
      ],
    } as const;
    const first = await transact(database.db, (tx) => payout(tx, intent));
    expect(first).toEqual({ ok: true, wallet, paidNano: openNano('2') });
    expect(await transact(database.db, (tx) => payout(tx, intent))).toEqual(first);
    expect(await claimableOf(database.db, wallet)).toBe(openNano('2'));
    const claimed = { key: newId('claim'), wallet, amountNano: openNano('2'), reason: '0xdef' };
    expect(await transact(database.db, (tx) => claim(tx, claimed))).toMatchObject({ ok: true });
    expect(await transact(database.db, (tx) => claim(tx, claimed))).toMatchObject({ ok: true });
    expect(await transact(database.db, (tx) => claim(tx, { ...claimed, key: newId('claim') }))).toEqual({
      ok: false,
      code: 'claim_above_claimable',
      claimableNano: 0n,
    });
    expect(
      await transact(database.db, (tx) => payout(tx, { ...intent, key: newId('payout') })),
    ).toMatchObject({ ok: true, paidNano: openNano('0.5') });
  });

  test('10 payouts of the same earnings at once pay them once', async () => {
    const person = await earner('1');
    const wallet = `0x${'b2'.repeat(20)}`;
    const sources = [{ kind: 'contributor', ownerId: person, amountNano: 'all' }] as const;
    const results = await Promise.all(
      ten.map(() => transact(database.db, (tx) => payout(tx, { key: newId('payout'), wallet, sources }))),
    );
    expect(results.filter(({ ok }) => ok)).toHaveLength(1);
    expect(results.filter((result) => !result.ok && result.code === 'nothing_to_pay_out')).toHaveLength(9);
    expect(await claimableOf(database.db, wallet)).toBe(openNano('1'));
  });

  test('1 nano more than is there is refused, with what is there', async () => {
    const person = await earner('1');
    const sources = [{ kind: 'contributor', ownerId: person, amountNano: openNano('1.000000001') }] as const;
    const intent = { key: newId('payout'), wallet: `0x${'c3'.repeat(20)}`, sources };
    expect(await transact(database.db, (tx) => payout(tx, intent))).toEqual({
      ok: false,
      code: 'balance_too_low',
      neededNano: openNano('1.000000001'),
      availableNano: openNano('1'),
    });
  });

  test('earnings of the same transaction can be paid out in it', async () => {
    const person = newId('person');
    const wallet = `0x${'d4'.repeat(20)}`;
    const to = { kind: 'contributor', ownerId: person } as const;
    const result = await transact(database.db, async (tx) => {
      await transfer(tx, { key: newId('t'), from: TREASURY, to, amountNano: openNano('1'), reason: 'test' });
      return payout(tx, { key: newId('payout'), wallet, sources: [{ ...to, amountNano: 'all' }] });
    });
    expect(result).toMatchObject({ ok: true, paidNano: openNano('1') });
  });
});

describe('refund', () => {
  const back = (callId: string, amountNano: Nano | 'all', key = newId('refund')) =>
    transact(database.db, (tx) => refund(tx, { key, callId, amountNano, reason: 'wrong answer' }));

  test('of a price of 1 granted + 0.5 paid: 0.2 and the rest; balance first, grant last, never more', async () => {
    const person = await personWith(database.db, { grant: '1', balance: '2' });
    const callId = await paidCall(person, '1.5', PLATFORM);
    expect(await back(callId, openNano('0.2'))).toMatchObject({
      ok: true,
      ownerId: person,
      toBalanceNano: openNano('0.2'),
      toGrantNano: 0n,
    });
    expect(await back(callId, openNano('1.300000001'))).toEqual({
      ok: false,
      code: 'refund_above_capture',
      refundableNano: openNano('1.3'),
    });
    expect(await back(callId, 'all', 'rest')).toMatchObject({
      refundedNano: openNano('1.3'),
      toBalanceNano: openNano('0.3'),
      toGrantNano: openNano('1'),
    });
    expect(await back(callId, 'all', 'rest')).toMatchObject({ ok: true, refundedNano: openNano('1.3') });
    expect(await back(callId, 'all')).toMatchObject({ code: 'refund_above_capture', refundableNano: 0n });
    expect(await balances(database.db, person)).toMatchObject({
      grantNano: openNano('1'),
      balanceNano: openNano('2'),
    });
    expect((await transfersOf(database.db, person, 1))[0]).toMatchObject({
      kind: 'refund',
      callId,
      reason: 'wrong answer',
    });
  });

  test('10 refunds of 0.3 of a price of 1 at once: 3 are given', async () => {
    const person = await personWith(database.db, { balance: '1' });
    const callId = await paidCall(person, '1', PLATFORM);
    const results = await Promise.all(ten.map(() => back(callId, openNano('0.3'))));
    expect(results.filter(({ ok }) => ok)).toHaveLength(3);
    expect((await balances(database.db, person)).balanceNano).toBe(openNano('0.9'));
  });

  test('what the platform lacks comes from the treasury; contributors keep what they earned', async () => {
    const person = await personWith(database.db, { balance: '5' });
    const contributor = newId('person');
    await emptyPlatform();
    const callId = await paidCall(person, '1', { kind: 'contributor', ownerId: contributor });
    await paidCall(person, '0.25', PLATFORM);
    expect(await back(callId, 'all')).toMatchObject({
      fromPlatformNano: openNano('0.25'),
      fromTreasuryNano: openNano('0.75'),
    });
    expect((await balances(database.db, contributor)).contributorNano).toBe(openNano('1'));
  });

  test('a call that was never captured is refused', async () => {
    const person = await personWith(database.db, { balance: '1' });
    const callId = newId('call');
    await holdFor(database.db, person, openNano('1'), callId);
    expect(await back(callId, 'all')).toEqual({ ok: false, code: 'call_not_captured' });
  });

  async function emptyPlatform(): Promise<void> {
    const { platformNano } = await balances(database.db, PLATFORM.ownerId);
    if (platformNano === 0n) return;
    const intent = {
      key: newId('t'),
      from: PLATFORM,
      to: TREASURY,
      amountNano: platformNano,
      reason: 'test',
    };
    expect(await transfer(database.db, intent)).toMatchObject({ ok: true });
  }
});

test('a correction moves an amount once and says why', async () => {
  const [wrong, right] = [await earner('1'), newId('person')];
  const intent = {
    key: newId('correction'),
    from: { kind: 'contributor', ownerId: wrong },
    to: { kind: 'contributor', ownerId: right },
    amountNano: openNano('0.4'),
    reason: 'the contribution was taken from somebody else',
  } as const;
  expect(await correction(database.db, intent)).toEqual({ ok: true, amountNano: openNano('0.4') });
  expect(await correction(database.db, intent)).toEqual({ ok: true, amountNano: openNano('0.4') });
  expect(
    await correction(database.db, { ...intent, key: newId('c'), amountNano: openNano('0.7') }),
  ).toMatchObject({
    code: 'balance_too_low',
    availableNano: openNano('0.6'),
  });
  expect((await balances(database.db, right)).contributorNano).toBe(openNano('0.4'));
  expect((await transfersOf(database.db, right, 1))[0]).toMatchObject({
    kind: 'correction',
    reason: intent.reason,
  });
});

describe('balances that are rolled up later', () => {
  const earned = async (person: string) => (await balances(database.db, person)).contributorNano;
  const stored = async (person: string) =>
    (
      await database.db
        .selectFrom('account')
        .select('balanceNano')
        .where('ownerId', '=', person)
        .where('kind', '=', 'contributor')
        .executeTakeFirstOrThrow()
    ).balanceNano;

  test('are exact before, during and after', async () => {
    await rollUp(database.db);
    const person = await earner('1');
    expect(await stored(person)).toBe(0n);
    expect(await earned(person)).toBe(openNano('1'));
    expect(await rollUp(database.db)).toBeGreaterThan(0);
    expect(await stored(person)).toBe(openNano('1'));
    expect(await earned(person)).toBe(openNano('1'));
    expect(await rollUp(database.db)).toBe(0);
  });

  test('a caller that has not committed does not hold the next one up', async () => {
    const people = [
      await personWith(database.db, { balance: '1' }),
      await personWith(database.db, { balance: '1' }),
    ];
    const contributor = newId('person');
    const priceNano = nano(7n);
    const intents = await Promise.all(
      people.map(async (person) => {
        const held = await holdFor(database.db, person, priceNano);
        if (!held.ok) throw new Error(held.code);
        const parts = [{ kind: 'contributor', ownerId: contributor, amountNano: priceNano }] as const;
        return { key: `capture:${held.holdId}`, holdId: held.holdId, priceNano, parts };
      }),
    );
    await fundContributor(contributor);
    await database.db.transaction().execute(async (tx) => {
      await capture(tx, intents[0]);
      await capture(database.db, intents[1]); // would wait for ever for a lock that this transaction holds
    });
    expect(await earned(contributor)).toBe(nano(15n));
  });

  /** The account exists: who makes one waits for whoever makes the same. */
  async function fundContributor(ownerId: string): Promise<void> {
    const to = { kind: 'contributor', ownerId } as const;
    await transfer(database.db, {
      key: newId('t'),
      from: TREASURY,
      to,
      amountNano: nano(1n),
      reason: 'test',
    });
  }

  test('roll-ups, payouts and captures of 20 contributors at once: nothing is lost or doubled', async () => {
    const people = await Promise.all(ten.map(() => personWith(database.db, { balance: '1' })));
    const earners = Array.from({ length: 20 }, () => newId('person'));
    const wallet = `0x${'e5'.repeat(20)}`;
    await Promise.all([
      ...people.flatMap((person) =>
        earners.map((ownerId) => paidCall(person, '0.000000010', { kind: 'contributor', ownerId })),
      ),
      ...ten.map(() => rollUp(database.db)),
      ...earners.map((ownerId) =>
        transact(database.db, (tx) =>
          payout(tx, {
            key: newId('p'),
            wallet,
            sources: [{ kind: 'contributor', ownerId, amountNano: 'all' }],
          }),
        ),
      ),
    ]);
    const left = await Promise.all(earners.map(earned));
    const claimable = await claimableOf(database.db, wallet);
    expect(left.reduce<bigint>((sum, amount) => sum + amount, claimable)).toBe(2_000n);
  });
});

// An operator's corrections by the command line: shown first, carried out once, with reason and name, in both histories.
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, it, vi } from 'vitest';
import { transact } from '../../db/database.ts';
import { openNano } from '../../db/ledger/amount.ts';
import { balances } from '../../db/ledger/balances.ts';
import { historyOf } from '../../db/repositories/history-repository.ts';
import { createPerson } from '../../db/repositories/person-repository.ts';
import { correctAccounts, offerCorrection } from '../../marketplace/refunds/correct-accounts.ts';
import { expectBooksToBalance, fund } from '../support/ledger-people.ts';
import { testDatabase } from '../support/postgres.ts';

vi.setConfig({ testTimeout: 120_000 });

const database = testDatabase();
afterEach(() => expectBooksToBalance(database.db));
const CLI = fileURLToPath(new URL('../../marketplace/refunds/correct-cli.ts', import.meta.url));

async function run(...args: readonly string[]) {
  const env = { PATH: process.env.PATH, DATABASE_URL: database.url };
  const child = spawn(process.execPath, [CLI, ...args], { env });
  const [out, err, code] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    new Promise<number | null>((resolve) => child.once('exit', resolve)),
  ]);
  return { out, err, code };
}

async function newPerson(pseudonym: string, open: string): Promise<string> {
  const identity = { platform: 'test', platformUserId: pseudonym, displayName: 'Somebody' };
  const made = await transact(database.db, (tx) => createPerson(tx, { pseudonym, identity }));
  if (!made.ok) throw new Error(made.code);
  await fund(database.db, made.person.id, open);
  return made.person.id;
}

const historyOfPerson = async (id: string) =>
  (await historyOf(database.db, id, { limit: 10, offset: 0 })).map(({ kind, amountNano, reason }) => [
    kind,
    amountNano,
    reason,
  ]);

it('is shown first, then moves 0.25 OPEN once however often it is repeated, and tells both owners why', async () => {
  const [ada, ben] = [await newPerson('ada', '1'), await newPerson('ben', '1')];
  const order = [
    '--from',
    'user:ada',
    '--to',
    `user:${ben}`,
    '--amount',
    '0.25',
    '--reason',
    'paid twice',
    '--by',
    'Kim',
  ];
  const shown = await run(...order);
  expect(shown).toMatchObject({ code: 0, err: '' });
  expect(shown.out).toContain(`Would move 0.25 OPEN from user of ${ada} to user of ${ben}: paid twice\n`);
  expect((await balances(database.db, ada)).balanceNano).toBe(openNano('1'));
  const [, orderId] = /--order (\w+)/.exec(shown.out) ?? [];
  for (let times = 0; times < 2; times++) {
    const done = await run(...order, '--order', orderId);
    expect(done).toMatchObject({ code: 0, err: '' });
    expect(done.out).toContain('Moved 0.25 OPEN');
  }
  expect((await balances(database.db, ada)).balanceNano).toBe(openNano('0.75'));
  expect((await balances(database.db, ben)).balanceNano).toBe(openNano('1.25'));
  expect((await historyOfPerson(ada))[0]).toEqual(['correction', -openNano('0.25'), 'paid twice']);
  expect((await historyOfPerson(ben))[0]).toEqual(['correction', openNano('0.25'), 'paid twice']);
  const acts = await database.db.selectFrom('operatorAct').selectAll().execute();
  expect(acts).toMatchObject([
    { key: `correction:${orderId}`, kind: 'correction', operator: 'Kim', reason: 'paid twice' },
  ]);
  const other = await run(...order.with(5, '0.5'), '--order', orderId);
  expect(other).toMatchObject({ code: 1, out: '' });
  expect(other.err).toContain(
    'belongs to another correction: repeat the command without it. Nothing was moved.',
  );
  await expect(database.db.deleteFrom('operatorAct').execute()).rejects.toMatchObject({
    code: 'database_rule_broken',
  });
});

it('is refused in words for what is wrong with it, and moves nothing', async () => {
  const cleo = await newPerson('cleo', '1');
  const right = { from: 'user:cleo', to: 'platform:platform', amount: '0.5', reason: 'x', by: 'Kim' };
  // The platform has no account before it earned something.
  expect(await offerCorrection(database.db, right)).toMatchObject({ code: 'unknown_account' });
  const toTreasury = { ...right, to: 'treasury:treasury' };
  const refusals = [
    [{ from: 'user:nobody' }, 'unknown_account'],
    [{ from: 'hold:cleo' }, 'unknown_account'],
    [{ from: 'vault:vault' }, 'unknown_account'],
    [{ to: 'claimable:cleo' }, 'unknown_account'],
    [{ to: `user:${cleo}` }, 'same_account'],
    [{ amount: '0' }, 'not_an_amount'],
    [{ amount: '-1' }, 'not_an_amount'],
    [{ reason: ' ' }, 'reason_missing'],
    [{ by: '' }, 'by_missing'],
  ] as const;
  for (const [wrong, code] of refusals)
    expect(await correctAccounts(database.db, { ...toTreasury, ...wrong }, 'order')).toMatchObject({
      ok: false,
      code,
    });
  expect(await correctAccounts(database.db, { ...toTreasury, amount: '1.000000001' }, 'order')).toEqual({
    ok: false,
    code: 'balance_too_low',
    neededNano: openNano('1.000000001'),
    availableNano: openNano('1'),
  });
  expect((await balances(database.db, cleo)).balanceNano).toBe(openNano('1'));
});

/** Stored proofs of the books: a chain of hashes, failed ones stop payouts, none can be altered. */
import { sql } from 'kysely';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { transact } from '../../db/database.ts';
import { nano, openNano } from '../../db/ledger/amount.ts';
import { books, booksIn, type VaultFigures } from '../../db/ledger/books.ts';
import { booksAreSound, brokenProof, newestProof, storeProof } from '../../db/ledger/books-proof.ts';
import { claim } from '../../db/ledger/claim.ts';
import { deposit } from '../../db/ledger/deposit.ts';
import { payout } from '../../db/ledger/payout.ts';
import { holdFor, personWith } from '../support/ledger-people.ts';
import { testDatabase } from '../support/postgres.ts';

const database = testDatabase();
const WALLET = `0x${'ab'.repeat(20)}`;

let person = '';
beforeAll(async () => {
  person = await personWith(database.db, { grant: '2' });
  await transact(database.db, (tx) =>
    deposit(tx, {
      key: 'deposit',
      to: { kind: 'user', ownerId: person },
      amountNano: openNano('5'),
      reason: 'log',
    }),
  );
  await holdFor(database.db, person, openNano('1'));
  await transact(database.db, async (tx) => {
    const source = { kind: 'user', ownerId: person, amountNano: openNano('3') } as const;
    await payout(tx, { key: 'payout', wallet: WALLET, sources: [source] });
    await claim(tx, { key: 'claim', wallet: WALLET, amountNano: openNano('1'), reason: 'log' });
  });
});

async function asOwner(statements: string): Promise<void> {
  const connection = await database.owner.pool.reserve();
  await connection.unsafe(`begin; set local session_replication_role = replica; ${statements}; commit`);
  connection.release();
}
const prove = (vault: VaultFigures | null = null) =>
  books(database.db, async () => vault).then((proved) =>
    transact(database.db, (tx) => storeProof(tx, proved)),
  );

describe('what stands behind the books', () => {
  const open = (amount: string) => openNano(amount);

  test('5 OPEN deposited, 1 claimed, 2 given: 6 are owed, 4 by coins, 2 promised by the treasury', async () => {
    const { coverage, ok } = await books(database.db);
    expect(ok).toBe(true);
    expect(coverage).toEqual({
      owedNano: open('6'),
      mirroredNano: open('4'),
      promisedNano: open('2'),
      claimableNano: open('2'),
      coinsNano: null,
    });
  });

  test.each([
    ['as many coins as the books have', '4', '1', null],
    ['more, sent by a friend', '40', '1', null],
    ['a claim that is not final yet', '3', '2', null],
    ['a nano missing', '3.999999999', '1', 'coins_cover_the_mirror'],
    ['fewer than can be claimed', '1', '1', 'coins_cover_the_mirror'],
    ['a claim that the chain does not know', '5', '0', 'claims_reach_the_books_later'],
  ] as const)('%s: coins %s, claimed %s', async (_, coins, claimed, broken) => {
    const figures = { coinsNano: open(coins), claimedNano: claimed === '0' ? 0n : open(claimed) };
    const proved = await books(database.db, async () => figures);
    expect(proved.firstDifference?.split(':')[0] ?? null).toBe(broken);
    expect(proved.coverage.coinsNano).toBe(figures.coinsNano);
  });
});

describe('proofs', () => {
  afterEach(async () => expect(await brokenProof(database.db)).toBeNull());

  test('there is none at first: payouts go on', async () => {
    expect(await newestProof(database.db)).toBeUndefined();
    expect(await booksAreSound(database.db)).toBe(true);
  });

  test('follow each other by hash, also when two are stored at once, and a failed one stops payouts until one holds', async () => {
    const [first, second] = (await Promise.all([prove(), prove()])).sort((a, b) => a.number - b.number);
    expect([first.number, second.number]).toEqual([1, 2]);
    expect(second.previousHash).toBe(first.hash);
    expect(first.figures.coverage.owedNano).toBe('6000000000');

    await asOwner(
      `update account set balance_nano = balance_nano + 7 where owner_id = '${person}' and kind = 'user'`,
    );
    const failed = await prove();
    expect(failed).toMatchObject({ ok: false, figures: { broken: ['balances_match_entries'] } });
    expect(failed.firstDifference).toContain(`the balance of user of ${person}`);
    expect(await booksAreSound(database.db)).toBe(false);

    await asOwner(
      `update account set balance_nano = balance_nano - 7 where owner_id = '${person}' and kind = 'user'`,
    );
    expect((await prove()).ok).toBe(true);
    expect(await booksAreSound(database.db)).toBe(true);
  });

  test('cannot be altered or removed by the program, and one altered by the owner is noticed', async () => {
    for (const change of [
      sql`update books_proof set ok = true`,
      sql`delete from books_proof`,
      sql`truncate books_proof`,
    ])
      await expect(change.execute(database.db)).rejects.toMatchObject({ sqlState: '42501' });
    await expect(sql`delete from books_proof`.execute(database.owner.db)).rejects.toMatchObject({
      constraint: 'ledger_immutable',
    });
    await asOwner(`update books_proof set ok = true, first_difference = null where number = 3`);
    expect(await brokenProof(database.db)).toBe(3);
    await asOwner(`delete from books_proof where number >= 3`);
  });
});

describe('the first difference is named', () => {
  const rules: readonly [rule: string, statement: string, words: string][] = [
    [
      'never_overdrawn',
      `update transfer set amounts_nano = array[9000000000, -9000000000] where id = (select min(id) from transfer where kind = 'hold')`,
      'stood at',
    ],
    [
      'holds_match_sources',
      `update hold set grant_nano = grant_nano - 1, balance_nano = balance_nano + 1`,
      'is not what transfer',
    ],
    ['holds_have_transfers', `update hold set call_id = 'another'`, 'belongs to 0 holds'],
    ['holds_have_transfers', `update transfer set kind = 'transfer' where kind = 'hold'`, 'has no transfer'],
    [
      'chain_kinds_keep_to_their_accounts',
      `update transfer set kind = 'transfer' where kind = 'deposit'`,
      'moves vault of vault',
    ],
    [
      'claimable_is_paid_out_not_claimed',
      `update account set balance_nano = balance_nano + 1 where kind = 'claimable'`,
      `claimable of ${WALLET}`,
    ],
    [
      'vault_mirrors_logs',
      `insert into chain_event (chain_id, tx_hash, log_index, vault, kind, block_number, block_hash, payload, state, amount_nano, transfer_id, settled_at)
       select 1, '0x${'11'.repeat(32)}', 0, 'v', 'deposit', 1, '0x${'22'.repeat(32)}', '{}', 'credited', 4999999999, id, now() from transfer where kind = 'deposit'`,
      'for 5000000000',
    ],
    [
      'payouts_are_written_down',
      `insert into payout (epoch_number, owner_id, wallet, earned_nano, own_nano) values (1, 'x', '${WALLET}', 0, 2000000000)`,
      `the payouts to ${WALLET} tell -1000000000`,
    ],
    [
      'leaves_within_payouts',
      `insert into claim_leaf (epoch_number, wallet, cumulative_nano) values (1, '${WALLET}', 3000000001)`,
      'stands at 3000000001',
    ],
    [
      'trial_earnings_match_grants',
      `insert into trial_earning (call_id, kind, owner_id, amount_nano) values ('no call', 'creator', 'x', 5)`,
      'no call paid x 0 nano of trial credit, noted are 5',
    ],
    [
      'refunds_within_captures',
      `insert into transfer (idempotency_key, request_hash, kind, call_id, account_ids, amounts_nano, result)
       select 'r', 'h', 'refund', 'free', array[id], '{5}', '{}' from account where kind = 'user'`,
      'call free gave back 5 nano of 0',
    ],
  ];
  test.each(rules)('%s', async (rule, statement, words) => {
    const seen = await database.owner.db
      .transaction()
      .execute(async (tx) => {
        await sql`set local session_replication_role = replica`.execute(tx);
        await sql.raw(statement).execute(tx);
        throw new Seen(await booksIn(tx)); // rolls everything back
      })
      .catch((thrown: unknown) => {
        if (thrown instanceof Seen) return thrown.books;
        throw thrown;
      });
    const broken = seen.invariants.find(({ name }) => name === rule);
    expect(broken).toMatchObject({ ok: false });
    expect(broken?.difference).toContain(words);
    expect(seen.firstDifference).not.toBeNull();
  });
});

test('amounts of a proof are exact beyond 2^53', async () => {
  const huge = nano(9_007_199_254_740_993n);
  await transact(database.db, (tx) =>
    deposit(tx, { key: 'huge', to: { kind: 'user', ownerId: 'rich' }, amountNano: huge, reason: 'log' }),
  );
  const { figures } = await prove();
  expect(BigInt(figures.coverage.mirroredNano ?? '0')).toBe(huge + openNano('4'));
});

class Seen extends Error {
  readonly books: Awaited<ReturnType<typeof books>>;
  constructor(seen: Awaited<ReturnType<typeof books>>) {
    super('seen');
    this.books = seen;
  }
}

/**
 * The books: every rule of the ledger proved from its rows, in one snapshot. Used by `npm run books` (books-cli.ts), by tests
 * after each scenario, and by whoever watches production. Reads only. The rules are also kept at writing (see the migration
 * 001-ledger); this is the second, independent look.
 */
import { sql } from 'kysely';
import type { Database, Tx } from '../database.ts';
import type { AccountKind } from '../schema.ts';
import type { Nano } from './amount.ts';

interface Invariant {
  /** What holds, as a lowercase code. */
  readonly name: string;
  readonly ok: boolean;
  /** The figure that must be zero: an amount in nano for sums, else a count of rows that break the rule. */
  readonly figure: bigint;
  readonly meaning: string;
}

export interface Books {
  readonly ok: boolean;
  readonly at: Date;
  readonly invariants: readonly Invariant[];
  readonly totals: readonly {
    readonly asset: string;
    readonly kind: AccountKind;
    readonly accounts: number;
    readonly balanceNano: Nano;
  }[];
  readonly transfers: number;
  readonly entries: number;
  readonly openHolds: number;
  readonly capturedCalls: number;
}

/** How long a hold may stay open after it expired: the job that gives it back runs every minute. */
const HOLD_GRACE_MINUTES = 15;

/** Each query gives one row `figure`, zero when the rule holds. */
const RULES: readonly { readonly name: string; readonly meaning: string; readonly query: string }[] = [
  {
    name: 'entries_sum_to_zero',
    meaning: 'all entries of an asset sum to zero (largest difference, nano)',
    query: `select coalesce(max(abs(total)), 0) as figure from (
      select sum(e.amount_nano) as total from entry e join account a on a.id = e.account_id group by a.asset) s`,
  },
  {
    name: 'transfers_sum_to_zero',
    meaning: 'each transfer sums to zero per asset (transfers that do not)',
    query: `select count(*) as figure from (
      select 1 from entry e join account a on a.id = e.account_id
      group by e.transfer_id, a.asset having sum(e.amount_nano) <> 0) s`,
  },
  {
    name: 'balances_match_entries',
    meaning:
      'each stored balance is the sum of its entries, and its version their number (accounts that differ)',
    query: `select count(*) as figure from account a
      left join (select account_id, sum(amount_nano) as total, count(*) as lines from entry group by account_id) e
        on e.account_id = a.id
      where a.balance_nano <> coalesce(e.total, 0) or a.version <> coalesce(e.lines, 0)`,
  },
  {
    name: 'no_overdraft',
    meaning: 'no account is negative but treasury and vault (accounts that are)',
    query: `select count(*) as figure from account where balance_nano < 0 and kind not in ('treasury', 'vault')`,
  },
  {
    name: 'captures_sum_to_parts',
    meaning: 'each captured hold is the sum of its parts and of what was released (holds that are not)',
    query: `select count(*) as figure from hold h where h.state = 'captured' and (
      select coalesce(sum(e.amount_nano) filter (where not own), 0) <> h.captured_nano
        or coalesce(sum(e.amount_nano) filter (where own and a.kind = 'hold'), 0) <> -h.amount_nano
        or coalesce(sum(e.amount_nano) filter (where own and a.kind <> 'hold'), 0) <> h.amount_nano - h.captured_nano
      from entry e join account a on a.id = e.account_id
        cross join lateral (
          select a.owner_id = h.owner_id and a.kind in ('user', 'user_grant', 'hold') as own) o
      where e.transfer_id = h.settle_transfer_id)`,
  },
  {
    name: 'releases_match_sources',
    meaning: 'a hold given back returned to each source what came from it (holds that did not)',
    query: `select count(*) as figure from hold h where h.state in ('voided', 'expired') and (
      select coalesce(sum(e.amount_nano) filter (where a.kind = 'user_grant'), 0) <> h.grant_nano
        or coalesce(sum(e.amount_nano) filter (where a.kind = 'user'), 0) <> h.balance_nano
      from entry e join account a on a.id = e.account_id
      where e.transfer_id = h.settle_transfer_id and a.owner_id = h.owner_id)`,
  },
  {
    name: 'holds_end_once',
    meaning: 'no call is captured, voided or expired more than once (calls that are)',
    query: `select count(*) as figure from (select 1 from transfer
      where kind in ('capture', 'void', 'expire') group by call_id having count(*) > 1) s`,
  },
  {
    name: 'open_holds_are_funded',
    meaning: 'what people have on hold is the sum of their open holds (people for whom it is not)',
    query: `select count(*) as figure from (
      select owner_id, sum(amount) as difference from (
        select owner_id, balance_nano as amount from account where kind = 'hold'
        union all select owner_id, -amount_nano from hold where state = 'open') u
      group by owner_id having sum(amount) <> 0) s`,
  },
  {
    name: 'no_overdue_holds',
    meaning: `no hold is open ${HOLD_GRACE_MINUTES} minutes after it expired (holds that are)`,
    query: `select count(*) as figure from hold
      where state = 'open' and expires_at < now() - interval '${HOLD_GRACE_MINUTES} minutes'`,
  },
  {
    name: 'calls_match_holds',
    meaning:
      "each call's price is what was captured for it, and nothing where it was voided (calls that differ)",
    query: `select count(*) as figure from call c left join hold h on h.id = c.hold_id
      where (c.state = 'captured' and (h.state is distinct from 'captured' or h.captured_nano <> c.price_nano))
        or (c.state = 'voided' and h.state in ('captured', 'open'))`,
  },
  {
    name: 'attributed_pools_are_empty',
    meaning: 'the data pool of an attributed call is empty (pools that are not)',
    query: `select count(*) as figure from account a join call c on c.id = a.owner_id
      where a.kind = 'call_pool' and a.balance_nano <> 0 and c.attributed_at is not null`,
  },
  {
    name: 'shares_match_splits',
    meaning:
      'the shares shown for a call sum to what its split paid to contributors (calls for which they do not)',
    query: `select count(*) as figure from (
      select call_id, sum(amount) from (
        select call_id, amount_nano as amount from call_share
        union all
        select t.call_id, -e.amount_nano from transfer t join entry e on e.transfer_id = t.id
          join account a on a.id = e.account_id where t.kind = 'split' and a.kind = 'contributor'
      ) u where call_id in (select id from call) group by call_id having sum(amount) <> 0) s`,
  },
];

/** Proves the books in one snapshot. `ok` is false when any invariant fails; nothing is thrown for that. */
export async function books(db: Database): Promise<Books> {
  return db
    .transaction()
    .setIsolationLevel('repeatable read')
    .setAccessMode('read only')
    .execute((tx) => booksIn(tx));
}

/** Proves the books as this transaction sees them. */
export async function booksIn(tx: Tx): Promise<Books> {
  const invariants: Invariant[] = [];
  for (const { name, meaning, query } of RULES) {
    const { rows } = await sql<{ figure: bigint }>`select figure::bigint from (${sql.raw(query)}) f`.execute(
      tx,
    );
    invariants.push({ name, meaning, figure: rows[0].figure, ok: rows[0].figure === 0n });
  }
  return { ok: invariants.every(({ ok }) => ok), at: new Date(), invariants, ...(await figures(tx)) };
}

async function figures(
  tx: Tx,
): Promise<Pick<Books, 'totals' | 'transfers' | 'entries' | 'openHolds' | 'capturedCalls'>> {
  const totals = await sql<Books['totals'][number]>`
    select asset, kind, count(*)::int as accounts, sum(balance_nano)::bigint as balance_nano
    from account group by asset, kind order by asset, kind`.execute(tx);
  const counts = await sql<{ transfers: number; entries: number; openHolds: number; capturedCalls: number }>`
    select (select count(*)::int from transfer) as transfers, (select count(*)::int from entry) as entries,
      (select count(*)::int from hold where state = 'open') as open_holds,
      (select count(*)::int from hold where state = 'captured') as captured_calls`.execute(tx);
  return { totals: totals.rows, ...counts.rows[0] };
}

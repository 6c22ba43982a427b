/**
 * The leaves of an epoch's two trees: which receipts, and which wallet's cumulative amount. Used by marketplace/payouts. Cut
 * inside the database, read in pieces of text, so that 100,000 leaves never lie in this process as objects.
 */
import { type RawBuilder, sql } from 'kysely';
import type { Database, Tx } from '../database.ts';
import { type Nano, ZERO_NANO } from '../ledger/amount.ts';
import { transfersOfOwner } from '../ledger/balances.ts';

/**
 * Puts up to `limit` complete receipts that are in no epoch yet into this one, in the order of their numbers.
 * @param from no receipt with a lower number is left
 * @returns how many
 */
export async function takeReceipts(
  tx: Tx,
  {
    epochNumber,
    from,
    limit,
  }: { readonly epochNumber: number; readonly from: number; readonly limit: number },
): Promise<number> {
  const { rows } = await sql<{ taken: number }>`
    with taken as (
      insert into epoch_receipt (epoch_number, leaf_index, call_id)
      select ${epochNumber}::int, row_number() over (order by p.number) - 1, p.call_id
      from (
        select r.number, r.call_id from receipt r join call c on c.id = r.call_id
        where r.number >= ${from} and c.attributed_at is not null
          and not exists (select 1 from epoch_receipt e where e.call_id = r.call_id)
        order by r.number limit ${limit}
      ) p
      returning 1
    )
    select count(*)::int as taken from taken`.execute(tx);
  return rows[0].taken;
}

/**
 * The lowest receipt number that a later epoch may have to take. Numbers are drawn before their transaction is committed, so
 * one lower than others may appear late: receipts of the last hour keep the place open.
 */
export async function nextReceiptsFrom(tx: Tx, from: number): Promise<number> {
  const { rows } = await sql<{ next: number }>`
    select coalesce(
      (select min(r.number) from receipt r where r.number >= ${from} and (
        r.created_at > now() - interval '1 hour'
        or not exists (select 1 from epoch_receipt e where e.call_id = r.call_id))),
      (select max(r.number) + 1 from receipt r where r.number >= ${from} and r.created_at <= now() - interval '1 hour'),
      ${from}::int) as next`.execute(tx);
  return rows[0].next;
}

/**
 * What each wallet may ever have claimed: its payouts, less what an operator took back. A leaf never stands above it, and one
 * that does since something was taken back stays where it is.
 */
const entitledBy = (transfers: RawBuilder<unknown>) => sql`
  select a.owner_id as wallet, (coalesce(sum(e.amount_nano) filter (where t.kind = 'payout'), 0)
    + least(coalesce(sum(e.amount_nano) filter (where t.kind = 'correction'), 0), 0))::bigint as nano
  from ${transfers} t join entry e on e.transfer_id = t.id join account a on a.id = e.account_id
  where a.kind = 'claimable' and t.kind in ('payout', 'correction') group by a.owner_id`;
const ENTITLED = entitledBy(sql`transfer`);

export interface ClaimChange {
  readonly wallet: string;
  /** What it should be. */
  readonly entitledNano: Nano;
  /** Its leaf in the epoch that the new one builds upon; 0 = none. */
  readonly leafNano: Nano;
}

/**
 * Wallets whose leaf is below what the ledger says it should be, those that wait longest first.
 * @param claimsNumber whose leaves to compare with; null = there were none
 */
export async function claimChanges(
  db: Database,
  claimsNumber: number | null,
): Promise<readonly ClaimChange[]> {
  const { rows } = await sql<ClaimChange>`
    with entitled as (${ENTITLED})
    select n.wallet, n.nano as entitled_nano, coalesce(l.cumulative_nano, 0) as leaf_nano
    from entitled n
      left join claim_leaf l on l.epoch_number = ${claimsNumber} and l.wallet = n.wallet
      left join (select wallet, min(epoch_number) as waiting_since from payout
        where epoch_number > coalesce(${claimsNumber}::int, 0) group by wallet) p on p.wallet = n.wallet
    where n.nano > coalesce(l.cumulative_nano, 0)
    order by p.waiting_since nulls first, 1`.execute(db);
  return rows;
}

/** The leaves of the epoch before with some of them raised; all of them are written anew. @returns count and sum */
export async function writeClaimLeaves(
  tx: Tx,
  {
    epochNumber,
    beforeNumber,
    raised,
  }: {
    readonly epochNumber: number;
    readonly beforeNumber: number | null;
    readonly raised: readonly { readonly wallet: string; readonly cumulativeNano: Nano }[];
  },
): Promise<{ readonly count: number; readonly totalNano: Nano }> {
  const rows = raised.map(({ wallet, cumulativeNano }) => ({ wallet, nano: cumulativeNano.toString() }));
  const written = await sql<{ count: number; totalNano: Nano }>`
    with raised as (select r.wallet, r.nano from jsonb_to_recordset(${rows}::jsonb) as r(wallet text, nano bigint)),
    written as (
      insert into claim_leaf (epoch_number, wallet, cumulative_nano)
      select ${epochNumber}::int, r.wallet, r.nano from raised r
      union all
      select ${epochNumber}::int, l.wallet, l.cumulative_nano from claim_leaf l
        where l.epoch_number = ${beforeNumber} and not exists (select 1 from raised r where r.wallet = l.wallet)
      returning cumulative_nano)
    select count(*)::int as count, coalesce(sum(cumulative_nano), 0)::bigint as total_nano from written`.execute(
    tx,
  );
  return written.rows[0];
}

/** The sum of what all wallets may ever have claimed. */
export async function entitledTotal(db: Database): Promise<Nano> {
  const { rows } = await sql<{ nano: Nano }>`
    select coalesce(sum(nano), 0)::bigint as nano from (${ENTITLED}) n`.execute(db);
  return rows[0].nano;
}

/** What a wallet may ever have claimed. */
export async function entitledOf(db: Database, wallet: string): Promise<Nano> {
  const { rows } = await sql<{ nano: Nano }>`
    select n.nano from (${entitledBy(await transfersOfOwner(db, wallet))}) n where n.wallet = ${wallet}`.execute(
    db,
  );
  return rows[0]?.nano ?? ZERO_NANO;
}

export async function claimLeafOf(
  db: Database,
  claimsNumber: number,
  wallet: string,
): Promise<Nano | undefined> {
  const leaf = await db
    .selectFrom('claimLeaf')
    .select('cumulativeNano')
    .where('epochNumber', '=', claimsNumber)
    .where('wallet', '=', wallet)
    .executeTakeFirst();
  return leaf?.cumulativeNano;
}

/** Wallets of which the ledger knows more claims than this epoch's leaves allow: there must be none. */
export async function overclaimedWallets(db: Database, claimsNumber: number): Promise<readonly string[]> {
  const { rows } = await sql<{ wallet: string }>`
    select a.owner_id as wallet
    from transfer t join entry e on e.transfer_id = t.id join account a on a.id = e.account_id
      left join claim_leaf l on l.epoch_number = ${claimsNumber} and l.wallet = a.owner_id
    where a.kind = 'claimable' and t.kind = 'claim'
    group by a.owner_id, l.cumulative_nano having -sum(e.amount_nano) > coalesce(l.cumulative_nano, 0)
    order by 1`.execute(db);
  return rows.map(({ wallet }) => wallet);
}

/** Sum of all claims that the ledger knows. */
export async function bookedClaims(db: Database): Promise<Nano> {
  const { rows } = await sql<{ nano: Nano }>`
    select coalesce(-sum(e.amount_nano), 0)::bigint as nano
    from transfer t join entry e on e.transfer_id = t.id join account a on a.id = e.account_id
    where a.kind = 'claimable' and t.kind = 'claim'`.execute(db);
  return rows[0].nano;
}

const PIECE_ROWS = 5_000;

/** Pieces of `<receipt number>,<hash>` lines in the order of the leaves. */
export async function* receiptRows(db: Database, epochNumber: number): AsyncGenerator<string> {
  for (let from = 0; ; from += PIECE_ROWS) {
    const { rows } = await sql<{ piece: string | null }>`
      select string_agg(r.number || ',' || r.hash || E'\n', '' order by e.leaf_index) as piece
      from epoch_receipt e join receipt r on r.call_id = e.call_id
      where e.epoch_number = ${epochNumber} and e.leaf_index >= ${from} and e.leaf_index < ${from + PIECE_ROWS}`.execute(
      db,
    );
    if (rows[0].piece === null) return;
    yield rows[0].piece;
  }
}

/** Pieces of `<wallet>,<cumulative nano>` lines in the order of the wallets. */
export async function* claimRows(db: Database, claimsNumber: number): AsyncGenerator<string> {
  for (let after = ''; ; ) {
    const { rows } = await sql<{ piece: string | null; last: string | null }>`
      select string_agg(l.wallet || ',' || l.cumulative_nano || E'\n', '' order by l.wallet) as piece,
        max(l.wallet) as last
      from (select wallet, cumulative_nano from claim_leaf
        where epoch_number = ${claimsNumber} and wallet > ${after} order by wallet limit ${PIECE_ROWS}) l`.execute(
      db,
    );
    const [{ piece, last }] = rows;
    if (piece === null || last === null) return;
    yield piece;
    after = last;
  }
}

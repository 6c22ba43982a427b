/**
 * What an owner has, and how it came about: balances by account kind and the history of entries. Reads only.
 */
import { type RawBuilder, sql } from 'kysely';
import type { Database } from '../database.ts';
import type { AccountKind, TransferKind } from '../schema.ts';
import { addNano, type Nano, ZERO_NANO } from './amount.ts';

interface Balances {
  /** balance + grant: what a hold can take. */
  readonly spendableNano: Nano;
  /** Paid in; spendable and withdrawable. */
  readonly balanceNano: Nano;
  /** Given; spendable, not withdrawable. */
  readonly grantNano: Nano;
  /** Set aside for calls under way. */
  readonly heldNano: Nano;
  /** Earned as a contributor; claimable, not spendable on calls. */
  readonly contributorNano: Nano;
  /** Earned as a model's creator. */
  readonly creatorNano: Nano;
  /** Earned as a compute node. */
  readonly nodeNano: Nano;
  /** The marketplace's own part of prices. */
  readonly platformNano: Nano;
}

/** What stands in the claims tree for a wallet (or will in the next one) and has not been claimed. */
export async function claimableOf(db: Database, wallet: string): Promise<Nano> {
  const row = await db
    .selectFrom('accountNow')
    .select('balanceNano')
    .where('ownerId', '=', wallet)
    .where('kind', '=', 'claimable')
    .executeTakeFirst();
  return row?.balanceNano ?? ZERO_NANO;
}

/** Balances of a person (or any owner id); all zero for one who never had any. */
export async function balances(db: Database, ownerId: string): Promise<Balances> {
  const rows = await db
    .selectFrom('accountNow')
    .select(['kind', 'balanceNano'])
    .where('ownerId', '=', ownerId)
    .where('asset', '=', 'OPEN')
    .execute();
  const of = (kind: AccountKind) => rows.find((row) => row.kind === kind)?.balanceNano ?? ZERO_NANO;
  return {
    spendableNano: addNano(of('user'), of('user_grant')),
    balanceNano: of('user'),
    grantNano: of('user_grant'),
    heldNano: of('hold'),
    contributorNano: of('contributor'),
    creatorNano: of('creator'),
    nodeNano: of('node'),
    platformNano: of('platform'),
  };
}

/** So many are sorted in no time; who has more is looked for among the newest transfers first. */
const FEW_ENTRIES = 5000;
const NEWEST_TRANSFERS = 10_000;

/** An account's version counts its entries, but for those that wait for the roll-up. */
async function accountsOf(db: Database, ownerId: string) {
  const accounts = await db
    .selectFrom('account')
    .select(['id', 'version'])
    .where('ownerId', '=', ownerId)
    .execute();
  return {
    ids: `{${accounts.map(({ id }) => id).join(',')}}`,
    entries: accounts.reduce((sum, { version }) => sum + Number(version), 0),
  };
}

/** The transfers that touch an owner's accounts, as a subquery; in no order. */
export async function transfersOfOwner(db: Database, ownerId: string): Promise<RawBuilder<unknown>> {
  const { ids } = await accountsOf(db, ownerId);
  return sql`(select * from transfer where account_ids && ${ids}::bigint[])`;
}

/**
 * Lines of an owner's newest transfers, `limit` at most. `read` makes them, newest first, from a subquery of transfers: it is
 * asked with the newest of the whole ledger first where the owner has many, and with all of the owner's when those do not
 * fill the page. The planner is given no choice (`offset 0`): it would walk back through all transfers of the ledger for an
 * owner with many, however long ago they were.
 */
export async function newestOfOwner<Line>(
  db: Database,
  ownerId: string,
  limit: number,
  read: (transfers: RawBuilder<unknown>) => Promise<readonly Line[]>,
): Promise<readonly Line[]> {
  const { ids, entries } = await accountsOf(db, ownerId);
  if (entries > FEW_ENTRIES) {
    const { rows } = await sql<{ last: bigint }>`select max(id) as last from transfer`.execute(db);
    const from = rows[0].last - BigInt(NEWEST_TRANSFERS);
    const lines =
      await read(sql`(select * from (select * from transfer where id > ${from}::bigint order by id desc offset 0) newest
      where account_ids && ${ids}::bigint[])`);
    if (lines.length >= limit) return lines;
  }
  return read(sql`(select * from transfer where account_ids && ${ids}::bigint[] order by id desc offset 0)`);
}

export interface LedgerLine {
  readonly transferId: bigint;
  readonly kind: TransferKind;
  readonly callId: string | null;
  readonly account: AccountKind;
  /** Positive: came in. */
  readonly amountNano: Nano;
  /** Of a refund, correction, deposit, ...: why, or where it came from. */
  readonly reason: string | null;
  readonly at: Date;
}

/** Before migration 008 it stood in the result. */
const REASON = sql<string | null>`coalesce(transfer.reason, transfer.result ->> 'reason')`.as('reason');

/** The newest `limit` entries on the owner's accounts, newest first. */
export async function transfersOf(
  db: Database,
  ownerId: string,
  limit: number,
): Promise<readonly LedgerLine[]> {
  return newestOfOwner(db, ownerId, limit, async (transfers) => {
    const { rows } = await sql<LedgerLine>`
      select t.id as transfer_id, t.kind, t.call_id, a.kind as account, e.amount_nano, t.created_at as at,
        coalesce(t.reason, t.result ->> 'reason') as reason
      from ${transfers} t
        cross join lateral unnest(t.account_ids, t.amounts_nano) with ordinality as e(account_id, amount_nano, line)
        join account a on a.id = e.account_id
      where a.owner_id = ${ownerId}
      order by t.id desc, e.line limit ${limit}`.execute(db);
    return rows;
  });
}

/** All entries of a call's transfers (hold, capture, split, ...), oldest first: the ledger's side of a receipt. */
export async function entriesOfCall(
  db: Database,
  callId: string,
): Promise<readonly (LedgerLine & { readonly ownerId: string })[]> {
  return db
    .selectFrom('transfer')
    .innerJoin('entry', 'entry.transferId', 'transfer.id')
    .innerJoin('account', 'account.id', 'entry.accountId')
    .where('transfer.callId', '=', callId)
    .select([
      'entry.transferId',
      'transfer.kind',
      'transfer.callId',
      'account.kind as account',
      'account.ownerId',
      'entry.amountNano',
      REASON,
      'transfer.createdAt as at',
    ])
    .orderBy('entry.transferId')
    .orderBy('entry.line')
    .execute();
}

/** What lies in a call's data pool, not yet split. */
export async function poolOf(db: Database, callId: string): Promise<Nano> {
  const row = await db
    .selectFrom('accountNow')
    .select('balanceNano')
    .where('ownerId', '=', callId)
    .where('kind', '=', 'call_pool')
    .executeTakeFirst();
  return row?.balanceNano ?? ZERO_NANO;
}

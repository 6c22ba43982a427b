/**
 * An owner's ledger as people read it: one line a transfer and purse, without the setting aside and giving back around an
 * answer, which are nothing to the owner. Reads only. Invariant: the amounts of all lines sum to all the owner has, what is
 * set aside at the moment included.
 */
import { sql } from 'kysely';
import type { Database } from '../database.ts';
import type { Nano } from '../ledger/amount.ts';
import { newestOfOwner } from '../ledger/balances.ts';
import type { AccountKind, TransferKind } from '../schema.ts';

export interface HistoryRow {
  readonly transferId: bigint;
  readonly kind: TransferKind;
  /** What is spent from (balance, grant and what is set aside are one purse), or the account that earned. */
  readonly purse: 'spending' | Exclude<AccountKind, 'user' | 'user_grant' | 'hold'>;
  /** Positive: came in. */
  readonly amountNano: Nano;
  readonly reason: string | null;
  /** Of the call that the transfer belongs to. */
  readonly receiptNumber: number | null;
  readonly at: Date;
}

/** Newest first. @param page `offset` lines are left out, `limit` are read */
export async function historyOf(
  db: Database,
  ownerId: string,
  page: { readonly limit: number; readonly offset: number },
): Promise<readonly HistoryRow[]> {
  return newestOfOwner(db, ownerId, page.limit, async (transfers) => {
    const { rows } = await sql<HistoryRow>`
      select line.*, r.number as receipt_number from (
        select t.id as transfer_id, t.kind, coalesce(t.reason, t.result ->> 'reason') as reason, t.call_id, t.created_at as at, l.*
        from ${transfers} t cross join lateral (
          select sum(e.amount_nano)::bigint as amount_nano,
            case when a.kind in ('user', 'user_grant', 'hold') then 'spending' else a.kind end as purse
          from unnest(t.account_ids, t.amounts_nano) as e(account_id, amount_nano) join account a on a.id = e.account_id
          where a.owner_id = ${ownerId} group by purse having sum(e.amount_nano) <> 0) l
        where t.kind not in ('hold', 'void', 'expire')
        order by t.id desc, l.purse
        limit ${page.limit} offset ${page.offset}
      ) line left join receipt r on r.call_id = line.call_id
      order by line.transfer_id desc, line.purse`.execute(db);
    return rows;
  });
}

/** What has been given back of a call's price so far. @param exceptKey of the order that asks, which may be there already */
export async function refundedOf(db: Database, callId: string, exceptKey = ''): Promise<Nano> {
  const { rows } = await sql<{ refundedNano: Nano }>`
    select coalesce(sum(e.amount_nano), 0)::bigint as refunded_nano
    from transfer t join entry e on e.transfer_id = t.id
    where t.call_id = ${callId} and t.kind = 'refund' and e.amount_nano > 0 and t.idempotency_key <> ${exceptKey}`.execute(
    db,
  );
  return rows[0].refundedNano;
}

/** What these owners earned by a call, as contributors and as its model's creator. */
export async function earnedByCall(
  db: Database,
  callId: string,
  ownerIds: ReadonlySet<string>,
): Promise<Nano> {
  const { rows } = await sql<{ earnedNano: Nano }>`
    select coalesce(sum(e.amount_nano), 0)::bigint as earned_nano
    from transfer t join entry e on e.transfer_id = t.id join account a on a.id = e.account_id
    where t.call_id = ${callId} and t.kind in ('capture', 'split') and a.kind in ('contributor', 'creator')
      and a.owner_id = any (${`{${[...ownerIds].join(',')}}`}::text[])`.execute(db);
  return rows[0].earnedNano;
}

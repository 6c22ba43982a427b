/**
 * Who is to be paid for an epoch and who was, and what people asked to get back of their own. Used by marketplace/payouts.
 * The money itself is in the ledger; a row here and its transfer are written in one transaction.
 */
import { sql } from 'kysely';
import type { Database, Tx } from '../database.ts';
import type { Nano } from '../ledger/amount.ts';
import { newId } from '../new-id.ts';
import type { Withdrawal } from '../schema-epoch.ts';

export interface PayoutDue {
  readonly ownerId: string;
  readonly wallet: string;
  /** The wallet was linked by its person; false = it is configured for an owner who is none. */
  readonly isPerson: boolean;
  readonly contributorNano: Nano;
  readonly creatorNano: Nano;
  readonly nodeNano: Nano;
  readonly platformNano: Nano;
  /** Paid-in balance that the owner asked for, at most what is there. */
  readonly ownNano: Nano;
  readonly withdrawalId: string | null;
}

/**
 * Owners with a wallet to whom something is due, those who were paid longest ago first. What was earned from trial credit is
 * never due (017-trial-earnings).
 * @param wallets of owners who are no persons
 * @param leastNano what somebody must have earned to be paid; a withdrawal has no least
 */
export async function payoutsDue(
  db: Database,
  { wallets, leastNano }: { readonly wallets: Readonly<Record<string, string>>; readonly leastNano: Nano },
): Promise<readonly PayoutDue[]> {
  const others = Object.entries(wallets).map(([owner, wallet]) => ({ owner, wallet: wallet.toLowerCase() }));
  const { rows } = await sql<PayoutDue>`
    with payee as (
      select person_id as owner_id, address as wallet, linked_at as since, true as is_person from wallet where unlinked_at is null
      union all
      select o.owner, o.wallet, null, false from jsonb_to_recordset(${others}::jsonb) as o(owner text, wallet text)),
    due as (
      select p.owner_id, p.wallet, p.since, p.is_person,
        coalesce(sum(a.payable) filter (where a.kind = 'contributor'), 0)::bigint as contributor_nano,
        coalesce(sum(a.payable) filter (where a.kind = 'creator'), 0)::bigint as creator_nano,
        coalesce(sum(a.payable) filter (where a.kind = 'node'), 0)::bigint as node_nano,
        coalesce(sum(a.payable) filter (where a.kind = 'platform'), 0)::bigint as platform_nano,
        least(coalesce(max(w.amount_nano), 0), coalesce(sum(a.balance_nano) filter (where a.kind = 'user'), 0))::bigint as own_nano,
        max(w.id) as withdrawal_id
      from payee p
        left join (select a.owner_id, a.kind, a.balance_nano, greatest(0, a.balance_nano - coalesce((
            select sum(t.amount_nano) from trial_earning t where t.owner_id = a.owner_id and t.kind = a.kind), 0)) as payable
          from account a where a.asset = 'OPEN') a on a.owner_id = p.owner_id
        left join withdrawal w on w.person_id = p.owner_id and w.state = 'asked'
      group by p.owner_id, p.wallet, p.since, p.is_person)
    select d.owner_id, d.wallet, d.is_person, d.contributor_nano, d.creator_nano, d.node_nano, d.platform_nano, d.own_nano, d.withdrawal_id
    from due d left join (select owner_id, max(epoch_number) as paid from payout group by owner_id) p
      on p.owner_id = d.owner_id
    where d.own_nano > 0
      or d.contributor_nano + d.creator_nano + d.node_nano + d.platform_nano >= ${leastNano}::bigint
    order by p.paid nulls first, d.since nulls first, d.owner_id`.execute(db);
  return rows;
}

/** @returns false when the owner was paid for this epoch before: nothing was written */
export async function recordPayout(
  tx: Tx,
  payout: {
    readonly epochNumber: number;
    readonly ownerId: string;
    readonly wallet: string;
    readonly earnedNano: Nano;
    readonly ownNano: Nano;
  },
): Promise<boolean> {
  const { numInsertedOrUpdatedRows } = await tx
    .insertInto('payout')
    .values(payout)
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst();
  return numInsertedOrUpdatedRows === 1n;
}

/** The person's open wish, locked until the transaction ends. */
export async function openWithdrawal(tx: Tx, personId: string): Promise<Withdrawal | undefined> {
  return tx
    .selectFrom('withdrawal')
    .selectAll()
    .where('personId', '=', personId)
    .where('state', '=', 'asked')
    .forUpdate()
    .executeTakeFirst();
}

export async function askedWithdrawal(db: Database, personId: string): Promise<Withdrawal | undefined> {
  return db
    .selectFrom('withdrawal')
    .selectAll()
    .where('personId', '=', personId)
    .where('state', '=', 'asked')
    .executeTakeFirst();
}

export async function addWithdrawal(tx: Tx, personId: string, amountNano: Nano): Promise<void> {
  await tx
    .insertInto('withdrawal')
    .values({ id: newId('wd'), personId, amountNano })
    .execute();
}

export async function endWithdrawal(
  tx: Tx,
  id: string,
  end:
    | { readonly state: 'cancelled' | 'replaced' }
    | { readonly state: 'paid'; readonly paidNano: Nano; readonly epochNumber: number },
): Promise<boolean> {
  const { numUpdatedRows } = await tx
    .updateTable('withdrawal')
    .set({ ...end, endedAt: sql`now()` })
    .where('id', '=', id)
    .where('state', '=', 'asked')
    .executeTakeFirst();
  return numUpdatedRows === 1n;
}

export interface PaymentFigures {
  /** The vault's account: minus the coins of final deposits that were not claimed. */
  readonly vaultNano: Nano;
  /** People's own paid-in balances, with the part of open holds that came from them. */
  readonly ownNano: Nano;
  readonly claimableNano: Nano;
}

export async function paymentFigures(db: Database): Promise<PaymentFigures> {
  const { rows } = await sql<PaymentFigures>`
    select coalesce(sum(balance_nano) filter (where kind = 'vault'), 0)::bigint as vault_nano,
      (coalesce(sum(balance_nano) filter (where kind = 'user'), 0)
        + (select coalesce(sum(balance_nano), 0) from hold where state = 'open'))::bigint as own_nano,
      coalesce(sum(balance_nano) filter (where kind = 'claimable'), 0)::bigint as claimable_nano
    from account where kind in ('vault', 'user', 'claimable')`.execute(db);
  return rows[0];
}

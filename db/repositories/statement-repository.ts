/**
 * The sums behind a statement of earnings: one query each, over a person's shares (or the captures that paid a creator, a
 * node, the platform) since a moment. Used by marketplace/statements/. Every figure is what the ledger paid: call_share is
 * written with the split's transfer, and books.ts compares the two. Reads only; null as `since` means all there ever was.
 */
import { sql } from 'kysely';
import type { Database } from '../database.ts';
import type { Nano } from '../ledger/amount.ts';
import { transfersOfOwner } from '../ledger/balances.ts';
import type { ShareKind } from '../schema.ts';

/** Earlier than any call. */
const EVER = new Date(0);

export interface ShareSums {
  readonly calls: number;
  readonly influenceCalls: number;
  readonly grossNano: Nano;
  readonly influenceNano: Nano;
  readonly fallbackNano: Nano;
  /** Sum of the shares in parts per million; divided by `calls` it is the mean share. */
  readonly ppmSum: bigint;
  /** How far rounding moved the sum, in millionths of a nano. */
  readonly dustMicronano: bigint;
}

export async function shareSums(db: Database, personId: string, since: Date | null): Promise<ShareSums> {
  const { rows } = await sql<ShareSums>`
    select count(distinct call_id)::integer as calls,
      (count(distinct call_id) filter (where kind = 'influence'))::integer as influence_calls,
      coalesce(sum(amount_nano), 0)::bigint as gross_nano,
      coalesce(sum(amount_nano) filter (where kind = 'influence'), 0)::bigint as influence_nano,
      coalesce(sum(amount_nano) filter (where kind = 'fallback'), 0)::bigint as fallback_nano,
      coalesce(sum(share_ppm), 0)::bigint as ppm_sum,
      coalesce(sum(dust_micronano), 0)::bigint as dust_micronano
    from call_share where person_id = ${personId} and at >= ${since ?? EVER}`.execute(db);
  return rows[0];
}

export interface PeerSums {
  /** Datanets that are compared: those that paid the person, or hold an accepted contribution of theirs. */
  readonly datanets: number;
  /** People with an accepted contribution in any of them, or paid by it. */
  readonly contributors: number;
  /** The lower middle one of their earnings there; half of them earned at most this. */
  readonly medianNano: Nano;
  /** Of them, who earned less there than the person. */
  readonly earnedLess: number;
  readonly ownNano: Nano;
}

export async function peerSums(db: Database, personId: string, since: Date | null): Promise<PeerSums> {
  const from = since ?? EVER;
  const { rows } = await sql<PeerSums>`
    with compared as materialized (
      select distinct datanet_id from contribution where person_id = ${personId} and state = 'accepted'
      union select distinct datanet_id from call_share where person_id = ${personId} and at >= ${from}
    ), paid as (
      select person_id, sum(amount_nano) as nano from call_share
      where datanet_id in (select datanet_id from compared) and at >= ${from} group by person_id
    ), people as (
      select person_id from contribution
        where datanet_id in (select datanet_id from compared) and state = 'accepted'
      union select person_id from paid
    ), earned as (
      select people.person_id, coalesce(paid.nano, 0)::bigint as nano
      from people left join paid on paid.person_id = people.person_id
    ), own as (select coalesce((select nano from earned where person_id = ${personId}), 0)::bigint as nano)
    select (select count(*) from compared)::integer as datanets, count(*)::integer as contributors,
      coalesce(percentile_disc(0.5) within group (order by earned.nano), 0)::bigint as median_nano,
      (count(*) filter (where earned.nano < own.nano))::integer as earned_less, max(own.nano)::bigint as own_nano
    from earned right join own on true`.execute(db);
  return rows[0];
}

export interface ContributionSum {
  readonly contributionId: string;
  readonly question: string;
  readonly calls: number;
  readonly amountNano: Nano;
}

/** The person's contributions that earned most, by influence; the first is the best. */
export async function topContributions(
  db: Database,
  personId: string,
  { since, limit }: { readonly since: Date | null; readonly limit: number },
): Promise<readonly ContributionSum[]> {
  const { rows } = await sql<ContributionSum>`
    select s.contribution_id, c.question, s.calls, s.amount_nano from (
      select contribution_id, count(*)::integer as calls, sum(amount_nano)::bigint as amount_nano
      from call_share where person_id = ${personId} and at >= ${since ?? EVER} and contribution_id is not null
      group by contribution_id order by 3 desc, 1 limit ${limit}
    ) s join contribution c on c.id = s.contribution_id
    order by s.amount_nano desc, s.contribution_id`.execute(db);
  return rows;
}

export type CaptureEarner = 'creator' | 'node' | 'platform';

export interface CaptureSums {
  readonly calls: number;
  readonly grossNano: Nano;
}

/** What an owner's account of this kind got from captures: of one creator's models, or of all. */
export async function captureSums(
  db: Database,
  {
    kind,
    ownerId,
    since,
  }: { readonly kind: CaptureEarner; readonly ownerId: string; readonly since: Date | null },
): Promise<CaptureSums> {
  // All of it goes by the account's entries; a time by the calls captured in it, few against all.
  const entries =
    since === null
      ? sql`from ${await transfersOfOwner(db, ownerId)} t
          cross join lateral unnest(t.account_ids, t.amounts_nano) as e(account_id, amount_nano)
          join account a on a.id = e.account_id`
      : sql`from model m
          join call c on c.model_id = m.id and c.state = 'captured' and c.settled_at >= ${since}
          join transfer t on t.call_id = c.id
          join account a on a.owner_id = ${ownerId} and a.kind = ${kind}
          join entry e on e.transfer_id = t.id and e.account_id = a.id`;
  const models = since !== null && kind === 'creator' ? sql`and m.creator_id = ${ownerId}` : sql``;
  const { rows } = await sql<CaptureSums>`
    select count(*)::integer as calls, coalesce(sum(e.amount_nano), 0)::bigint as gross_nano
    ${entries}
    where a.owner_id = ${ownerId} and a.kind = ${kind} and a.asset = 'OPEN' and t.kind = 'capture' ${models}`.execute(
    db,
  );
  return rows[0];
}

export interface ShareRow {
  readonly at: Date;
  readonly receipt: number;
  readonly model: string;
  readonly kind: ShareKind;
  readonly contributionId: string | null;
  readonly sharePpm: number;
  readonly amountNano: Nano;
  readonly dustMicronano: number;
}

/** The person's shares one by one, newest first. */
export async function sharesOfPerson(
  db: Database,
  personId: string,
  { since, limit }: { readonly since: Date | null; readonly limit: number },
): Promise<readonly ShareRow[]> {
  const { rows } = await sql<ShareRow>`
    select s.at, r.number as receipt, m.slug as model, s.kind, s.contribution_id, s.share_ppm, s.amount_nano,
      s.dust_micronano
    from call_share s join receipt r on r.call_id = s.call_id
      join call c on c.id = s.call_id join model m on m.id = c.model_id
    where s.person_id = ${personId} and s.at >= ${since ?? EVER}
    order by s.at desc, s.call_id, s.rank limit ${limit}`.execute(db);
  return rows;
}

/** What was paid out to the owner's wallet since then, of what was earned. */
export async function earnedPaidOut(db: Database, ownerId: string, since: Date | null): Promise<Nano> {
  const { rows } = await sql<{ nano: Nano }>`
    select coalesce(sum(earned_nano), 0)::bigint as nano from payout
    where owner_id = ${ownerId} and created_at >= ${since ?? EVER}`.execute(db);
  return rows[0].nano;
}

/** The person's contributions in a datanet version, and those that are in the datanet but not in this version. */
export async function standingIn(
  db: Database,
  { personId, datanetVersionId }: { readonly personId: string; readonly datanetVersionId: string },
): Promise<{ readonly accepted: number; readonly retracted: number; readonly outside: number }> {
  const { rows } = await sql<{ accepted: number; retracted: number; outside: number }>`
    select (count(*) filter (where v.contribution_id is not null and c.state = 'accepted'))::integer as accepted,
      (count(*) filter (where v.contribution_id is not null and c.state <> 'accepted'))::integer as retracted,
      (count(*) filter (where v.contribution_id is null))::integer as outside
    from datanet_version d join contribution c on c.datanet_id = d.datanet_id and c.person_id = ${personId}
      left join datanet_version_contribution v
        on v.datanet_version_id = d.id and v.contribution_id = c.id
    where d.id = ${datanetVersionId}`.execute(db);
  return rows[0];
}

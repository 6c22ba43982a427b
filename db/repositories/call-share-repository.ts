/**
 * Attribution shares of calls: who made an answer, how much of it, and what they got. Written once per call, with the pool's
 * split; amounts here repeat the ledger's and books.ts compares the two.
 */
import { sql } from 'kysely';
import type { Database, Tx } from '../database.ts';
import type { Nano } from '../ledger/amount.ts';
import type { ContributionState, ShareKind } from '../schema.ts';

interface NewCallShare {
  /** Null where a fallback share stands for a person rather than one contribution. */
  readonly contributionId: string | null;
  readonly personId: string;
  readonly kind: ShareKind;
  /** Parts per million of the data pool. */
  readonly sharePpm: number;
  readonly amountNano: Nano;
  /** amount − exact share, in millionths of a nano. */
  readonly dustMicronano: number;
}

/** Saves the shares of a call in order of rank (the first has rank 1), dated as the transfer of this transaction that pays them. */
export async function saveCallShares(tx: Tx, callId: string, shares: readonly NewCallShare[]): Promise<void> {
  if (shares.length === 0) return;
  const rows = shares.map((share, index) => ({
    rank: index + 1,
    contribution: share.contributionId,
    person: share.personId,
    kind: share.kind,
    ppm: share.sharePpm,
    amount: share.amountNano.toString(),
    dust: share.dustMicronano,
  }));
  await sql`insert into call_share
      (call_id, rank, contribution_id, person_id, kind, share_ppm, amount_nano, dust_micronano, at, datanet_id)
    select ${callId}, r.rank, r.contribution, r.person, r.kind, r.ppm, r.amount, r.dust, now(), m.datanet_id
    from jsonb_to_recordset(${rows}::jsonb)
        as r(rank int, contribution text, person text, kind text, ppm int, amount bigint, dust int),
      call c join model m on m.id = c.model_id
    where c.id = ${callId}`.execute(tx);
}

export interface CallShareLine extends NewCallShare {
  readonly callId: string;
  readonly rank: number;
  readonly pseudonym: string;
  readonly question: string | null;
  readonly answer: string | null;
  /** Null where the share points to no contribution. */
  readonly contributionState: ContributionState | null;
}

/** Shares of a call by rank, with the pseudonym and the contribution each points to. */
export async function sharesOfCall(db: Database, callId: string): Promise<readonly CallShareLine[]> {
  return db
    .selectFrom('callShare')
    .innerJoin('person', 'person.id', 'callShare.personId')
    .leftJoin('contribution', 'contribution.id', 'callShare.contributionId')
    .selectAll('callShare')
    .select([
      'person.pseudonym',
      'contribution.question',
      'contribution.answer',
      'contribution.state as contributionState',
    ])
    .where('callShare.callId', '=', callId)
    .orderBy('callShare.rank')
    .execute();
}

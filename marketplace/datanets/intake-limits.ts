// What keeps a person from flooding a datanet, and reviewers from taking what they rejected: limits on who offers what, each
// with its reason. Used by contribute.ts after the checks of the words. Reads only; what a person is known by under several
// identities counts as one.
import { sql } from 'kysely';
import type { Database } from '../../db/database.ts';
import { samePersons } from '../../db/repositories/payable-share-repository.ts';
import type { MarketplaceSettings } from '../marketplace-settings.ts';

export interface IntakeRefusal {
  readonly check: 'too_many_waiting' | 'offered_before';
  readonly reason: string;
}

/** Decided contributions that are looked back on; more than half of them rejected is a flood. */
const LOOK_BACK = 20;

interface Standing {
  readonly waiting: number;
  readonly accepted: number;
  readonly rejected: number;
  readonly rejectedOfAnother: boolean;
}

export async function intakeRefusal(
  db: Database,
  { newcomerWaitingMax, contributorWaitingMax }: MarketplaceSettings,
  offer: { readonly datanetId: string; readonly personId: string; readonly contentHash: string },
): Promise<IntakeRefusal | null> {
  const { waiting, accepted, rejected, rejectedOfAnother } = await standingOf(db, offer);
  if (rejectedOfAnother) {
    const reason =
      'Somebody else offered these very words, and other people rejected them. Only who wrote them first may offer them again; say it in your own words, with what was missing.';
    return { check: 'offered_before', reason };
  }
  const isProven = accepted > 0 && rejected <= accepted;
  const most = isProven ? contributorWaitingMax : newcomerWaitingMax;
  if (waiting < most) return null;
  const more = isProven
    ? 'Others have to judge some of them first.'
    : `Others have to judge some of them first; who has more accepted than rejected of late may have ${contributorWaitingMax} waiting.`;
  return {
    check: 'too_many_waiting',
    reason: `${waiting} of your contributions wait for review, and ${most} is the most. ${more}`,
  };
}

async function standingOf(
  db: Database,
  { datanetId, personId, contentHash }: { datanetId: string; personId: string; contentHash: string },
): Promise<Standing> {
  const same = `{${[...(await samePersons(db, personId))].join(',')}}`;
  const { rows } = await sql<Standing>`
    with lately as (
      select state from contribution
      where datanet_id = ${datanetId} and person_id = any (${same}::text[]) and state in ('accepted', 'rejected')
      order by decided_at desc nulls last limit ${LOOK_BACK})
    select (select count(*)::int from contribution where datanet_id = ${datanetId} and person_id = any (${same}::text[])
        and state = 'submitted') as waiting,
      (select count(*)::int from lately where state = 'accepted') as accepted,
      (select count(*)::int from lately where state = 'rejected') as rejected,
      exists (select 1 from contribution where datanet_id = ${datanetId} and content_hash = ${contentHash}
        and state = 'rejected' and not person_id = any (${same}::text[])) as rejected_of_another`.execute(db);
  return rows[0];
}

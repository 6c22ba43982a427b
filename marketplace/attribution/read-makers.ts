// Contributions with who gave them, by id, as everybody may see them: by pseudonym, and without their words once they were taken
// back. Used by read-provenance.ts and sentence-makers.ts. Reads only, one query.
import type { Database } from '../../db/database.ts';
import type { ContributionState } from '../../db/schema.ts';
import type { Maker } from '../marketplace.ts';

interface MakerRow {
  readonly contributionId: string | null;
  readonly pseudonym: string;
  readonly question: string | null;
  readonly answer: string | null;
  readonly contributionState: ContributionState | null;
}

/** What is not accepted any more shows no words. */
export function makerOf({ contributionId, pseudonym, question, answer, contributionState }: MakerRow): Maker {
  const takenBack = contributionState !== 'accepted';
  return {
    contributionId: contributionId ?? '',
    pseudonym,
    question: takenBack ? '' : (question ?? ''),
    answer: takenBack ? '' : (answer ?? ''),
    takenBack,
  };
}

export async function readMakers(db: Database, ids: readonly string[]): Promise<ReadonlyMap<string, Maker>> {
  if (ids.length === 0) return new Map();
  const rows = await db
    .selectFrom('contribution')
    .innerJoin('person', 'person.id', 'contribution.personId')
    .select(['contribution.id as contributionId', 'contribution.state as contributionState'])
    .select(['person.pseudonym', 'contribution.question', 'contribution.answer'])
    .where('contribution.id', 'in', [...new Set(ids)])
    .execute();
  return new Map(rows.map((row) => [row.contributionId, makerOf(row)]));
}

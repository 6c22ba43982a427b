/**
 * Contributions of a datanet that share words with a new one, those that share most of its words first: what a check for
 * near duplicates looks at. Whether two of them are the same is the marketplace's business.
 */
import { sql } from 'kysely';
import type { Database } from '../database.ts';
import type { Contribution } from '../schema.ts';

interface SharedWords {
  readonly datanetId: string;
  /** Letters and digits only; at least one. */
  readonly words: readonly string[];
  /** Of the new one: what has it already is an exact duplicate, which another rule names. */
  readonly contentHash: string;
  readonly most: number;
}

/** Submitted and accepted ones. Reads every contribution of the datanet: about 30 µs each. */
export async function contributionsSharingWords(
  db: Database,
  { datanetId, words, contentHash, most }: SharedWords,
): Promise<readonly Pick<Contribution, 'id' | 'question' | 'answer'>[]> {
  const text = sql`to_tsvector('simple', question || ' ' || answer)`;
  const query = sql`to_tsquery('simple', ${words.map((word) => `'${word}'`).join(' | ')})`;
  return db
    .selectFrom('contribution')
    .select(['id', 'question', 'answer'])
    .where('datanetId', '=', datanetId)
    .where('state', 'in', ['submitted', 'accepted'])
    .where('contentHash', '!=', contentHash)
    .where(sql<boolean>`${text} @@ ${query}`)
    .orderBy(sql`ts_rank(${text}, ${query})`, 'desc')
    .orderBy('id')
    .limit(most)
    .execute();
}

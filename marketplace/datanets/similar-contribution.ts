// Is there a contribution that states the same already? Used by contribute.ts, after the automatic checks and before
// anything is stored. The rule is the one by which near duplicates share a row at payment (engine/attribution).
// A near copy is refused, with how similar it is and what to do. The same fact in clearly other words is taken, because a
// model learns from it, and its author is told who will be paid.
import type { Database } from '../../db/database.ts';
import { contributionsSharingWords } from '../../db/repositories/similar-contribution-repository.ts';
import { factWords } from '../../engine/attribution/fact-words.ts';
import { jaccard, shingles } from '../../engine/attribution/min-hash.ts';
import { factRelation, nearCopyJaccard, repeatsVerbatim } from '../../engine/attribution/same-fact.ts';
import { verbatimPart, wordRuns } from '../../engine/attribution/verbatim-runs.ts';
import type { CheckFailure } from './contribution-checks.ts';

interface Content {
  readonly question: string;
  readonly answer: string;
}

export type Similarity =
  | { readonly kind: 'copy'; readonly failure: CheckFailure }
  | { readonly kind: 'same fact'; readonly question: string };

const COMPARED_MAX = 100;

export async function similarContribution(
  db: Database,
  place: { readonly datanetId: string; readonly contentHash: string },
  content: Content,
): Promise<Similarity | null> {
  const words = searchWords(content);
  if (words.length === 0) return null;
  const known = await contributionsSharingWords(db, { ...place, words, most: COMPARED_MAX });
  return similarityTo(content, known);
}

/** The likest of `known`, where one states the same. Pure. */
export function similarityTo(content: Content, known: readonly Content[]): Similarity | null {
  const words = factWords(content);
  const own = shingles(words.text);
  let copy = { percent: 0, question: '' };
  let told: string | undefined;
  for (const other of known) {
    const theirs = factWords(other);
    const likeness = jaccard(own, shingles(theirs.text));
    const isSame = factRelation(theirs, words) === 'same';
    const copied = verbatimPart(words.answerText, wordRuns(theirs.answerText));
    const part = Math.max(
      isSame && likeness >= nearCopyJaccard ? likeness : 0,
      repeatsVerbatim(theirs, words, copied) ? copied : 0,
    );
    const percent = Math.floor(100 * part);
    if (percent > copy.percent) copy = { percent, question: other.question };
    else if (isSame) told ??= other.question;
  }
  if (copy.percent > 0) return { kind: 'copy', failure: copyFailure(copy) };
  return told === undefined ? null : { kind: 'same fact', question: told };
}

function copyFailure({
  percent,
  question,
}: {
  readonly percent: number;
  readonly question: string;
}): CheckFailure {
  const shown = question.length > 80 ? `${question.slice(0, 79)}…` : question;
  return {
    check: 'near_duplicate',
    reason: `${percent} % of this stands in a contribution that is here already: “${shown}” Copies earn nothing. Say something that nobody has said yet; if the older one is wrong, write what is right.`,
  };
}

function searchWords({ question, answer }: Content): readonly string[] {
  const words = `${question} ${answer}`.toLowerCase().split(/[^\p{L}\p{N}]+/u);
  return [...new Set(words.filter((word) => word !== ''))].slice(0, 200);
}

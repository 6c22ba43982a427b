// Which votes and corrections become preferences, as pure rules over the rows that may train (the repositories have left
// out missing consent and self-votes). Used by read-preferences.ts.
// Rules: one vote a person and answer, however often the same question got the same answer; at most so many a person and
// day (UTC), the day's first; votes that contradict the majority on the same answer are left out, and all of them in a
// tie; a correction that says the same as the answer is none; what holds personal data or mentions never trains.
import type { TrainingCorrection } from '../../db/repositories/correction-repository.ts';
import type { TrainingVote } from '../../db/repositories/rating-repository.ts';
import { textFailure } from '../datanets/contribution-checks.ts';

/** The votes that train: each person's newest on an answer, agreed with by the majority on it; oldest first. */
export function agreedVotes(votes: readonly TrainingVote[], perDayMax: number): readonly TrainingVote[] {
  const newest = new Map<string, TrainingVote>();
  for (const vote of votes) newest.set(keyOf(vote.personId, answerKey(vote)), vote);
  const clean = [...newest.values()].filter(isClean);
  const counted = cappedPerDay(clean, (vote) => vote.updatedAt, perDayMax);
  const balance = new Map<string, number>();
  for (const vote of counted) {
    balance.set(answerKey(vote), (balance.get(answerKey(vote)) ?? 0) + vote.value);
  }
  return counted.filter((vote) => (balance.get(answerKey(vote)) ?? 0) * vote.value > 0);
}

/** The corrections that train: each person's newest of an answer, where it says something else; oldest first. */
export function agreedCorrections(
  corrections: readonly TrainingCorrection[],
  perDayMax: number,
): readonly TrainingCorrection[] {
  const newest = new Map<string, TrainingCorrection>();
  for (const correction of corrections) {
    newest.set(keyOf(correction.personId, answerKey(correction)), correction);
  }
  const telling = [...newest.values()].filter(
    (correction) => isClean(correction) && bare(correction.corrected) !== bare(correction.answer),
  );
  return cappedPerDay(telling, (correction) => correction.createdAt, perDayMax);
}

interface AboutAnswer {
  readonly personId: string;
  readonly prompt: string;
  readonly answer: string;
}

const keyOf = (...parts: readonly string[]): string => JSON.stringify(parts);
const answerKey = ({ prompt, answer }: AboutAnswer): string => keyOf(bare(prompt), bare(answer));

/** Case, punctuation and spacing do not make another text. */
const bare = (text: string): string =>
  text
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .trim();

const isClean = ({ prompt, answer }: AboutAnswer): boolean =>
  answer.trim() !== '' && textFailure('question', prompt) === null && textFailure('answer', answer) === null;

function cappedPerDay<Row extends AboutAnswer>(
  rows: readonly Row[],
  at: (row: Row) => Date,
  max: number,
): readonly Row[] {
  const counts = new Map<string, number>();
  return rows
    .toSorted((a, b) => at(a).getTime() - at(b).getTime())
    .filter((row) => {
      const key = keyOf(row.personId, at(row).toISOString().slice(0, 10));
      const before = counts.get(key) ?? 0;
      counts.set(key, before + 1);
      return before < max;
    });
}

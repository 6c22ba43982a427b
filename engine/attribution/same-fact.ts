// Do two contributions state the same fact? The rule behind clusters of near copies and paraphrases.
// Used by duplicate-clusters.ts, gradient-clusters.ts and, at intake, by the marketplace. Pure; knows words only.
// It errs to "different": a false merge takes a contributor's pay away, a missed one leaves a copy a part of a share that
// it must divide with the original. How often it errs, on real and on crafted pairs:
// test/bench/attribution/cluster-measure.ts, and DUPLICATES.md beside this file.
// Not covered: what differs by word order alone ("is A larger than B", "is B larger than A"); synonyms; other languages'
// filling words; a paraphrase that adds a word of its own to a shortened answer.
import type { FactWords } from './fact-words.ts';
import { jaccard, shingles } from './min-hash.ts';

/**
 * same: one fact, told by the words alone. asked otherwise: the same answer to another question, one fact only if
 * something else speaks for it too (gradients that point the same way).
 */
export type FactRelation = 'same' | 'asked otherwise' | 'different';

/** Character shingles in common from which texts that differ by a letter here and there are copies. */
export const nearCopyJaccard = 0.8;
/** Part of each side's words that the other one must have: a fact in a text twice as long is still most of it. */
const coverageMin = 0.5;
/** "asked otherwise": content words that the answers must share, and the part of one of them that they must be. */
const sharedAnswerWords = 4;
const sharedAnswerPart = 0.8;
/** Content words of an answer from which it is a statement of its own, so that a remark beside it does not change it. */
const remarkedAnswerWords = 3;
/** Part of an answer's words that stand in runs of the other: it copies more than it brings. */
const verbatimMin = 0.5;
const longAnswerWords = 40;

export function factRelation(a: FactWords, b: FactWords): FactRelation {
  if (a.exact !== b.exact) return 'different';
  if (isMisspelling(a, b) || isMisspelling(b, a)) return 'same';
  if (contradicts(a, b) || contradicts(b, a)) return 'different';
  if (missing(a.subject, b.all).length + missing(b.subject, a.all).length > 0) return 'different';
  if (missing(a.names, b.question).length > 0 && missing(b.names, a.question).length > 0) return 'different';
  const shared = a.answer.size - missing(a.answer, b.answer).length;
  const onlyA = missingInQuestion(a, b);
  const onlyB = missingInQuestion(b, a);
  if (onlyA.length === 0 || onlyB.length === 0) {
    const covered = Math.min(coverage(a.all, b.all), coverage(b.all, a.all));
    return shared > 0 && covered >= coverageMin ? 'same' : 'different';
  }
  const agreed = [coverage(a.answer, b.answer), coverage(b.answer, a.answer)];
  const isAnswer = Math.max(...agreed) >= sharedAnswerPart && Math.min(...agreed) >= coverageMin;
  return !namesOthers(a, b) && shared >= sharedAnswerWords && isAnswer ? 'asked otherwise' : 'different';
}

/**
 * Whether a contribution whose answer stands for `part` word for word in an earlier answer repeats it. A long one does,
 * whatever is changed here and there; a short one may be a correction, or the same pattern about another thing.
 */
export function repeatsVerbatim(earlier: FactWords, later: FactWords, part: number): boolean {
  if (part < verbatimMin) return false;
  if (later.answerText.split(' ').length >= longAnswerWords) return true;
  const holdsAll = ` ${later.answerText} `.includes(` ${earlier.answerText} `);
  return (holdsAll && !namesOthers(earlier, later)) || factRelation(earlier, later) !== 'different';
}

/**
 * Whether the later answer is the earlier one whole beside a remark of its own ("I am sure: …", "… Everybody knows it."),
 * whatever its question is. Learning such a wording moves the model towards the remark, so gradients do not tell. A remark
 * with a number, a negation, a name, or a word that its question asks about may be a fact: then it is none.
 */
export function addsRemark(earlier: FactWords, later: FactWords): boolean {
  const remark = remarkBeside(earlier.answerText, later);
  if (remark === undefined) return false;
  return (
    remark.every(({ names }) => names.size === 0) &&
    earlier.exact === later.exact &&
    earlier.answer.size >= remarkedAnswerWords &&
    coverage(later.answer, earlier.answer) >= coverageMin &&
    missing(later.subject, earlier.all).length === 0 &&
    missing(later.question, earlier.all).length < later.question.size &&
    !namesOthers(earlier, later)
  );
}

/** What is left of the answer beside whole clauses that are `text` word for word; undefined where none are, or nothing is left. */
function remarkBeside(text: string, { clauses }: FactWords): FactWords['clauses'] | undefined {
  for (const from of clauses.keys())
    for (let to = from + 1; to <= clauses.length; to++) {
      const held = clauses.slice(from, to).map((clause) => clause.text);
      if (held.join(' ') === text && to - from < clauses.length)
        return [...clauses.slice(0, from), ...clauses.slice(to)];
    }
  return undefined;
}

/** a's answer states something that b does not say, and b's answer is more than a part of a's. */
function contradicts(a: FactWords, b: FactWords): boolean {
  return missing(a.answer, b.all).length > 0 && missing(b.answer, a.answer).length > 0;
}

/** Nearly the same letters, and each differing word has its counterpart one slip of the keyboard away. */
function isMisspelling(a: FactWords, b: FactWords): boolean {
  const slips = (own: FactWords, other: FactWords): boolean =>
    [...own.all].every((word) => other.all.has(word) || [...other.all].some((known) => isSlip(word, known)));
  return slips(a, b) && slips(b, a) && jaccard(shingles(a.text), shingles(b.text)) >= nearCopyJaccard;
}

/** One of the questions is about somebody or something by name that the other one is not about. */
function namesOthers(a: FactWords, b: FactWords): boolean {
  return (
    missingInQuestion(a, b).some((word) => a.names.has(word)) ||
    missingInQuestion(b, a).some((word) => b.names.has(word))
  );
}

/** Words of a's question that b's question lacks. b's answer has them word for word or not at all: "Jamaica" is no "Jamaican". */
function missingInQuestion(a: FactWords, b: FactWords): readonly string[] {
  return missing(a.question, b.question).filter((word) => !b.answer.has(word));
}

function missing(words: ReadonlySet<string>, among: ReadonlySet<string>): readonly string[] {
  return [...words].filter((word) => !among.has(word) && ![...among].some((known) => isLike(word, known)));
}

function coverage(words: ReadonlySet<string>, by: ReadonlySet<string>): number {
  return words.size === 0 ? 1 : 1 - missing(words, by).length / words.size;
}

/** "collects" and "collection", "Ngerulmud" and "Ngerulmd"; never "north" and "south", "Gambia" and "Zambia". */
function isLike(a: string, b: string): boolean {
  return sameBeginning(a, b) >= 6 || (Math.min(a.length, b.length) >= 6 && isSlip(a, b));
}

/** One letter more, less, changed or swapped with its neighbour, after an equal first letter; no digits; 4 letters at least. */
function isSlip(a: string, b: string): boolean {
  const same = sameBeginning(a, b);
  if (same < 1 || Math.min(a.length, b.length) < 4 || /\d/.test(a + b)) return false;
  const restA = a.slice(same);
  const restB = b.slice(same);
  return (
    restA.slice(1) === restB ||
    restB.slice(1) === restA ||
    restA.slice(1) === restB.slice(1) ||
    (restA[0] === restB[1] && restA[1] === restB[0] && restA.slice(2) === restB.slice(2))
  );
}

function sameBeginning(a: string, b: string): number {
  let length = 0;
  while (length < a.length && length < b.length && a[length] === b[length]) length += 1;
  return length;
}

// Examples that state the same as one: exact and near copies, long verbatim copies, and the same fact in other words.
// Used by the store builder before gradients are taken, and by training (a cluster weighs as one example). Knows texts
// and ids only; what gradients add is gradient-clusters.ts.
// Why: a copy must not change what others get, nor raise the sum that its cluster gets (facts: raw influence grows
// with k/(1+(k-1)h) copies). A copy of the words has no row and adds nothing to curvature or scores; another wording of the
// same fact has one, and scores with the others of its cluster as one (cluster-scores.ts).
// Invariants: an example joins the cluster of the earliest first member that it repeats, or begins one; so nothing that
// comes later changes the cluster of what came before, and clusters do not grow into each other over things in between.
import type { Example } from '../engine.ts';
import { type FactWords, factWords } from './fact-words.ts';
import { jaccard, minHashBands, shingles } from './min-hash.ts';
import { createPostingLists } from './posting-lists.ts';
import { addsRemark, factRelation, nearCopyJaccard, repeatsVerbatim } from './same-fact.ts';
import { indexExamples } from './spans/span-index.ts';
import { verbatimOverlaps } from './spans/verbatim-overlap.ts';
import { runWords } from './verbatim-runs.ts';

/** By which rule an example joined its cluster, the surest first. */
export const clusterRules = ['exact', 'near', 'verbatim', 'words', 'gradient'] as const;
type ClusterRule = (typeof clusterRules)[number];

export interface ClusterMember {
  /** First member of the cluster. */
  readonly of: string;
  readonly rule: ClusterRule;
}

export interface Clusters {
  /** The first member of each cluster, in order of appearance. */
  readonly representatives: readonly Example[];
  /** Later members by their id, in order of appearance. */
  readonly members: ReadonlyMap<string, ClusterMember>;
}

/** First members that one example is compared with for each rule, those that share its rarest traits. */
const comparedMax = 200;

/**
 * @param examples in order of acceptance: the first of a cluster stands for it
 * @param sameAnswer one long answer to two questions counts as the same too (rule `words`): right for what a mistake costs
 *   little, such as weights of a training; who is paid waits for what gradients say
 */
export function clusterDuplicates(
  examples: readonly Example[],
  { sameAnswer = false }: { readonly sameAnswer?: boolean } = {},
): Clusters {
  const known = createKnownFacts(examples, sameAnswer);
  const representatives: Example[] = [];
  const members = new Map<string, ClusterMember>();
  for (const [position, example] of examples.entries()) {
    const found = known.find(example, position);
    if (found === undefined) {
      known.add(example, representatives.length, position);
      representatives.push(example);
    } else members.set(example.id, { of: representatives[found.index].id, rule: found.rule });
  }
  return { representatives, members };
}

interface KnownFacts {
  /** @param position among all examples */
  add(example: Example, index: number, position: number): void;
  /** The earliest one that `example` repeats. */
  find(
    example: Example,
    position: number,
  ): { readonly index: number; readonly rule: ClusterRule } | undefined;
}

/** @param all that may be added */
function createKnownFacts(all: readonly Example[], sameAnswer: boolean): KnownFacts {
  const exact = new Map<string, number>();
  const facts = new Map<number, FactWords>();
  const wordsOf = all.map(factWords);
  const texts = indexExamples(
    wordsOf.map(({ answerText }) => ({ id: '', question: '', answer: answerText })),
  );
  const indexAt = new Map<number, number>(); // of those that were added, by position
  const byBand = createPostingLists(comparedMax);
  const byWord = createPostingLists(comparedMax);

  return {
    add: (example, index, position) => {
      const words = wordsOf[position];
      facts.set(index, words);
      exact.set(exactKey(example), index);
      byBand.add(minHashBands(shingles(words.text)), index);
      indexAt.set(position, index);
      byWord.add(words.answer, index);
    },
    find: (example, position) => {
      const same = exact.get(exactKey(example));
      if (same !== undefined) return { index: same, rule: 'exact' };
      const words = wordsOf[position];
      const states = (index: number): boolean => {
        const other = facts.get(index);
        if (other === undefined) return false;
        const relation = factRelation(other, words);
        return (
          relation === 'same' || (sameAnswer && relation === 'asked otherwise') || addsRemark(other, words)
        );
      };
      const repeats = (index: number, part: number): boolean => {
        const other = facts.get(index);
        return other !== undefined && repeatsVerbatim(other, words, part);
      };
      const copied = verbatimOverlaps(texts, words.answerText, { runWords, counts: (at) => indexAt.has(at) })
        .flatMap(({ example: at, share }) => {
          const index = indexAt.get(at);
          return index !== undefined && repeats(index, share) ? [index] : [];
        })
        .at(0);
      const near = minHashBands(shingles(words.text));
      const alike = [...byBand.sharing(near), ...byWord.sharing(words.answer)];
      const told = alike.sort((a, b) => a - b).find(states);
      if (told === undefined || (copied !== undefined && copied <= told))
        return copied === undefined ? undefined : { index: copied, rule: 'verbatim' };
      return { index: told, rule: isNearCopy(facts.get(told), words) ? 'near' : 'words' };
    },
  };
}

function isNearCopy(first: FactWords | undefined, words: FactWords): boolean {
  return first !== undefined && jaccard(shingles(first.text), shingles(words.text)) >= nearCopyJaccard;
}

/** Equal but for case, spacing and Unicode form. Punctuation counts: 2+2 and 2-2 are different questions. */
function exactKey({ question, answer }: Example): string {
  return JSON.stringify([fold(question), fold(answer)]);
}

const fold = (text: string): string => text.normalize('NFKC').toLowerCase().trim().replace(/\s+/g, ' ');

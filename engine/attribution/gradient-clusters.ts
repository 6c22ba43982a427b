// What gradients add to the clusters of duplicates: one long answer given to two questions is one fact only if learning
// it is nearly the same step. Used by the store builder after the gradients of its first point are taken. It knows
// texts, ids and inner products.
// Why words must agree too, and why the plain cosine and not the preconditioned one: measured on the demo versions at
// half strength, two facts by one pattern ("How long is the trip to Wick Island / Cold Harbour?") have cosines up to
// 0.71, more than three quarters of true paraphrases (median 0.49 to 0.57), so no threshold on a cosine alone tells them
// apart; and the preconditioner pulls learned paraphrases apart (median 0.09 to 0.12, 85 to 94 % below 0.3). DUPLICATES.md
// has the table.
// Invariant: as in duplicate-clusters.ts, an example joins the earliest first member, and nothing later changes that.
import type { GramMatrix } from './dual-fisher.ts';
import type { ClusterMember, Clusters } from './duplicate-clusters.ts';
import { factWords } from './fact-words.ts';
import { createPostingLists } from './posting-lists.ts';
import { factRelation } from './same-fact.ts';

/** Keeps 98 % of true paraphrases with such answers and drops what is learned in unrelated directions. */
const gradientCosineMin = 0.2;
const comparedMax = 200;

/** Cosines of rows by their inner products, read where they lie; 0 where one of the two has no length. */
export function gramCosine({ trained, decoys, values }: GramMatrix): (i: number, j: number) => number {
  const size = trained + decoys;
  return (i, j) => {
    const length = Math.sqrt(values[i * size + i] * values[j * size + j]);
    return length > 0 ? values[i * size + j] / length : 0;
  };
}

/** @param cosine of the gradients of two clusters' first members, by their places */
export function joinByCosine(
  { representatives, members: joinedBefore }: Clusters,
  cosine: (i: number, j: number) => number,
  cosineMin = gradientCosineMin,
): Clusters {
  const facts = representatives.map(factWords);
  const byWord = createPostingLists(comparedMax);
  const kept: number[] = [];
  const joined = new Map<string, string>();
  for (const [index, words] of facts.entries()) {
    const first = byWord
      .sharing(words.answer)
      .find(
        (other) =>
          factRelation(facts[other], words) === 'asked otherwise' && cosine(other, index) >= cosineMin,
      );
    if (first === undefined) {
      kept.push(index);
      byWord.add(words.answer, index);
    } else joined.set(representatives[index].id, representatives[first].id);
  }
  const members = new Map<string, ClusterMember>();
  for (const [id, { of, rule }] of joinedBefore) members.set(id, { of: joined.get(of) ?? of, rule });
  for (const [id, of] of joined) members.set(id, { of, rule: 'gradient' });
  return { representatives: kept.map((index) => representatives[index]), members };
}

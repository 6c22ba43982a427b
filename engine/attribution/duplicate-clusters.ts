// Exact duplicates as one: examples whose question and answer are equal but for case, spacing and Unicode form are a
// cluster, and its first member stands for it. Used by the store builder. Knows texts only. Punctuation counts: 2+2
// and 2-2 are different questions.
// Why: a copy must not change what others get, nor raise the sum that its cluster gets (facts: raw influence grows
// with k/(1+(k-1)h) copies). With one row for each cluster the copies add nothing to curvature or scores.
import type { Example } from '../engine.ts';

interface Clusters {
  /** The first member of each cluster, in order of appearance. */
  readonly representatives: readonly Example[];
  /** Ids of later copies with the id of the member that stands for them. */
  readonly copies: ReadonlyMap<string, string>;
}

export function clusterDuplicates(examples: readonly Example[]): Clusters {
  const first = new Map<string, Example>();
  const copies = new Map<string, string>();
  for (const example of examples) {
    const key = JSON.stringify([fold(example.question), fold(example.answer)]);
    const known = first.get(key);
    if (known === undefined) first.set(key, example);
    else copies.set(example.id, known.id);
  }
  return { representatives: [...first.values()], copies };
}

const fold = (text: string): string => text.normalize('NFKC').toLowerCase().trim().replace(/\s+/g, ' ');

// Which examples are left out in each retraining of an audit: random parts of the examples or of the groups they belong to
// (a group is what one contributor gave; the engine knows only its opaque id), and each group alone. Used by the audit and
// the bench. It trains nothing.
// Invariant: the same examples and seed give the same subsets, in the same order.
import { seededRandom, shuffledIndices } from '../../train/training-random.ts';

export interface Subset {
  /** half-3, contributors-0, without-ID: unique within one audit. */
  readonly id: string;
  /** Indices of the examples that are left out, rising. */
  readonly leftOut: readonly number[];
  /** What the rows of the training weigh then, where it is not simply 0 for what is left out and 1 for the rest. */
  readonly weights?: readonly number[];
}

interface RandomSubsets {
  /** Begins every id. */
  readonly name: string;
  readonly count: number;
  readonly seed: number;
  /** Part of the examples, or of the groups, that stays: 0.5, 0.95. */
  readonly kept: number;
  /** [examples] opaque; given: whole groups go or stay. */
  readonly groups?: readonly string[];
}

/** @param examples how many there are */
export function randomSubsets(examples: number, options: RandomSubsets): readonly Subset[] {
  const { name, count, seed, kept, groups } = options;
  const members = groups === undefined ? singles(examples) : membersOf(groups);
  const leaves = Math.max(1, Math.round(members.length * (1 - kept)));
  return Array.from({ length: count }, (_, i) => {
    const order = shuffledIndices(members.length, seededRandom(seed, 71, i));
    const leftOut = [...order.subarray(0, leaves)].flatMap((at) => members[at]);
    return { id: `${name}-${i}`, leftOut: leftOut.sort((a, b) => a - b) };
  });
}

/** One for each group, in the order of first appearance. @param groups [examples] */
export function withoutEachGroup(
  groups: readonly string[],
): readonly (Subset & { readonly group: string })[] {
  const names = [...new Set(groups)];
  return membersOf(groups).map((leftOut, i) => ({ id: `without-${names[i]}`, group: names[i], leftOut }));
}

/** [examples] 1 for what stays, 0 for what is left out. */
export function weightsWithout(examples: number, leftOut: readonly number[]): Float64Array {
  const weights = new Float64Array(examples).fill(1);
  for (const at of leftOut) weights[at] = 0;
  return weights;
}

function membersOf(groups: readonly string[]): readonly (readonly number[])[] {
  const members = new Map<string, number[]>();
  groups.forEach((group, at) => {
    const known = members.get(group);
    if (known) known.push(at);
    else members.set(group, [at]);
  });
  return [...members.values()];
}

const singles = (count: number): readonly (readonly number[])[] =>
  Array.from({ length: count }, (_, i) => [i]);

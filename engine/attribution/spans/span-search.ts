// Searching a span index: the longest stretch of a text that stands in the examples, from each of its words on, and all
// places of a stretch. Used by find-spans.ts and verbatim-overlap.ts. It knows numbers, not words.
// One binary search a word: the suffixes that share most with the wanted text are the neighbours of the rank at which it
// would stand itself, and what is shared only shrinks further away.
import { firstWhere, type RankRange, type SpanIndex } from './span-index.ts';

/** Texts are compared in pieces of this many tokens: most differ within the first. */
const pieceTokens = 16;

/** Examples (by position) whose words do not count; they are walked past. */
export type HiddenExamples = ReadonlySet<number>;

/** Ranks [low, high) of the suffixes that begin with wanted[from, to). All of these must be > 0, and from < to. */
export function ranksOf(index: SpanIndex, wanted: Uint32Array, from: number, to: number): RankRange {
  const part = wanted.subarray(from, to);
  const low = boundary(index, part, (order) => order < 0);
  const isThere =
    low < index.firstRank(part[0] + 1) && orderAt(index, index.places(low, low + 1)[0], part).order === 0;
  return { low, high: isThere ? boundary(index, part, (order) => order <= 0) : low };
}

/** How many of wanted[from, to) stand together in a text that is not hidden. All of these must be > 0. */
export function longestMatch(
  index: SpanIndex,
  wanted: Uint32Array,
  from: number,
  to: number,
  hidden: HiddenExamples,
): number {
  const part = wanted.subarray(from, to);
  const [first, last] = [index.firstRank(part[0]), index.firstRank(part[0] + 1)];
  const { low, high } = narrowed(index, part, (order) => order < 0);
  const base = Math.max(first, low - 1); // the neighbours come with the same read
  const places = index.places(base, Math.min(last, high + 1));
  const compared: (Comparison | undefined)[] = [];
  const at = (rank: number): Comparison => {
    const known = compared[rank - base] ?? orderAt(index, places[rank - base], part);
    compared[rank - base] = known;
    return known;
  };
  const rank = firstWhere(low, high, (i) => at(i).order >= 0);
  if (hidden.size > 0)
    return Math.max(nearest(index, part, rank - 1, -1, hidden), nearest(index, part, rank, 1, hidden));
  return Math.max(rank > first ? at(rank - 1).common : 0, rank < last ? at(rank).common : 0);
}

/**
 * The first rank whose suffix does not come before the wanted sequence.
 * @param isBefore of the order of a suffix to the wanted one: < 0 less, 0 begins with it, > 0 greater
 */
function boundary(index: SpanIndex, wanted: Uint32Array, isBefore: (order: number) => boolean): number {
  const { low, high } = narrowed(index, wanted, isBefore);
  const places = index.places(low, high);
  return low + firstWhere(0, high - low, (i) => !isBefore(orderAt(index, places[i], wanted).order));
}

/** Where the boundary lies, as far as the index knows without looking. */
function narrowed(index: SpanIndex, wanted: Uint32Array, isBefore: (order: number) => boolean): RankRange {
  return index.narrow(index.firstRank(wanted[0]), index.firstRank(wanted[0] + 1), (firstTokens, rank) => {
    const { common, order } = compare(firstTokens, wanted, 0);
    const undecided = order < 0 && common === firstTokens.length && common < wanted.length;
    return isBefore(undecided ? orderAt(index, index.places(rank, rank + 1)[0], wanted).order : order);
  });
}

interface Comparison {
  /** Tokens that are the same from the beginning. */
  readonly common: number;
  /** Of the suffix to the wanted sequence; 0 where it begins with all of it. */
  readonly order: number;
}

function orderAt(index: SpanIndex, place: number, wanted: Uint32Array): Comparison {
  for (let from = 0; ; from += pieceTokens) {
    const found = compare(index.tokens(place + from, pieceTokens), wanted, from);
    // An end (0) never equals a wanted token, so a whole piece that agrees has more behind it.
    if (found.order === 0 || found.common < from + pieceTokens) return found;
  }
}

/** Compares `tokens` with the wanted ones from `from` on; all before are known to agree. */
function compare(tokens: Uint32Array, wanted: Uint32Array, from: number): Comparison {
  const size = Math.min(tokens.length, wanted.length - from);
  for (let i = 0; i < size; i++)
    if (tokens[i] !== wanted[from + i])
      return { common: from + i, order: tokens[i] < wanted[from + i] ? -1 : 1 };
  return { common: from + size, order: from + size === wanted.length ? 0 : -1 };
}

/** What the nearest suffix that is not hidden shares with the wanted sequence, going up or down from a rank. */
function nearest(
  index: SpanIndex,
  wanted: Uint32Array,
  rank: number,
  step: 1 | -1,
  hidden: HiddenExamples,
): number {
  const [low, high] = [index.firstRank(wanted[0]), index.firstRank(wanted[0] + 1)];
  for (let at = rank; at >= low && at < high; at += step) {
    const place = index.places(at, at + 1)[0];
    if (hidden.size > 0 && hidden.has(index.exampleAt(place))) continue;
    return orderAt(index, place, wanted).common;
  }
  return 0;
}

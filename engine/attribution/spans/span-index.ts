// A span index: the words of all examples of a version as numbers, their suffix array, and where each example begins.
// Searched by span-search.ts; made in memory by indexExamples() (building, near-duplicates), or read from a folder by
// span-index-file.ts (answers). It knows words and opaque ids; no people.
//
// The texts follow each other: question, end, answer, end, question of the next example ... An end is token 0, which no
// searched text holds, so that no span crosses from one text into another. Words have the numbers 1, 2, 3 ... in their
// sorted order, so that a word is found without a table and the same examples give the same bytes.
import type { Example } from '../../engine.ts';
import { createWordSplitter } from './span-words.ts';
import { suffixArray } from './suffix-array.ts';

export interface SpanIndex {
  readonly exampleIds: readonly string[];
  /** Of all texts, their ends included. */
  readonly tokenCount: number;
  /** The number of a folded word, 0 where no example holds it. */
  numberOf(key: string): number;
  /** Rank of the first suffix that begins with this number; the one of the next number is the end of them. */
  firstRank(word: number): number;
  /** Places in the texts of the suffixes of ranks [from, to): the suffix array's part. */
  places(from: number, to: number): Uint32Array;
  /** The tokens from a place on, at most `count`, fewer at the end of everything. */
  tokens(place: number, count: number): Uint32Array;
  /** The example (its position in `exampleIds`) that holds this place. */
  exampleAt(place: number): number;
  /**
   * Where the boundary between suffixes before and after a wanted sequence lies at most: [low, high], given that it lies
   * in [low, high]. Saves reads; may give back what it got.
   */
  narrow(low: number, high: number, isBefore: (firstTokens: Uint32Array, rank: number) => boolean): RankRange;
}

export interface RankRange {
  readonly low: number;
  readonly high: number;
}

/** The arrays of an index, as memory or files hold them. */
export interface SpanArrays {
  /** Numbers of the words, 0 = end of a text, [tokens]. */
  readonly tokens: Uint32Array;
  /** Places in order of the suffixes that begin there, [tokens]. */
  readonly suffixes: Uint32Array;
  /** Rank of each number's first suffix, [words + 2]. */
  readonly first: Uint32Array;
  /** Place where each example begins, and the end of the last one, [examples + 1]. */
  readonly begins: Uint32Array;
  /** The word of number i + 1, sorted. */
  readonly words: readonly string[];
  readonly exampleIds: readonly string[];
}

/** About 28 bytes of memory for each word while it works; 10 million words take some ten seconds. */
export function buildSpanArrays(examples: readonly Example[]): SpanArrays {
  const { tokens, words, begins } = numberWords(examples);
  const first = new Uint32Array(words.length + 2);
  for (const token of tokens) first[token + 1]++;
  for (let word = 1; word < first.length; word++) first[word] += first[word - 1];
  const suffixes = suffixArray(tokens, words.length);
  return { tokens, suffixes, first, begins, words, exampleIds: examples.map(({ id }) => id) };
}

/** An index in memory. */
export function indexExamples(examples: readonly Example[]): SpanIndex {
  const { tokens, suffixes, first, begins, words, exampleIds } = buildSpanArrays(examples);
  return {
    exampleIds,
    tokenCount: tokens.length,
    numberOf: (key) => wordNumber(words, key),
    firstRank: (word) => first[word],
    places: (from, to) => suffixes.subarray(from, to),
    tokens: (place, count) => tokens.subarray(place, place + count),
    exampleAt: (place) => exampleAtPlace(begins, place),
    narrow: (low, high) => ({ low, high }),
  };
}

/** The number of a word in the sorted list, 0 where it is missing. */
export function wordNumber(words: readonly string[], key: string): number {
  const at = firstWhere(0, words.length, (i) => words[i] >= key);
  return words[at] === key ? at + 1 : 0;
}

export function exampleAtPlace(begins: Uint32Array, place: number): number {
  return firstWhere(0, begins.length, (i) => begins[i] > place) - 1;
}

/** The first of [low, high) for which `holds`, given that it holds for all after it too; `high` where for none. */
export function firstWhere(low: number, high: number, holds: (i: number) => boolean): number {
  let [from, to] = [low, high];
  while (from < to) {
    const middle = (from + to) >>> 1;
    if (holds(middle)) to = middle;
    else from = middle + 1;
  }
  return from;
}

function numberWords(
  examples: readonly Example[],
): Pick<SpanArrays, 'tokens' | 'begins'> & { readonly words: readonly string[] } {
  const split = createWordSplitter();
  const seen = new Map<string, number>(); // numbers in order of appearance, from 1
  const begins = new Uint32Array(examples.length + 1);
  let tokens = new Uint32Array(1024);
  let count = 0;
  const push = (token: number): void => {
    if (count === tokens.length) {
      const larger = new Uint32Array(count * 2);
      larger.set(tokens);
      tokens = larger;
    }
    tokens[count++] = token;
  };
  examples.forEach(({ question, answer }, i) => {
    begins[i] = count;
    for (const text of [question, answer]) {
      for (const { key } of split(text)) {
        const number = seen.get(key) ?? seen.size + 1;
        if (number > seen.size) seen.set(key, number);
        push(number);
      }
      push(0);
    }
  });
  begins[examples.length] = count;
  const words = [...seen.keys()].sort();
  const sorted = new Uint32Array(words.length + 1);
  words.forEach((word, i) => {
    sorted[seen.get(word) ?? 0] = i + 1;
  });
  const renumbered = tokens.slice(0, count);
  for (let place = 0; place < count; place++) renumbered[place] = sorted[renumbered[place]];
  return { tokens: renumbered, words, begins };
}

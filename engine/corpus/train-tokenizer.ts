// Trains a byte-level BPE vocabulary (Sennrich et al. 2016, arXiv 1508.07909) and writes it as a Hugging Face
// tokenizer.json. Used by: build-corpus. Knows no corpus: it is given counted words.
// Invariants: deterministic (most frequent pair first, ties to the lowest ids); any text round-trips, as all 256 bytes
// are in the vocabulary; ids 0..6 are the special tokens in the order below.
// Pair counts are kept incrementally: a merge touches only the words that hold the pair.

import { z } from 'zod';
import { byteCharacters, byteLevel, splitPattern, splitText } from './byte-level.ts';

export const specialTokens = [
  '<|pad|>',
  '<|bos|>',
  '<|eos|>',
  '<|user|>',
  '<|assistant|>',
  '<|system|>',
  '<|end|>',
] as const;
export type SpecialToken = (typeof specialTokens)[number];

/** A trained vocabulary: ids are special tokens, then the 256 bytes, then one token for each merge. */
export interface BpeVocabulary {
  /** token text in byte-level characters (special tokens as they are), index = id */
  readonly tokens: readonly string[];
  /** pairs of ids in order of priority; merge i makes id `specialTokens.length + 256 + i` */
  readonly merges: readonly (readonly [number, number])[];
}

/** Adds the pieces of a text to a word count. */
export function countWords(text: string, counts: Map<string, number>): void {
  for (const piece of splitText(text)) counts.set(piece, (counts.get(piece) ?? 0) + 1);
}

/**
 * Trains until the vocabulary has `vocabSize` entries, or no pair occurs twice.
 * @param counts pieces of splitText with how often each occurs
 */
export function trainBpe(counts: ReadonlyMap<string, number>, vocabSize: number): BpeVocabulary {
  const firstByteId = specialTokens.length;
  const tokens: string[] = [...specialTokens, ...byteCharacters];
  const idOfCharacter = new Map(byteCharacters.map((character, byte) => [character, firstByteId + byte]));

  const words: number[][] = [];
  const frequencies: number[] = [];
  for (const [piece, count] of counts) {
    words.push(Array.from(byteLevel(piece), (character) => idOfCharacter.get(character) ?? 0));
    frequencies.push(count);
  }

  const pairCounts = new Map<number, number>();
  const wordsOfPair = new Map<number, Set<number>>();
  const change = (left: number, right: number, by: number, word: number) => {
    const key = left * pairBase + right;
    pairCounts.set(key, (pairCounts.get(key) ?? 0) + by);
    if (by <= 0) return;
    const holders = wordsOfPair.get(key);
    if (holders === undefined) wordsOfPair.set(key, new Set([word]));
    else holders.add(word);
  };
  for (let w = 0; w < words.length; w++)
    for (let i = 0; i + 1 < words[w].length; i++) change(words[w][i], words[w][i + 1], frequencies[w], w);

  const queue = createPairQueue();
  for (const [key, count] of pairCounts) queue.push(key, count);

  const merges: (readonly [number, number])[] = [];
  while (tokens.length < vocabSize) {
    const best = queue.pop((key) => pairCounts.get(key) ?? 0);
    if (best === undefined || best.count < 2) break;
    const left = Math.floor(best.key / pairBase);
    const right = best.key % pairBase;
    const merged = tokens.length;
    tokens.push(tokens[left] + tokens[right]);
    merges.push([left, right]);

    const touched = new Set<number>();
    const touch = (a: number, b: number, by: number, word: number) => {
      change(a, b, by, word);
      touched.add(a * pairBase + b);
    };
    for (const w of wordsOfPair.get(best.key) ?? []) {
      const before = words[w];
      const after = applyMerge(before, left, right, merged);
      if (after.length === before.length) continue;
      for (let i = 0; i + 1 < before.length; i++) touch(before[i], before[i + 1], -frequencies[w], w);
      for (let i = 0; i + 1 < after.length; i++) touch(after[i], after[i + 1], frequencies[w], w);
      words[w] = after;
    }
    wordsOfPair.delete(best.key);
    pairCounts.delete(best.key);
    for (const key of touched) {
      const count = pairCounts.get(key) ?? 0;
      if (count > 0) queue.push(key, count);
      else pairCounts.delete(key);
    }
  }
  return { tokens, merges };
}

/** Replaces each (left, right) by merged, from left to right. */
export function applyMerge(ids: readonly number[], left: number, right: number, merged: number): number[] {
  const out: number[] = [];
  for (let i = 0; i < ids.length; i++)
    if (ids[i] === left && ids[i + 1] === right) {
      out.push(merged);
      i++;
    } else out.push(ids[i]);
  return out;
}

/** The vocabulary as the contents of tokenizer.json. */
export function toTokenizerJson(vocabulary: BpeVocabulary): Readonly<Record<string, unknown>> {
  const { tokens, merges } = vocabulary;
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: specialTokens.map((content, id) => ({
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: null,
    pre_tokenizer: {
      type: 'Sequence',
      pretokenizers: [
        { type: 'Split', pattern: { Regex: splitPattern }, behavior: 'Isolated', invert: false },
        { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false },
      ],
    },
    post_processor: null,
    decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges: merges.map(([left, right]) => `${tokens[left]} ${tokens[right]}`),
    },
  };
}

const tokenizerFileSchema = z.object({
  model: z.object({ vocab: z.record(z.number()), merges: z.array(z.string()) }),
});

/** The vocabulary of a file that {@link toTokenizerJson} wrote. */
export function readVocabulary(json: unknown): BpeVocabulary {
  const { vocab, merges } = tokenizerFileSchema.parse(json).model;
  const tokens = Object.keys(vocab).sort((a, b) => vocab[a] - vocab[b]);
  const idOf = (token: string): number => {
    const id = vocab[token];
    if (id === undefined) throw new Error(`a merge names ${token}, which is no token`);
    return id;
  };
  return {
    tokens,
    merges: merges.map((merge) => {
      const [left, right] = merge.split(' ');
      return [idOf(left), idOf(right)] as const;
    }),
  };
}

/** Two ids in one number; vocabularies stay far below this. */
const pairBase = 2 ** 20;

interface PairQueue {
  push(key: number, count: number): void;
  /** The pair with the highest current count; entries whose count has changed since they were pushed are skipped. */
  pop(currentCount: (key: number) => number): { readonly key: number; readonly count: number } | undefined;
}

/** A binary max-heap by (count, then lowest key). Stale entries stay inside until they surface. */
function createPairQueue(): PairQueue {
  const keys: number[] = [];
  const counts: number[] = [];
  const before = (a: number, b: number) =>
    counts[a] > counts[b] || (counts[a] === counts[b] && keys[a] < keys[b]);
  const swap = (a: number, b: number) => {
    [keys[a], keys[b]] = [keys[b], keys[a]];
    [counts[a], counts[b]] = [counts[b], counts[a]];
  };
  const removeTop = () => {
    const last = keys.length - 1;
    swap(0, last);
    keys.pop();
    counts.pop();
    let at = 0;
    while (true) {
      let first = at;
      for (const child of [2 * at + 1, 2 * at + 2]) if (child < last && before(child, first)) first = child;
      if (first === at) return;
      swap(at, first);
      at = first;
    }
  };
  return {
    push(key, count) {
      keys.push(key);
      counts.push(count);
      let at = keys.length - 1;
      while (at > 0) {
        const parent = (at - 1) >> 1;
        if (!before(at, parent)) break;
        swap(at, parent);
        at = parent;
      }
    },
    pop(currentCount) {
      while (keys.length > 0) {
        const top = { key: keys[0], count: counts[0] };
        removeTop();
        if (currentCount(top.key) === top.count) return top;
      }
      return undefined;
    },
  };
}

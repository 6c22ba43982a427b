// Examples of one update -> batches of few fixed shapes. Used by lora-sft.ts. Rows are padded on the right to a
// length bucket; a bucket is cut into batches of 64, 32, 16, 8 or 4 rows, so a handful of graphs serve all and
// little is computed for nothing.
// Invariant: over one update the weights of all answer tokens are equal and sum to 1.

import { seededRandom, shuffledIndices } from './training-random.ts';
import type { TokenBatch } from './training-session.ts';

/** One tokenised example; the loss counts ids[answerStart ..]. */
export interface SftExample {
  readonly id: string;
  readonly ids: readonly number[];
  /** At least 1. */
  readonly answerStart: number;
}

export interface SftBatch extends TokenBatch {
  readonly rows: number;
  readonly seq: number;
}

/** Tokens of one run of the graph: large enough for fast products, small enough for memory. */
const tokensPerRun = 2048;
const shortestRow = 16;
const fewestRows = 4;

/** Order of examples in an epoch: indices, the same for the same seed. */
export function epochOrder(count: number, seed: number, epoch: number): Uint32Array {
  return shuffledIndices(count, seededRandom(seed, 4, epoch));
}

/** Number of tokens that are predicted: the last id has no successor in the row, the first no predecessor. */
export function answerTokens(example: SftExample): number {
  return example.ids.length - example.answerStart;
}

/** Batches of one update, shortest rows first. */
export function sftBatches(examples: readonly SftExample[]): readonly SftBatch[] {
  const total = examples.reduce((sum, example) => sum + answerTokens(example), 0);
  const buckets = new Map<number, SftExample[]>();
  for (const example of examples) {
    const seq = bucketOf(example.ids.length - 1);
    const bucket = buckets.get(seq);
    if (bucket) bucket.push(example);
    else buckets.set(seq, [example]);
  }
  return [...buckets]
    .sort(([a], [b]) => a - b)
    .flatMap(([seq, members]) => {
      const batches: SftBatch[] = [];
      for (let from = 0; from < members.length; ) {
        const rows = rowsFor(members.length - from, seq);
        batches.push(fillBatch(members.slice(from, from + rows), rows, seq, 1 / total));
        from += rows;
      }
      return batches;
    });
}

function fillBatch(members: readonly SftExample[], rows: number, seq: number, weight: number): SftBatch {
  const ids = new BigInt64Array(rows * seq);
  const labels = new BigInt64Array(rows * seq);
  const weights = new Float32Array(rows * seq);
  members.forEach((example, row) => {
    for (let i = 0; i + 1 < example.ids.length; i++) {
      ids[row * seq + i] = BigInt(example.ids[i]);
      labels[row * seq + i] = BigInt(example.ids[i + 1]);
      if (i + 1 >= example.answerStart) weights[row * seq + i] = weight;
    }
  });
  return { ids, labels, weights, rows, seq };
}

/** The largest power of two that is filled, but at least 4 where memory allows so many. */
function rowsFor(members: number, seq: number): number {
  const most = 2 ** Math.floor(Math.log2(Math.max(1, tokensPerRun / seq)));
  return Math.min(most, Math.max(fewestRows, 2 ** Math.floor(Math.log2(members))));
}

/** 16, 24, 32, 48, 64, 96, 128, 192, ...: at most a third of a row is padding. */
function bucketOf(length: number): number {
  let size = shortestRow;
  while (size < length) {
    const between = (size * 3) / 2;
    if (length <= between) return between;
    size *= 2;
  }
  return size;
}

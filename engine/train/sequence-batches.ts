// Token sequences -> batches of few fixed shapes, and the way back: which sequence a token's log-probability belongs
// to. Used by the training methods, which choose a weight for each sequence. Rows are padded on the right to a length
// bucket; a bucket is cut into batches of 64, 32, 16, 8 or 4 rows, so a handful of graphs serve all.
// Invariant: the same sequences in the same order give the same batches.
import type { SftExample } from './sft-batches.ts';
import type { TokenBatch } from './training-session.ts';

/** One sequence inside a batch. */
interface PlacedSequence {
  /** Its number in the list that was placed. */
  readonly index: number;
  /** [batch, seq], flat: where its first answer token is predicted. */
  readonly start: number;
  /** Answer tokens. */
  readonly count: number;
}

export interface SequenceBatch {
  readonly rows: number;
  readonly seq: number;
  readonly ids: BigInt64Array;
  readonly labels: BigInt64Array;
  readonly members: readonly PlacedSequence[];
}

/** Tokens of one run of the graph: large enough for fast products, small enough for memory. */
export const tokensPerRun = 2048;
const shortestRow = 16;
const fewestRows = 4;

/** Number of tokens that are predicted: the last id has no successor in the row, the first no predecessor. */
export function answerLength(sequence: SftExample): number {
  return sequence.ids.length - sequence.answerStart;
}

/** Batches of all sequences, shortest rows first. */
export function sequenceBatches(sequences: readonly SftExample[]): readonly SequenceBatch[] {
  const buckets = new Map<number, number[]>();
  sequences.forEach((sequence, index) => {
    const seq = rowLength(sequence.ids.length - 1);
    const bucket = buckets.get(seq);
    if (bucket) bucket.push(index);
    else buckets.set(seq, [index]);
  });
  return [...buckets]
    .sort(([a], [b]) => a - b)
    .flatMap(([seq, members]) => {
      const batches: SequenceBatch[] = [];
      for (let from = 0; from < members.length; ) {
        const rows = rowsFor(members.length - from, seq);
        batches.push(place(sequences, members.slice(from, from + rows), rows, seq));
        from += rows;
      }
      return batches;
    });
}

/** The batch with one loss weight for each token of a sequence's answer. */
export function weightedBatch(batch: SequenceBatch, weightOf: (index: number) => number): TokenBatch {
  const weights = new Float32Array(batch.rows * batch.seq);
  for (const { index, start, count } of batch.members) weights.fill(weightOf(index), start, start + count);
  return { ids: batch.ids, labels: batch.labels, weights };
}

/** Writes log p(answer) of each of the batch's sequences, the sum over its answer tokens, to `into[index]`. */
export function collectLogps(batch: SequenceBatch, nll: Float32Array, into: Float64Array): void {
  for (const { index, start, count } of batch.members) {
    let sum = 0;
    for (let i = start; i < start + count; i++) sum -= nll[i];
    into[index] = sum;
  }
}

/** The shape of the largest run that sequences of at most `maxTokens` can need. */
export function largestRun(maxTokens: number): { readonly rows: number; readonly seq: number } {
  const seq = rowLength(Math.max(1, maxTokens - 1));
  return { rows: rowsFor(tokensPerRun, seq), seq };
}

function place(
  sequences: readonly SftExample[],
  indices: readonly number[],
  rows: number,
  seq: number,
): SequenceBatch {
  const ids = new BigInt64Array(rows * seq);
  const labels = new BigInt64Array(rows * seq);
  const members = indices.map((index, row): PlacedSequence => {
    const { ids: tokens, answerStart } = sequences[index];
    for (let i = 0; i + 1 < tokens.length; i++) {
      ids[row * seq + i] = BigInt(tokens[i]);
      labels[row * seq + i] = BigInt(tokens[i + 1]);
    }
    return { index, start: row * seq + answerStart - 1, count: tokens.length - answerStart };
  });
  return { rows, seq, ids, labels, members };
}

/** The largest power of two that is filled, but at least 4 where memory allows so many. */
function rowsFor(members: number, seq: number): number {
  const most = 2 ** Math.floor(Math.log2(Math.max(1, tokensPerRun / seq)));
  return Math.min(most, Math.max(fewestRows, 2 ** Math.floor(Math.log2(members))));
}

/** 16, 24, 32, 48, 64, 96, 128, 192, ...: at most a third of a row is padding. */
function rowLength(length: number): number {
  let size = shortestRow;
  while (size < length) {
    const between = (size * 3) / 2;
    if (length <= between) return between;
    size *= 2;
  }
  return size;
}

// Pre-training data: a file of token ids cut into windows, in an order that follows from seed and step alone,
// so a resumed run needs no stored position. Used by pretrain.ts. Documents lie one after another, separated by
// the end-of-sequence token; a window may begin inside a document.
import { readFileSync } from 'node:fs';
import { seededRandom, shuffledIndices } from './training-random.ts';
import type { TokenBatch } from './training-session.ts';

interface WindowShape {
  readonly batch: number;
  readonly seq: number;
}

/** Ids of a file of little-endian 16-bit numbers. */
export function readTokenFile(path: string): Uint16Array {
  const bytes = readFileSync(path);
  return new Uint16Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
}

/**
 * Batch number `index` of an endless walk over the tokens. Every epoch sees each window once, in a fresh order
 * and with a fresh offset of the cuts.
 *
 * @param perStep batches that one update accumulates: weights are 1 / (tokens of the update), so that the losses
 *   of these batches add up to the mean loss.
 */
export function createWindowReader(
  tokens: Uint16Array,
  { batch, seq }: WindowShape,
  seed: number,
  perStep: number,
): (index: number) => TokenBatch {
  const perEpoch = Math.floor((tokens.length - 1) / seq) - 1; // one less: room for the offset
  if (perEpoch < 1) throw new Error(`${tokens.length} tokens are too few for one window of ${seq}`);
  let current: { epoch: number; order: Uint32Array; offset: number } = {
    epoch: -1,
    order: new Uint32Array(),
    offset: 0,
  };
  const startOf = (row: number): number => {
    const epoch = Math.floor(row / perEpoch);
    if (epoch !== current.epoch) {
      const random = seededRandom(seed, 3, epoch);
      current = { epoch, offset: Math.floor(random() * seq), order: shuffledIndices(perEpoch, random) };
    }
    return current.offset + current.order[row % perEpoch] * seq;
  };
  const weight = 1 / (batch * seq * perStep);
  return (index) =>
    windowBatch(
      tokens,
      Array.from({ length: batch }, (_, row) => startOf(index * batch + row)),
      seq,
      weight,
    );
}

/** Evenly spread windows, for validation; weights as in {@link createWindowReader} over all batches. */
export function evenWindows(
  tokens: Uint16Array,
  { batch, seq }: WindowShape,
  batches: number,
): readonly TokenBatch[] {
  const rows = batch * batches;
  const last = tokens.length - 1 - seq;
  if (last < 0) throw new Error(`${tokens.length} tokens are too few for one window of ${seq}`);
  return Array.from({ length: batches }, (_, index) => {
    const starts = Array.from({ length: batch }, (_, row) =>
      Math.floor((last * (index * batch + row)) / Math.max(1, rows - 1)),
    );
    return windowBatch(tokens, starts, seq, 1 / (rows * seq));
  });
}

function windowBatch(
  tokens: Uint16Array,
  starts: readonly number[],
  seq: number,
  weight: number,
): TokenBatch {
  const size = starts.length * seq;
  const ids = new BigInt64Array(size);
  const labels = new BigInt64Array(size);
  starts.forEach((start, row) => {
    for (let i = 0; i < seq; i++) {
      ids[row * seq + i] = BigInt(tokens[start + i]);
      labels[row * seq + i] = BigInt(tokens[start + i + 1]);
    }
  });
  return { ids, labels, weights: new Float32Array(size).fill(weight) };
}

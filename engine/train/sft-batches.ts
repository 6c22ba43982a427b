// One tokenised example, and the order in which a run sees its examples. Used by data readers, batches and the loop. It
// knows no batch: packed-batches.ts and row-batches.ts make those.
import { seededRandom, shuffledIndices } from './training-random.ts';

/** One tokenised example; the loss counts ids[answerStart ..]. */
export interface SftExample {
  readonly id: string;
  readonly ids: readonly number[];
  /** At least 1. */
  readonly answerStart: number;
}

/** Order of examples in an epoch: indices, the same for the same seed. */
export function epochOrder(count: number, seed: number, epoch: number): Uint32Array {
  return shuffledIndices(count, seededRandom(seed, 4, epoch));
}

// Inner products of rows as if every row had length 1. Used by the store builder and the comparison of methods: what the
// model learned well has a small gradient and what it never saw a large one (medians 1.1 and 11.6 measured), so without it
// the loud would drown the learned, and a contribution could gain by making its gradient large.
import type { GramMatrix } from './dual-fisher.ts';

export interface UnitGram {
  /** Cosines. */
  readonly gram: GramMatrix;
  /** 1 / length of each row, [rows]; 0 for a row of zeros, which scores 0 with everything. */
  readonly inverseLength: Float64Array;
}

export function unitGram({ trained, decoys, values }: GramMatrix): UnitGram {
  const size = trained + decoys;
  const inverseLength = Float64Array.from({ length: size }, (_, i) => inverseRoot(values[i * size + i]));
  const unit = values.map(
    (value, at) => value * inverseLength[Math.floor(at / size)] * inverseLength[at % size],
  );
  return { gram: { trained, decoys, values: unit }, inverseLength };
}

/** 1/sqrt(value), and 0 for nothing. */
export function inverseRoot(value: number): number {
  return value > 0 ? 1 / Math.sqrt(value) : 0;
}

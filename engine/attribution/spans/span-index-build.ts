// Builds the span index of a version's examples in a folder. Used by the span builder's child process and by benches.
// It knows texts and opaque ids. Linear in the words (suffix-array.ts).
import type { BuildSpanIndexJob } from '../../engine.ts';
import { buildSpanArrays } from './span-index.ts';
import { writeSpanIndex } from './span-index-file.ts';

export interface BuiltSpanIndex {
  /** Same examples in the same order, same hash. */
  readonly indexHash: string;
  /** Words and marks of all texts, and an end for each. */
  readonly tokens: number;
}

/** @throws EngineError `span_index_unwritable` */
export function buildSpanIndex({ indexDir, examples }: BuildSpanIndexJob): BuiltSpanIndex {
  const arrays = buildSpanArrays(examples);
  return { indexHash: writeSpanIndex(indexDir, arrays), tokens: arrays.tokens.length };
}

// The rows that a version was trained on, and what each weighs once some examples are gone: of copies one is trained as long
// as one is left, and wordings of a fact share the weight of one among those that are left (training-examples.ts). Used by
// the audit. Read from the data file that training leaves beside its adapter; of a version that learned from feedback last,
// whose answers were learned in another folder, they follow from the rule anew. Without a file, as of shipped adapters that
// are older than the rule, each example is a row of weight 1.
// Invariant: with all examples kept, every row weighs what it weighed in the version's own training.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Example } from '../../engine.ts';
import { clusterDuplicates } from '../duplicate-clusters.ts';
import { trainingExamples } from '../training-examples.ts';

export interface TrainedRows {
  /** In the order of training, with their own weights. */
  readonly rows: readonly Example[];
  /** [rows] times a row's own weight, without the examples at these places. */
  readonly weightsWithout: (leftOut: readonly number[]) => Float64Array;
}

/**
 * @param examples of the version, in order of acceptance; a row of none of them (taken back since) always stays
 * @param method of the version's last training
 */
export function trainedRows(
  adapterDir: string,
  examples: readonly Example[],
  method: string = 'sft',
): TrainedRows {
  const known = new Set(examples.map(({ id }) => id));
  const written =
    method === 'sft' ? writtenRows(join(adapterDir, 'examples.jsonl')) : trainingExamples(examples);
  const isOurs = written.some(({ id }) => known.has(id));
  const rows = isOurs ? written : examples;
  const { members } = isOurs ? clusterDuplicates(examples) : { members: new Map<string, { of: string }>() };
  const place = new Map(rows.map(({ id }, at) => [id, at]));
  return {
    rows,
    weightsWithout: (leftOut) => {
      const gone = new Set(leftOut);
      const kept = examples.filter((_, at) => !gone.has(at));
      const weights = Float64Array.from(rows, ({ id }) => Number(!known.has(id)));
      for (const { id, weight = 1 } of isOurs ? trainingExamples(kept) : kept) {
        const at = place.get(id) ?? place.get(members.get(id)?.of ?? id); // a copy in the place of its first
        if (at !== undefined)
          weights[at] = Math.max(weights[at], isOurs ? weight / (rows[at].weight ?? 1) : 1);
      }
      return weights;
    },
  };
}

function writtenRows(path: string): readonly Example[] {
  if (!existsSync(path)) return [];
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Example);
}

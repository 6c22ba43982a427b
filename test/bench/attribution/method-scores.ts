// Every method's scores of the subject's queries over all its statements, on the same texts: the one that pays, the same
// over several adapters of halves of the data, and the baselines. Used by the measures of the attribution bench. It judges
// nothing. Invariant: a row has a score for each statement, in the order in which they were given.
import { join } from 'node:path';
import { createAttributor } from '../../../engine/attribution/attribute.ts';
import type { ScoreTable } from '../../../engine/attribution/audit/audit-figures.ts';
import { versionScores } from '../../../engine/attribution/audit/version-scores.ts';
import { buildGradientStore } from '../../../engine/attribution/build-store.ts';
import { compareMethods } from '../../../engine/attribution/compare-methods.ts';
import type { AdapterRef } from '../../../engine/engine.ts';
import type { Subject } from './leave-out-subject.ts';

export interface MethodScores {
  readonly id: string;
  /** In words, for tables and plots. */
  readonly name: string;
  readonly scores: ScoreTable;
  /** As paid, and for finding all sources; left out = the scores. */
  readonly shares?: ScoreTable;
  readonly named?: ScoreTable;
  /** The first so many halves were used by the method itself: they are no test of it. */
  readonly halvesUsed?: number;
}

/** What stands beside ours in every table. */
export const baselines: readonly Pick<MethodScores, 'id' | 'name'>[] = [
  { id: 'fisher-end', name: 'exact Fisher at the end alone' },
  { id: 'dot', name: 'gradient product' },
  { id: 'cosine', name: 'gradient cosine' },
  { id: 'tracin-cp', name: 'TracIn' },
  { id: 'less', name: 'LESS' },
  { id: 'datainf', name: 'DataInf' },
  { id: 'tf-idf', name: 'TF-IDF' },
  { id: 'random', name: 'random' },
];

const storeBytesMax = 2 ** 31;

/** The method that pays first, its ensemble second. @param folder for the stores of the ensemble */
export async function scoreMethods(
  subject: Subject,
  folder: string,
  say: (line: string) => void,
): Promise<readonly MethodScores[]> {
  const { facts, adapter, storeDir } = subject;
  const paid = await paidScores(subject, adapter, storeDir);
  say('  scored by the method that pays');
  const members: ScoreTable[] = [paid.scores];
  for (const half of subject.halfAdapters) {
    const store = join(folder, half.id);
    // The decoys set a floor, which an ensemble's scores do not need.
    await buildGradientStore({
      modelDir: subject.modelDir,
      adapter: half,
      storeDir: store,
      examples: facts.statements,
      decoys: [],
    });
    members.push((await paidScores(subject, half, store)).scores);
  }
  const size = subject.halfAdapters.length;
  if (size > 0) say(`  scored by ${size} adapters of halves`);
  const { modelDir } = subject;
  const others = await compareMethods({
    modelDir,
    adapter,
    examples: facts.statements,
    queries: facts.queries,
  });
  say(`  scored by ${others.length} other methods`);
  return [
    {
      id: paid.methodId,
      name: 'ours, as it pays',
      scores: paid.scores,
      shares: paid.shares,
      named: paid.named,
    },
    ...(size === 0
      ? []
      : [
          {
            ...{ id: `ensemble-${size}`, name: `ours, with ${size} subset adapters`, halvesUsed: size },
            scores: meanOf(members),
          },
        ]),
    ...others,
  ];
}

/** Mean over the tables, place by place. */
function meanOf(tables: readonly ScoreTable[]): ScoreTable {
  return tables[0].map((row, query) =>
    Float64Array.from(
      row,
      (_, at) => tables.reduce((sum, table) => sum + table[query][at], 0) / tables.length,
    ),
  );
}

async function paidScores({ facts, modelDir }: Subject, adapter: AdapterRef, storeDir: string) {
  const attributor = createAttributor({ modelDir, threads: 1, storeBytesMax });
  try {
    const { statements: examples, queries } = facts;
    return await versionScores(attributor, { adapter, storeDir, examples, queries });
  } finally {
    await attributor.release();
  }
}

// Every method's scores of the subject's queries over all its statements, on the same texts: the one that pays, the same
// over several adapters of halves of the data, and the baselines. Used by the measures of the attribution bench. It judges
// nothing. Invariant: a row has a score for each statement, in the order in which they were given.
import { join } from 'node:path';
import { createAttributor } from '../../../engine/attribution/attribute.ts';
import type { ScoreTable } from '../../../engine/attribution/audit/audit-figures.ts';
import { versionScores } from '../../../engine/attribution/audit/version-scores.ts';
import { buildStoreInChild } from '../../../engine/attribution/build-store-process.ts';
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

// What became of the ensemble on seed 1, 10 adapters, LDS on 24 other halves of the statements and on 24 halves of the
// contributors (intervals about ± 0.05, but all on the same retrainings; the method that pays alone: 0.634, 0.610):
//   members as the store that pays: strength 0.5, damping 0.2             0.679  0.694
//   ... each wording with its own row's score, not its cluster's          0.705  0.714
//   ... and strength 0.75                                                 0.711  0.724
//   ... and damping 0.5                                                   0.714  0.730  <- taken
//   ... and states of the retrainings (2.5 times as many gradients)       0.718  0.731
//   ... and the losses under the 10 halves, by Bayes' rule (nine priors)  0.711 to 0.715  0.726 to 0.733
//   ... the paying model a half of all, in place of an 11th               0.708  0.712
//   ... each answer's scores of unit length before the mean               0.713  0.726
//   ... members that did not see a statement half, or twice, as heavy     0.711, 0.713  0.727, 0.728
//   ... 5 members                                                         0.710  0.723
// That copies share one row is a rule of who is paid, and what is left out of a retraining is a wording: it goes alone.
const memberSettings = { strength: 0.75, damping: 0.5 };
/** An ensemble's scores need no floor, but of fewer decoys a store draws a hundred of its own. */
const decoysLeast = 10;

/** The method that pays first, its ensemble second. @param folder for the stores of the ensemble */
export async function scoreMethods(
  subject: Subject,
  folder: string,
  say: (line: string) => void,
): Promise<readonly MethodScores[]> {
  const { facts, modelDir, adapter, storeDir, halfAdapters } = subject;
  const stores = buildMembers(subject, folder);
  stores.catch(() => undefined); // awaited below; a failure is heard of there
  const paid = await paidScores(subject, adapter, storeDir);
  say('  scored by the method that pays');
  const others = await compareMethods({
    modelDir,
    adapter,
    examples: facts.statements,
    queries: facts.queries,
  });
  say(`  scored by ${others.length} other methods`);
  const members: ScoreTable[] = [paid.scores];
  for (const [at, store] of (await stores).entries())
    members.push((await paidScores(subject, halfAdapters[at], store)).scores);
  const size = halfAdapters.length;
  if (size > 0) say(`  scored by ${size} adapters of halves`);
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

/** A store of each half's adapter, in their order: built in children, one beside what goes on here. */
async function buildMembers(
  { modelDir, facts, halfAdapters }: Subject,
  folder: string,
): Promise<readonly string[]> {
  const stores: string[] = [];
  for (const half of halfAdapters) {
    const storeDir = join(folder, half.id);
    const decoys = facts.decoys.slice(0, decoysLeast);
    const member = { adapter: half, storeDir, examples: facts.statements, decoys };
    await buildStoreInChild({ ...member, modelDir, apart: true, settings: memberSettings });
    stores.push(storeDir);
  }
  return stores;
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

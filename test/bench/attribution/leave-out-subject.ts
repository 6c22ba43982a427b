// What attribution is measured on: a model that learned planted facts by the product's own trainer, its gradient store, and
// the truth: what retraining without parts of the data did to every answer. Used by the attribution bench and its short
// form among the tests. It compares nothing. Everything follows from the seed.
// The recipe is a smooth one (few epochs, large batches, the default Adam epsilon 1e-5): the same facts in 20 epochs are
// known by heart (0.01 nats), where gradients say little. Choices were made on seed 1; figures are told of other seeds: other
// facts, other first weights, another order.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { leaveOutInChildren } from '../../../engine/attribution/audit/leave-out-process.ts';
import type { LeaveOutJob, LeaveOutRun } from '../../../engine/attribution/audit/leave-out-runs.ts';
import {
  randomSubsets,
  type Subset,
  withoutEachGroup,
} from '../../../engine/attribution/audit/leave-out-subsets.ts';
import { buildGradientStore } from '../../../engine/attribution/build-store.ts';
import type { AdapterRef } from '../../../engine/engine.ts';
import { trainRun } from '../../../engine/train/train-run.ts';
import { runSchema } from '../../../engine/train/train-run-config.ts';
import { type PlantedFacts, plantedFacts } from './planted-facts.ts';

/** Four updates an epoch, 32 in all, whatever the size. */
export function subjectRecipe(statements: number) {
  return { epochs: 8, batch: Math.ceil(statements / 4), stepsMin: 1 } as const;
}

const root = join(import.meta.dirname, '../../..');

export interface SubjectSize {
  readonly facts: Omit<Parameters<typeof plantedFacts>[0], 'seed'>;
  /** Retrainings on random halves of the statements, on random halves of the contributors, on 95 % of the statements. */
  readonly halves: number;
  readonly contributorHalves: number;
  readonly drops: number;
  /** Contributors left out alone, at most. */
  readonly alone: number;
  /** Of the first halves' adapters, kept for the ensemble; those halves are no test of it. */
  readonly adapters: number;
  /** Retrainings side by side. */
  readonly children: number;
}

export const wholeSize: SubjectSize = {
  ...{ facts: {}, halves: 50, contributorHalves: 40, drops: 16, alone: 28, adapters: 10, children: 2 },
};
export const smallSize: SubjectSize = {
  facts: { contributors: 10, perContributor: 6, facts: 30, queries: 15, decoys: 40 },
  ...{ halves: 10, contributorHalves: 6, drops: 6, alone: 6, adapters: 3, children: 2 },
};

export interface Subject {
  readonly facts: PlantedFacts;
  readonly modelDir: string;
  /** Of facts, subsets, first weights and the order of data. */
  readonly seed: number;
  readonly adapter: AdapterRef;
  readonly storeDir: string;
  readonly truth: {
    readonly full: LeaveOutRun;
    readonly halves: readonly LeaveOutRun[];
    readonly contributorHalves: readonly LeaveOutRun[];
    readonly drops: readonly LeaveOutRun[];
    readonly alone: readonly LeaveOutRun[];
  };
  /** Trained on the first halves, in their order. */
  readonly halfAdapters: readonly AdapterRef[];
  readonly seconds: { readonly training: number; readonly retraining: number };
}

/** @param folder for everything that is written; what retraining left there is used again */
export async function makeSubject(
  folder: string,
  seed: number,
  size: SubjectSize,
  say: (line: string) => void,
): Promise<Subject> {
  const modelDir = join(root, 'engine/base');
  const facts = plantedFacts({ ...size.facts, seed });
  const examples = facts.statements.map(({ id, question, answer }) => ({ id, question, answer }));
  const groups = facts.statements.map(({ contributor }) => contributor);

  const started = performance.now();
  const adapter = { id: `planted-${seed}`, dir: join(folder, 'adapter') };
  const data = join(folder, 'statements.jsonl');
  mkdirSync(folder, { recursive: true });
  writeFileSync(data, examples.map((example) => `${JSON.stringify(example)}\n`).join(''));
  const recipe = { ...subjectRecipe(examples.length), seed };
  const run = { base: modelDir, data, out: adapter.dir, recipe: { ...recipe, checkpoints: 4 } };
  await trainRun(runSchema('sft').parse(run), () => undefined);
  const storeDir = join(folder, 'store');
  const trained = performance.now();
  await buildGradientStore({ modelDir, adapter, storeDir, examples, decoys: facts.decoys });

  const count = examples.length;
  const full: Subset = { id: 'full', leftOut: [] };
  const parts = {
    halves: randomSubsets(count, { name: 'half', count: size.halves, seed, kept: 0.5 }),
    contributorHalves: randomSubsets(count, {
      ...{ name: 'contributors', count: size.contributorHalves, seed: seed + 100, kept: 0.5, groups },
    }),
    drops: randomSubsets(count, { name: 'drop5', count: size.drops, seed: seed + 200, kept: 0.95 }),
    alone: withoutEachGroup(groups)
      .slice(0, size.alone)
      .map(({ id, leftOut }) => ({ id, leftOut })),
  };
  const kept = parts.halves.slice(0, size.adapters).map(({ id }) => id);
  const job: LeaveOutJob = {
    ...{ modelDir, examples, recipe, seed },
    queries: facts.queries.map(({ question, answer }) => ({ question, answer })),
    subsets: [full, ...parts.halves, ...parts.contributorHalves, ...parts.drops, ...parts.alone],
    file: join(folder, 'runs.jsonl'),
    keep: { dir: join(folder, 'half-adapters'), ids: kept },
  };
  const before = performance.now();
  const runs = await leaveOutInChildren(job, size.children, (done, total) => {
    if (done % 10 === 0 || done === total) say(`  ${done} of ${total} retrainings`);
  });
  const byId = new Map(runs.map((each) => [each.id, each]));
  const of = (subsets: readonly Subset[]): readonly LeaveOutRun[] =>
    subsets.map(({ id }) => {
      const found = byId.get(id);
      if (found === undefined) throw new Error(`bug: no retraining of ${id}`);
      return found;
    });
  return {
    ...{ facts, modelDir, seed, adapter, storeDir },
    truth: {
      full: of([full])[0],
      halves: of(parts.halves),
      contributorHalves: of(parts.contributorHalves),
      drops: of(parts.drops),
      alone: of(parts.alone),
    },
    halfAdapters: kept.map((id) => ({ id, dir: join(folder, 'half-adapters', id) })),
    seconds: { training: (trained - started) / 1000, retraining: (performance.now() - before) / 1000 },
  };
}

// How often the rules for duplicates err, both ways: two facts joined (somebody goes unpaid), a copy not seen (it divides a
// share with the original). On the demo datanets with their real adapters, all pairs; and on altered copies and look-alikes.
// Listed by the attribution bench. What gaps cost is in gaming-measures.ts.
import { join } from 'node:path';
import { buildGradientStore } from '../../../engine/attribution/build-store.ts';
import { factWords } from '../../../engine/attribution/fact-words.ts';
import { openGradientStore } from '../../../engine/attribution/gradient-store.ts';
import { factRelation } from '../../../engine/attribution/same-fact.ts';
import type { Example } from '../../../engine/engine.ts';
import type { FigureKind } from '../bench-figure.ts';
import type { AttributionMeasure } from './attribution-bench-context.ts';
import { craftedPairs, type LabelledDatanet, labelledDatanet } from './duplicate-pairs.ts';

const kinds = {
  joined: {
    name: 'clusters-false-merge',
    measure: 'contributions of the demo datanets joined with one that states another fact',
    unit: '%',
    goal: { atMost: 0.1 },
  },
  split: {
    name: 'clusters-false-split',
    measure: 'later statements of the same fact in other words that were not joined',
    unit: '%',
  },
  lookAlike: {
    name: 'clusters-look-alikes',
    measure: 'crafted look-alikes that state another fact and were joined',
    unit: '%',
    goal: { atMost: 1 },
  },
  altered: {
    name: 'clusters-altered-copies',
    measure: 'copies with a letter, a mark, a kind word or their question altered, not seen by words alone',
    unit: '%',
  },
} as const satisfies Record<string, FigureKind>;

const demoDir = new URL('../../../marketplace/demo/', import.meta.url).pathname;
const modelDir = new URL('../../../engine/base', import.meta.url).pathname;

export const clusterMeasure: AttributionMeasure = {
  figures: Object.values(kinds),
  run: async ({ quick, folder, say }) => {
    const slugs = quick ? ['help-desk'] : ['pocket-atlas', 'help-desk', 'saltmarsh-bay'];
    const errors = { joined: 0, split: 0, contributions: 0, repeats: 0 };
    const parts = new Map<string, { wrong: number; pairs: number; same: boolean }>();
    for (const slug of slugs) {
      const datanet = labelledDatanet(slug);
      const found = await clusterErrors(slug, datanet, join(folder, `clusters-${slug}`));
      say(`  ${slug}: ${found.joined} joined wrongly, ${found.split} of ${found.repeats} repeats not seen`);
      for (const key of ['joined', 'split', 'contributions', 'repeats'] as const) errors[key] += found[key];
      for (const { kind, same, first, later } of craftedPairs(datanet)) {
        const part = parts.get(kind) ?? { wrong: 0, pairs: 0, same };
        const seen = factRelation(factWords(first), factWords(later)) === 'same';
        parts.set(kind, { same, pairs: part.pairs + 1, wrong: part.wrong + Number(seen !== same) });
      }
    }
    const rate = (same: boolean) => {
      const those = [...parts].filter(([, part]) => part.same === same);
      const sum = (key: 'wrong' | 'pairs'): number => those.reduce((total, [, part]) => total + part[key], 0);
      const details = Object.fromEntries(
        those.map(([kind, part]) => [kind, (100 * part.wrong) / part.pairs]),
      );
      return { value: (100 * sum('wrong')) / sum('pairs'), details };
    };
    return {
      [kinds.joined.name]: { value: (100 * errors.joined) / errors.contributions, details: { ...errors } },
      [kinds.split.name]: { value: (100 * errors.split) / errors.repeats },
      [kinds.lookAlike.name]: rate(false),
      [kinds.altered.name]: rate(true),
    };
  },
};

/** Clusters as the store builder makes them, gradients included: those of its first point, so others are left out. */
async function clusterErrors(slug: string, { examples, factOf }: LabelledDatanet, storeDir: string) {
  const adapter = { id: slug, dir: join(demoDir, `${slug}-adapter`) };
  const decoys: readonly Example[] = [];
  await buildGradientStore({ modelDir, adapter, storeDir, examples, decoys, settings: { pathWeight: 0 } });
  const { copies } = openGradientStore(storeDir).meta;
  const seen = new Set(copies.map(({ id }) => id));
  const stated = new Set<string | undefined>();
  const repeats = examples.filter(({ id }) => stated.has(factOf.get(id)) || !stated.add(factOf.get(id)));
  return {
    joined: copies.filter(({ id, of }) => factOf.get(id) !== factOf.get(of)).length,
    split: repeats.filter(({ id }) => !seen.has(id)).length,
    contributions: examples.length,
    repeats: repeats.length,
  };
}

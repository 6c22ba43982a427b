// What copies, junk and crafted contributions earn, beside what honest ones in their place earn: each attack is trained
// anew and pays by the product's rules. Listed by the attribution bench. "Apart" is the same attack without the rules for
// duplicates: every copy trained in full and with a row of its own.
import type { FigureKind } from '../bench-figure.ts';
import {
  askedJunk,
  exactCopies,
  lures,
  offTopicJunk,
  onTopicJunk,
  rewordings,
  targetsOf,
} from './attacks.ts';
import type { AttributionBench, AttributionMeasure } from './attribution-bench-context.ts';
import { reportSeed } from './attribution-bench-context.ts';
import { earnedBy, type Facts, type Payouts, someFacts } from './gaming-world.ts';
import { createWorlds } from './gaming-worlds.ts';

const gains = {
  exact: {
    name: 'gain-exact',
    measure: 'what 10 exact copies earn, of what one earns',
    unit: '×',
    goal: { atMost: 1.05 },
  },
  reworded: {
    name: 'gain-reworded',
    measure: 'what 2, 5 or 10 wordings of one fact earn, of what one earns (mean of 4 worlds)',
    unit: '×',
    goal: { atMost: 1.1 },
  },
  rewordedApart: { name: 'gain-reworded-apart', measure: '… 10 wordings, without the rules', unit: '×' },
} as const satisfies Record<string, FigureKind>;

const junk = {
  onTopic: {
    name: 'junk-on-topic',
    measure:
      'part of what is paid that goes to as much junk as there is data: wrong answers to other questions',
    unit: '%',
    goal: { atMost: 0.5 },
  },
  asked: {
    name: 'junk-asked',
    measure: '… wrong answers to the very questions that are asked',
    unit: '%',
    goal: { atMost: 0.5 },
  },
  offTopic: { name: 'junk-off-topic', measure: '… nonsense', unit: '%', goal: { atMost: 0.5 } },
} as const satisfies Record<string, FigureKind>;

const crafted = {
  name: 'crafted',
  measure:
    'what crafted contributions earn, over what honest ones earn in their place (the best of four lures)',
  unit: '%',
  goal: { atMost: 20 },
} as const satisfies FigureKind;

/**
 * Of first weights and order, for what wordings earn. Without any attack what ten contributions earn differs between two
 * seeds by 0.6 to 2.1 (nine of ten groups), so one world over another says nothing of a tenth.
 */
const gainSeeds = [reportSeed, reportSeed + 2];

const [factCount, quickFactCount] = [24, 12];
/** Facts before these served to choose the rules. */
const skipped = 100;

interface World {
  readonly facts: Facts;
  readonly payouts: (added: readonly Example[], options?: WorldOptions) => Promise<Payouts>;
  /** Of the honest datanet, with the rules for duplicates and without; of the first seed where none is given. */
  readonly honest: (joined: boolean, seed?: number) => Promise<Payouts>;
}

interface WorldOptions {
  readonly joined?: boolean;
  readonly seed?: number;
  /** Honest contributions that are written otherwise. */
  readonly replaced?: ReadonlyMap<string, Example>;
}

type Example = Facts['examples'][number];

/** Two at a time: a world is trained by one thread. */
const worlds = createWorlds(2);
const known = new WeakMap<AttributionBench, World>();

/** The measures of one run share the honest worlds. */
function worldOf(bench: AttributionBench): World {
  const before = known.get(bench);
  if (before !== undefined) return before;
  const facts = someFacts(bench.quick ? quickFactCount : factCount, skipped);
  const payouts: World['payouts'] = (
    added,
    { joined = true, seed = reportSeed, replaced = new Map() } = {},
  ) => {
    const examples = [...facts.examples.map((example) => replaced.get(example.id) ?? example), ...added];
    return worlds.payouts({ examples, joined }, facts, seed);
  };
  const honest = new Map<string, Promise<Payouts>>();
  const world: World = {
    ...{ facts, payouts },
    honest: (joined, seed = reportSeed) => {
      const key = `${joined} ${seed}`;
      const made = honest.get(key) ?? payouts([], { joined, seed });
      honest.set(key, made);
      return made;
    },
  };
  known.set(bench, world);
  return world;
}

export const duplicateMeasure: AttributionMeasure = {
  figures: Object.values(gains),
  run: async (bench) => {
    const { facts, payouts, honest } = worldOf(bench);
    const targets = targetsOf(facts);
    const earned = async (added: readonly Example[], options: WorldOptions = {}): Promise<number> => {
      const own = [...targets, ...added].map(({ id }) => id);
      return earnedBy(await payouts(added, options), own);
    };
    const honestly = async (joined: boolean, seed?: number): Promise<number> =>
      earnedBy(
        await honest(joined, seed),
        targets.map(({ id }) => id),
      );
    const [first, ...others] = bench.quick ? gainSeeds.slice(0, 1) : gainSeeds;
    const plans: readonly (readonly [k: number, seed: number])[] = bench.quick
      ? [[10, first]]
      : [...[2, 5, 10].map((k) => [k, first] as const), ...others.map((seed) => [10, seed] as const)];
    const [exact, plain, reworded, apart] = await Promise.all([
      earned(exactCopies(targets, 10)),
      Promise.all([first, ...others].map((seed) => honestly(true, seed))),
      Promise.all(plans.map(([k, seed]) => earned(rewordings(targets, k, facts), { seed }))),
      bench.quick
        ? []
        : Promise.all([honestly(false), earned(rewordings(targets, 10, facts), { joined: false })]),
    ]);
    const base = mean(plain);
    const ratios = reworded.map((value) => value / base);
    bench.say(
      `  wordings: ${ratios.map((ratio, i) => `${plans[i][0]} earn ${ratio.toFixed(3)}×`).join(', ')}; ` +
        `honest, of their mean: ${plain.map((value) => (value / base).toFixed(3)).join(', ')}`,
    );
    const figures = {
      [gains.exact.name]: { value: exact / plain[0] },
      [gains.reworded.name]: {
        ...{ value: mean(ratios), low: Math.min(...ratios), high: Math.max(...ratios) },
        details: Object.fromEntries([
          ...plans.map(([k, seed], i) => [`k ${k}, seed ${seed}`, ratios[i]]),
          ...plain.map((value, i) => [`honest, seed ${gainSeeds[i]}`, value / base]),
        ]),
      },
    };
    if (bench.quick) return figures;
    const [alone, many] = apart;
    return { ...figures, [gains.rewordedApart.name]: { value: many / alone } };
  },
};

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

export const junkMeasure: AttributionMeasure = {
  figures: Object.values(junk),
  run: async (bench) => {
    const { facts, payouts } = worldOf(bench);
    const size = facts.examples.length;
    const part = async (added: readonly Example[]): Promise<number> => {
      const paid = await payouts(added);
      const all = earnedBy(paid, paid.keys());
      return (
        (100 *
          earnedBy(
            paid,
            added.map(({ id }) => id),
          )) /
        all
      );
    };
    const [onTopic, asked, offTopic] = await Promise.all([
      part(onTopicJunk(facts, size)),
      part(askedJunk(facts, size)),
      part(offTopicJunk(size)),
    ]);
    return {
      [junk.onTopic.name]: { value: onTopic },
      [junk.asked.name]: { value: asked },
      [junk.offTopic.name]: { value: offTopic },
    };
  },
};

export const craftedMeasure: AttributionMeasure = {
  figures: [crafted],
  run: async (bench) => {
    const { facts, payouts, honest } = worldOf(bench);
    const targets = targetsOf(facts);
    const ids = targets.map(({ id }) => id);
    const before = earnedBy(await honest(true), ids);
    const found = await Promise.all(
      Object.entries(lures)
        .slice(0, bench.quick ? 1 : undefined)
        .map(async ([name, write]): Promise<[string, number]> => {
          const replaced = new Map(targets.map((target, at) => [target.id, write(target, facts, at)]));
          const after = earnedBy(await payouts([], { replaced }), ids);
          bench.say(`  ${name}: ${(100 * (after / before - 1)).toFixed(1)} % over honest`);
          return [name, 100 * (after / before - 1)];
        }),
    );
    return {
      [crafted.name]: {
        value: Math.max(...found.map(([, value]) => value)),
        details: Object.fromEntries(found),
      },
    };
  },
};

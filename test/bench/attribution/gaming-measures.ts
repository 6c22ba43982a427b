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
    measure: 'what 2, 5 or 10 wordings of one fact earn, of what one earns (the largest)',
    unit: '×',
    goal: { atMost: 1.1 },
  },
  exactApart: { name: 'gain-exact-apart', measure: '… 10 exact copies, without the rules', unit: '×' },
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

const [factCount, quickFactCount] = [24, 12];
/** Facts before these served to choose the rules. */
const skipped = 100;

interface World {
  readonly facts: Facts;
  readonly payouts: (added: readonly Example[], options?: WorldOptions) => Promise<Payouts>;
  /** Of the honest datanet, with the rules for duplicates and without. */
  readonly honest: (joined: boolean) => Promise<Payouts>;
}

interface WorldOptions {
  readonly joined?: boolean;
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
  const payouts: World['payouts'] = (added, { joined = true, replaced = new Map() } = {}) => {
    const examples = [...facts.examples.map((example) => replaced.get(example.id) ?? example), ...added];
    return worlds.payouts({ examples, joined }, facts, reportSeed);
  };
  const honest = new Map<boolean, Promise<Payouts>>();
  const world: World = {
    ...{ facts, payouts },
    honest: (joined) => {
      const made = honest.get(joined) ?? payouts([], { joined });
      honest.set(joined, made);
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
    const gain = async (added: readonly Example[], joined = true): Promise<number> => {
      const own = [...targets, ...added].map(({ id }) => id);
      const together = earnedBy(await payouts(added, { joined }), own);
      return together / earnedBy(await honest(joined), own);
    };
    const exact = gain(exactCopies(targets, 10));
    const apart = bench.quick
      ? []
      : [gain(exactCopies(targets, 10), false), gain(rewordings(targets, 10, facts), false)];
    const all = Promise.all([exact, ...apart]); // looked at below; a failure is heard of here too
    all.catch(() => undefined);
    const reworded = await Promise.all(
      (bench.quick ? [10] : [2, 5, 10]).map(
        async (k): Promise<[number, number]> => [k, await gain(rewordings(targets, k, facts))],
      ),
    );
    bench.say(`  wordings: ${reworded.map(([k, value]) => `${k} earn ${value.toFixed(3)}×`).join(', ')}`);
    const [exactGain, exactApart, rewordedApart] = await all;
    const figures = {
      [gains.exact.name]: { value: exactGain },
      [gains.reworded.name]: {
        value: Math.max(...reworded.map(([, value]) => value)),
        details: Object.fromEntries(reworded.map(([k, value]) => [`k ${k}`, value])),
      },
    };
    if (exactApart === undefined || rewordedApart === undefined) return figures;
    return {
      ...figures,
      [gains.exactApart.name]: { value: exactApart },
      [gains.rewordedApart.name]: { value: rewordedApart },
    };
  },
};

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

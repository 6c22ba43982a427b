// Whether attribution names who stated a planted fact, asked in words that nobody used: the first name paid, its rank, and
// how many of those who state it are found. Listed by the attribution bench, beside every baseline. Ranges are 95 %
// bootstrap intervals over the queries.
import { auditFigure, sourceRanks } from '../../../engine/attribution/audit/audit-figures.ts';
import type { FigureKind, Measured } from '../bench-figure.ts';
import type { AttributionMeasure } from './attribution-bench-context.ts';
import { baselines, type MethodScores } from './method-scores.ts';
import type { PlantedFacts } from './planted-facts.ts';

const kinds = {
  top1: {
    name: 'planted-top1',
    measure: 'planted facts: the first one paid states the fact',
    unit: '',
    goal: { atLeast: 0.9 },
  },
  mrr: {
    name: 'planted-mrr',
    measure: 'planted facts: mean reciprocal rank among the paid',
    unit: '',
    goal: { atLeast: 0.92 },
  },
  recall: {
    name: 'planted-recall',
    measure: 'planted facts: part of those who state it among as many highest scores',
    unit: '',
    goal: { atLeast: 0.8 },
  },
  above: {
    name: 'planted-above-words',
    measure: 'planted facts: lead over TF-IDF, in that of the three where it is smallest',
    unit: '',
    goal: { atLeast: 0.001 },
  },
} as const satisfies Record<string, FigureKind>;

export const plantedMeasure: AttributionMeasure = {
  figures: [
    ...Object.values(kinds),
    ...baselines.flatMap(({ id, name }): readonly FigureKind[] => [
      { name: `planted-top1-${id}`, measure: `first one states the fact: ${name}`, unit: '' },
      { name: `planted-recall-${id}`, measure: `part of those who state it found: ${name}`, unit: '' },
    ]),
  ],
  run: async (bench) => {
    const { facts } = await bench.subject();
    const methods = await bench.methods();
    const measured: Record<string, Measured> = {};
    for (const [at, method] of methods.entries()) {
      const { top1, mrr, recall } = plantedFigures(facts, method);
      const end = at === 0 ? '' : `-${method.id}`;
      measured[`planted-top1${end}`] = top1;
      measured[`planted-mrr${end}`] = mrr;
      measured[`planted-recall${end}`] = recall;
    }
    const lead = ['planted-top1', 'planted-mrr', 'planted-recall'].map((name): [string, number] => [
      name,
      measured[name].value - measured[`${name}-tf-idf`].value,
    ]);
    const value = Math.min(...lead.map(([, by]) => by));
    return { ...measured, [kinds.above.name]: { value, details: Object.fromEntries(lead) } };
  },
};

export function plantedFigures(
  facts: PlantedFacts,
  { scores, shares = scores, named = scores }: MethodScores,
) {
  const place = new Map(facts.statements.map(({ id }, at) => [id, at]));
  const ranks = facts.queries.map(({ goldIds }, query) => {
    const gold = goldIds.flatMap((id) => place.get(id) ?? []);
    return { paid: sourceRanks(shares[query], gold), found: sourceRanks(named[query], gold) };
  });
  const figure = (values: readonly number[]): Measured => auditFigure(values) ?? { value: Number.NaN };
  return {
    top1: figure(ranks.map(({ paid }) => paid.top1)),
    mrr: figure(ranks.map(({ paid }) => paid.reciprocal)),
    recall: figure(ranks.map(({ found }) => found.recallAtGold)),
  };
}

// The bench's pictures: LDS by method, how many of those who state a fact are found among the first names, and how far shares
// move when they should not. Listed last by the attribution bench; a whole run writes them into test/bench/charts, as SVG and PNG. Its one figure is what several adapters add.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { auditFigure, ldsByQuery } from '../../../engine/attribution/audit/audit-figures.ts';
import { chartPng } from '../../../engine/train/chart-png.ts';
import { lineChartSvg } from '../../../engine/train/line-chart-svg.ts';
import type { FigureKind } from '../bench-figure.ts';
import type { AttributionMeasure } from './attribution-bench-context.ts';
import { halvesFor } from './lds-measure.ts';
import type { Subject } from './leave-out-subject.ts';
import type { MethodScores } from './method-scores.ts';

const kind = {
  name: 'ensemble-gain',
  measure: 'LDS on halves of the contributors gained by the subset adapters',
  unit: '',
} as const satisfies FigureKind;

const runsShown = [5, 10, 15, 20, 25, 30, 35, 40, 45, 50];
const namesShown = [1, 2, 3, 5, 8, 12, 20];
const pictures = join(import.meta.dirname, '../charts');

export const chartsMeasure: AttributionMeasure = {
  figures: [kind],
  run: async (bench) => {
    const subject = await bench.subject();
    const { truth } = subject;
    const methods = await bench.methods();
    if (!bench.quick) save(attributionCharts(subject, methods, bench.moved));
    const value = ({ scores }: MethodScores): number | undefined =>
      auditFigure(ldsByQuery(scores, truth.contributorHalves))?.value;
    const paid = value(methods[0]);
    const ensemble = methods.find(({ halvesUsed }) => halvesUsed !== undefined);
    const gained = ensemble && value(ensemble);
    return {
      [kind.name]:
        paid === undefined || gained === undefined ? { missing: 'no ensemble' } : { value: gained - paid },
    };
  },
};

/**
 * The pictures by name: agreement by retrainings compared with, and sources found by names looked at, of every method; and the
 * shares' stability.
 * @param moved total variation of each answer's shares, by what moved them; no picture of none
 */
export function attributionCharts(
  subject: Pick<Subject, 'facts' | 'truth'>,
  methods: readonly MethodScores[],
  moved: ReadonlyMap<string, readonly number[]>,
): ReadonlyMap<string, string> {
  const agreement = methods.map((method) => ({
    name: method.name,
    points: runsShown.flatMap((count): (readonly [number, number])[] => {
      const runs = halvesFor(subject, method).slice(0, count);
      const figure = runs.length < count ? null : auditFigure(ldsByQuery(method.scores, runs));
      return figure === null ? [] : [[count, figure.value]];
    }),
  }));
  const place = new Map(subject.facts.statements.map(({ id }, at) => [id, at]));
  const found = methods.map(({ name, scores, named = scores }) => ({
    name,
    points: namesShown.map((first): readonly [number, number] => {
      const parts = subject.facts.queries.map(({ goldIds }, query) => {
        const order = Array.from(named[query], (score, at) => ({ score, at }));
        order.sort((a, b) => b.score - a.score);
        const top = new Set(order.slice(0, first).map(({ at }) => at));
        return goldIds.filter((id) => top.has(place.get(id) ?? -1)).length / goldIds.length;
      });
      return [first, parts.reduce((sum, part) => sum + part, 0) / parts.length];
    }),
  }));
  const lds = lineChartSvg({
    title: 'Agreement with retraining on halves of the data (LDS), by method',
    xLabel: 'retrainings compared with',
    yLabel: 'rank correlation, mean over answers',
    lines: agreement.filter(({ points }) => points.length > 0),
  });
  const recall = lineChartSvg({
    title: 'Those who state the fact, found among the first names',
    xLabel: 'names looked at',
    yLabel: 'part found, mean over answers',
    lines: found,
  });
  return new Map([
    ['attribution-lds', lds],
    ['attribution-recall', recall],
    ...(moved.size === 0 ? [] : [['attribution-stability', stabilityChart(moved)] as const]),
  ]);
}

function stabilityChart(moved: ReadonlyMap<string, readonly number[]>): string {
  return lineChartSvg({
    title: 'How far shares move',
    xLabel: 'answers in a hundred, the steadiest first',
    yLabel: 'total variation of shares, at most',
    lines: [...moved].map(([name, values]) => ({
      name,
      points: [...values]
        .sort((a, b) => a - b)
        .map((value, at): readonly [number, number] => [(100 * (at + 1)) / values.length, value]),
    })),
  });
}

function save(charts: ReadonlyMap<string, string>): void {
  mkdirSync(pictures, { recursive: true });
  for (const [name, svg] of charts) {
    writeFileSync(join(pictures, `${name}.svg`), svg);
    writeFileSync(join(pictures, `${name}.png`), chartPng(svg));
  }
}

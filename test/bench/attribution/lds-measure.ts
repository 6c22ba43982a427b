// How well scores foretell what retraining without parts of the data does to an answer: linear datamodeling scores on random
// halves of the statements, of the contributors, and with 5 % left out, and the correlation over single contributors left
// out alone. Listed by the attribution bench. Ranges are 95 % bootstrap intervals over queries and retrainings.
import { ldsFigure, locoFigure, type MeasuredRun } from '../../../engine/attribution/audit/audit-figures.ts';
import type { AuditFigure } from '../../../engine/audit-job.ts';
import type { FigureKind, Measured } from '../bench-figure.ts';
import type { AttributionMeasure } from './attribution-bench-context.ts';
import type { Subject } from './leave-out-subject.ts';
import { baselines, type MethodScores } from './method-scores.ts';

const kinds = {
  half: {
    name: 'lds-half',
    measure: 'LDS on random halves of the statements, as it pays',
    unit: '',
    goal: { atLeast: 0.6 },
  },
  halfEnsemble: {
    name: 'lds-half-ensemble',
    measure: 'the same with subset adapters, each wording for itself, on the other halves',
    unit: '',
    goal: { atLeast: 0.7 },
  },
  contributors: {
    name: 'lds-contributors',
    measure: 'LDS on random halves of the contributors, as it pays',
    unit: '',
    goal: { atLeast: 0.65 },
  },
  contributorsEnsemble: {
    name: 'lds-contributors-ensemble',
    measure: 'the same with subset adapters, each wording for itself',
    unit: '',
    goal: { atLeast: 0.7 },
  },
  drop: {
    name: 'lds-drop5',
    measure: 'LDS with 5 % of the statements left out, as it pays',
    unit: '',
    goal: { atLeast: 0.35 },
  },
  alone: {
    name: 'loco-pearson',
    measure: 'correlation over contributors left out alone, as it pays',
    unit: '',
    goal: { atLeast: 0.6 },
  },
} as const satisfies Record<string, FigureKind>;

export const ldsMeasure: AttributionMeasure = {
  figures: [
    ...Object.values(kinds),
    ...baselines.flatMap(({ id, name }): readonly FigureKind[] => [
      { name: `lds-half-${id}`, measure: `LDS on random halves: ${name}`, unit: '' },
      { name: `lds-contributors-${id}`, measure: `LDS on halves of the contributors: ${name}`, unit: '' },
    ]),
  ],
  run: async (bench) => {
    const subject = await bench.subject();
    const methods = await bench.methods();
    const [paid, ensemble] = [methods[0], methods.find(({ halvesUsed }) => halvesUsed !== undefined)];
    const measured: Record<string, Measured | { readonly missing: string }> = {};
    const note = (name: string, figure: AuditFigure | null, runs: number): void => {
      measured[name] = figure === null ? { missing: 'nothing varied' } : { ...figure, details: { runs } };
    };
    for (const [kind, method] of [
      [kinds.half, paid],
      [kinds.halfEnsemble, ensemble],
    ] as const) {
      const runs = halvesFor(subject, method);
      if (method) note(kind.name, lds(method, runs), runs.length);
      else measured[kind.name] = { missing: 'no subset adapters' };
    }
    const { contributorHalves, drops, alone, full } = subject.truth;
    note(kinds.contributors.name, lds(paid, contributorHalves), contributorHalves.length);
    if (ensemble)
      note(kinds.contributorsEnsemble.name, lds(ensemble, contributorHalves), contributorHalves.length);
    else measured[kinds.contributorsEnsemble.name] = { missing: 'no subset adapters' };
    note(kinds.drop.name, lds(paid, drops), drops.length);
    note(kinds.alone.name, locoFigure(paid.scores, full.losses, alone), alone.length);
    for (const { id } of baselines) {
      const method = methods.find((each) => each.id === id);
      if (method === undefined) throw new Error(`bug: no scores of ${id}`);
      note(`lds-half-${id}`, lds(method, subject.truth.halves), subject.truth.halves.length);
      note(`lds-contributors-${id}`, lds(method, contributorHalves), contributorHalves.length);
    }
    return measured;
  },
};

/** Those that the method itself has not used. */
export function halvesFor(
  { truth }: Pick<Subject, 'truth'>,
  method: MethodScores | undefined,
): readonly MeasuredRun[] {
  return truth.halves.slice(method?.halvesUsed ?? 0);
}

function lds({ scores }: MethodScores, runs: readonly MeasuredRun[]): AuditFigure | null {
  return ldsFigure(scores, runs);
}

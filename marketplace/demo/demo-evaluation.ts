// What the demo model's evaluation is made of: counts by phrasing with intervals, from the answers to the held-out
// questions. Used by make-demo-model-cli.ts and demo-card.ts. Pure. The two counts at its top are what the
// marketplace reads (listings/model-summary.ts).
import type { EvalReport } from '../../engine/engine.ts';
import { bootstrapMean } from '../../engine/train/bootstrap.ts';

interface EvaluationRow {
  readonly model: 'adapter' | 'base';
  readonly questions: 'all' | 'seen phrasing' | 'unseen phrasing';
  readonly correct: number;
  readonly total: number;
  /** 95 % bootstrap interval of the part that is right, over questions. */
  readonly low: number;
  readonly high: number;
}

export interface DemoEvaluation {
  readonly adapter: { readonly correct: number; readonly total: number };
  readonly base: { readonly correct: number; readonly total: number };
  readonly rows: readonly EvaluationRow[];
}

/** @param seen for each question, whether training held its phrasing for other facts; both reports in that order. */
export function demoEvaluation(
  seen: readonly boolean[],
  adapter: EvalReport,
  base: EvalReport,
): DemoEvaluation {
  const rowsOf = (model: EvaluationRow['model'], { answers }: EvalReport): readonly EvaluationRow[] => {
    const row = (questions: EvaluationRow['questions'], keep: (isSeen: boolean) => boolean) => {
      const values = answers.filter((_, i) => keep(seen[i])).map(({ correct }) => Number(correct));
      if (values.length === 0) return [];
      const { low, high } = bootstrapMean(values);
      const correct = values.reduce((sum, value) => sum + value, 0);
      return [{ model, questions, correct, total: values.length, low, high }];
    };
    return [
      ...row('all', () => true),
      ...row('seen phrasing', (isSeen) => isSeen),
      ...row('unseen phrasing', (isSeen) => !isSeen),
    ];
  };
  return {
    adapter: { correct: adapter.correct, total: adapter.total },
    base: { correct: base.correct, total: base.total },
    rows: [...rowsOf('adapter', adapter), ...rowsOf('base', base)],
  };
}

// Judges a trained candidate: the same held-out questions to the candidate, to the version that answers now, and to the
// base without any adapter. Used by train-version.ts. What it returns is stored with the model version.
import type { AdapterRef } from '../../engine/engine.ts';
import { adapterOf } from '../listings/adapter-of.ts';
import type { MarketplaceContext } from '../marketplace-context.ts';
import { newHeldOut, oldHeldOut } from './held-out.ts';
import { publishVerdict, type Score, scoreOf, type Verdict } from './publish-rule.ts';
import type { RunPlan } from './run-plan.ts';

export interface Judged extends Verdict {
  readonly evaluation: {
    readonly adapter: Score;
    readonly base: Score;
    readonly before: Score;
    readonly old: Score;
    readonly new: Score;
  };
}

export async function evaluateCandidate(market: MarketplaceContext, plan: RunPlan): Promise<Judged> {
  const old = await oldHeldOut(market.demoDir, plan.datanet.slug);
  const fresh = newHeldOut(plan.fresh);
  const score = async (adapter: AdapterRef | undefined, items: typeof old): Promise<Score> => {
    market.stopping.throwIfAborted();
    if (items.length === 0) return { correct: 0, total: 0 };
    return scoreOf(await market.engine.evaluate({ adapter, items }));
  };
  const current = plan.current === undefined ? undefined : adapterOf(market, plan.current);
  const comparison = {
    candidateOld: await score(plan.adapter, old),
    candidateNew: await score(plan.adapter, fresh),
    currentOld: await score(current, old),
    currentNew: await score(current, fresh),
  };
  const base = await score(undefined, [...old, ...fresh]);
  return {
    ...publishVerdict(comparison),
    evaluation: {
      adapter: sum(comparison.candidateOld, comparison.candidateNew),
      before: sum(comparison.currentOld, comparison.currentNew),
      base,
      old: comparison.candidateOld,
      new: comparison.candidateNew,
    },
  };
}

function sum(a: Score, b: Score): Score {
  return { correct: a.correct + b.correct, total: a.total + b.total };
}

// Where on a version's training gradients are taken: the finished adapter at the part of its strength at which answers are
// asked about too, and the states of its own run at full strength, the finished adapter among them. Used by the store
// builder and the comparison of methods. Knows folders; no gradients. Why these: attribution-settings.ts.
// Invariants: weights sum to 1, and the point that answers share has most of it, so that an example is first for its own
// words whatever the other points say.
import type { AdapterRef, TrainingCheckpoint } from '../engine.ts';
import type { AttributionSettings } from './attribution-settings.ts';

export interface GradientPoint {
  readonly adapter: AdapterRef;
  /** Updates of the run until this state; undefined = the finished adapter. */
  readonly step?: number;
  /** Part of the adapter's scale, 1 = as served. */
  readonly strength: number;
  /** Of this point's scores in the sum. */
  readonly weight: number;
}

/**
 * @param checkpoints oldest first, the finished adapter among them or not; none = it alone is known
 * @param pointsMax at least 1: where fewer fit, states of the run are left out, the earliest last
 */
export function gradientPoints(
  adapter: AdapterRef,
  checkpoints: readonly TrainingCheckpoint[],
  { strength, pathWeight, pathStates }: Pick<AttributionSettings, 'strength' | 'pathWeight' | 'pathStates'>,
  pointsMax = Number.POSITIVE_INFINITY,
): readonly GradientPoint[] {
  const states: readonly Pick<GradientPoint, 'adapter' | 'step'>[] = [
    { adapter },
    ...checkpoints
      .filter(({ dir }) => dir !== adapter.dir)
      .reverse()
      .map(({ dir, step }) => ({ adapter: { id: `${adapter.id} at ${step}`, dir }, step })),
  ];
  const path = pathWeight === 0 ? [] : states.slice(0, Math.min(pathStates, pointsMax - 1));
  if (path.length === 0) return [{ adapter, strength, weight: 1 }];
  return [
    { adapter, strength, weight: 1 - pathWeight },
    ...path.map((state): GradientPoint => ({ ...state, strength: 1, weight: pathWeight / path.length })),
  ];
}

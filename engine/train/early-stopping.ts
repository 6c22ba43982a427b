// When a run ends before its last update, and which weights it keeps: the best by held-out loss, and an end after a
// number of evaluations without a better one, or at once after one that lost what must be held. Used by
// training-loop.ts. Pure but for the copy of the weights it holds.
// Invariant: what it keeps survives a checkpoint to the bit (losses are f32), so a resumed run decides the same.
import type { NamedTensor, TensorMap } from '../model/safetensors.ts';
import type { HeldOutResult } from './training-method.ts';

export interface EarlyStopping {
  /** Takes note of one evaluation. @returns whether the run should end. */
  readonly note: (result: HeldOutResult, step: number) => boolean;
  /** Update of the weights that `restore` puts in place; undefined where it does nothing. */
  readonly bestStep: () => number | undefined;
  /** Puts the best weights in place. */
  readonly restore: () => void;
  /** For a checkpoint. */
  readonly state: () => TensorMap;
  /** From a checkpoint. */
  readonly resume: (state: TensorMap) => void;
}

const figuresName = 'stopping';
const bestPrefix = 'best.';

/**
 * @param patience evaluations without improvement that are borne; 0 = never end early and keep the last weights,
 *   unless one is not acceptable
 */
export function earlyStopping(weights: TensorMap, patience: number): EarlyStopping {
  let best: { loss: number; step: number } | undefined;
  let without = 0;
  let isLost = false;
  const kept = new Map<string, NamedTensor>();
  const keep = (from: TensorMap, prefix: string): void => {
    for (const name of weights.keys()) {
      const tensor = from.get(prefix + name);
      if (tensor) kept.set(name, { shape: tensor.shape, data: tensor.data.slice() });
    }
  };
  const restores = (): boolean => best !== undefined && (patience > 0 || isLost);
  return {
    note: (result, step) => {
      if (!result.acceptable) {
        isLost = true;
        return true;
      }
      // Without a loss to compare, what is acceptable and later is better.
      const loss = Math.fround(result.loss ?? -step);
      if (patience === 0 || best === undefined || loss < best.loss) {
        best = { loss, step };
        without = 0;
        keep(weights, '');
        return false;
      }
      without += 1;
      return without >= patience;
    },
    bestStep: () => (restores() ? best?.step : undefined),
    restore: () => {
      if (!restores()) return;
      for (const [name, { data }] of kept) weights.get(name)?.data.set(data);
    },
    state: () => {
      if (best === undefined) return new Map();
      const figures = { shape: [3], data: Float32Array.of(best.loss, best.step, without) };
      return new Map([
        [figuresName, figures],
        ...[...kept].map(([name, tensor]) => [bestPrefix + name, tensor] as const),
      ]);
    },
    resume: (state) => {
      const figures = state.get(figuresName)?.data;
      if (figures === undefined) return;
      best = { loss: figures[0], step: figures[1] };
      without = figures[2];
      keep(state, bestPrefix);
    },
  };
}

// Where a step's logits and likeliest tokens land: arrays made once for every count of rows, and the views of them that
// callers get. Used by serve-session.ts. Invariant: views hold until the next step of the same session.
import { Tensor } from 'onnxruntime-node';
import { EngineError } from '../errors.ts';
import { likeliestMax } from '../graph/llama-serve-graph.ts';
import type { StepLogits } from './batch-session.ts';

interface StepOutputs {
  /** Arrays for n rows: the tensors to fetch into by output name, and the result to give out. */
  readonly take: (n: number) => { readonly fetches: Record<string, Tensor>; readonly result: StepLogits };
  /** Copies what a run returned by itself into the arrays taken. */
  readonly fill: (
    fetches: Readonly<Record<string, Tensor>>,
    results: Readonly<Record<string, unknown>>,
  ) => void;
}

export function stepOutputs(vocab: number, rowsMax: number): StepOutputs {
  const count = Math.min(likeliestMax, vocab);
  const logits = new Float32Array(rowsMax * vocab);
  const ids = new Int32Array(rowsMax * count);
  const probabilities = new Float32Array(rowsMax * count);
  return {
    take: (n) => {
      // More rows than a batch has: every token of a prompt was asked for. Rare (scoring), so not kept.
      const own = n > rowsMax;
      const scores = own ? new Float32Array(n * vocab) : logits.subarray(0, n * vocab);
      const topIds = own ? new Int32Array(n * count) : ids.subarray(0, n * count);
      const top = own ? new Float32Array(n * count) : probabilities.subarray(0, n * count);
      const checked = (index: number): number => {
        if (!Number.isInteger(index) || index < 0 || index >= n) throw new Error(`bug: row ${index} of ${n}`);
        if (!Number.isNaN(top[index * count])) return index;
        throw new EngineError('the model computed numbers that are not finite', {
          code: 'logits_not_finite',
          retry: 'never',
        });
      };
      return {
        fetches: {
          logits: new Tensor('float32', scores, [n, vocab]),
          top_ids: new Tensor('int32', topIds, [n, count]),
          top_probabilities: new Tensor('float32', top, [n, count]),
        },
        result: {
          logits: (index) => scores.subarray(checked(index) * vocab, (index + 1) * vocab),
          topIds: (index) => Array.from(topIds.subarray(checked(index) * count, (index + 1) * count)),
          topProbabilities: (index) => top.subarray(checked(index) * count, (index + 1) * count),
        },
      };
    },
    fill: fillOutputs,
  };
}

function fillOutputs(
  fetches: Readonly<Record<string, Tensor>>,
  results: Readonly<Record<string, unknown>>,
): void {
  for (const [name, { data: target }] of Object.entries(fetches)) {
    const returned = results[name];
    const source = returned instanceof Tensor ? returned.data : undefined;
    if (target instanceof Float32Array && source instanceof Float32Array) target.set(source);
    else if (target instanceof Int32Array && source instanceof Int32Array) target.set(source);
    else throw new Error(`bug: the run returned no ${name} of the type asked for`);
  }
}

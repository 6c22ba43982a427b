// The likeliest tokens of rows of logits and their probabilities over the whole vocabulary: what sampling needs, so
// that no JavaScript walks the vocabulary. Used by llama-serve-graph.ts. Forward only.
// The order is that of the logits, not of the probabilities: two logits may differ where their probabilities, rounded,
// do not. Ties go to the lower id (the TopK kernel's rule). A row with NaN or infinity yields NaN probabilities.
import { constant, type Graph, node, type Tensor } from './graph-builder.ts';
import { binary } from './ops-elementwise.ts';
import { softmax } from './ops-loss.ts';

interface Likeliest {
  readonly ids: Tensor; // i32 [n, count]
  readonly probabilities: Tensor; // f32 [n, count]
}

/** logits [n, vocab], inverseTemperature [n, 1]. */
export function likeliest(g: Graph, logits: Tensor, inverseTemperature: Tensor, count: number): Likeliest {
  const shape = [logits.shape[0], count];
  const k = constant(g, 'i64', [count]);
  const top = [
    { dtype: 'f32', shape },
    { dtype: 'i64', shape },
  ] as const;
  const [, at] = node(g, 'TopK', [logits, k], top, { axis: -1, largest: 1, sorted: 1 });
  const p = softmax(g, binary(g, 'Mul', logits, inverseTemperature));
  const picked = { dtype: 'f32', shape, name: 'top_probabilities' } as const;
  const [probabilities] = node(g, 'GatherElements', [p, at], [picked], { axis: 1 });
  const [ids] = node(g, 'Cast', [at], [{ dtype: 'i32', shape, name: 'top_ids' }], { to: 6 });
  return { ids, probabilities };
}

// Adds the gradients of several runs into those of the first. Used where one update takes several batches.
import type { Gradients } from './adamw.ts';

/** In place: sum += part, for every weight. */
export function addGradients(sum: Gradients, part: Gradients): void {
  for (const [name, into] of sum) {
    const from = part.get(name);
    if (from?.length !== into.length) throw new Error(`bug: gradients of ${name} do not match`);
    addInto(into, from);
  }
}

/** In place: sum += part. */
export function addInto(sum: Float32Array, part: Float32Array): void {
  for (let i = 0; i < sum.length; i++) sum[i] += part[i];
}

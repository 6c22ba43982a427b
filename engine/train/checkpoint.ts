// The state of a training run in one file: weights, both moments of AdamW and the number of updates. Used by
// pretrain.ts and lora-sft.ts. The file is replaced atomically, so a kill at any moment leaves the last good one.
// Invariant: resuming gives the same weights, to the bit, as never having stopped; data order follows from the
// step and the recipe's seed, so neither is stored.
import { existsSync } from 'node:fs';
import { EngineError } from '../errors.ts';
import { type NamedTensor, readSafetensors, type TensorMap, writeSafetensors } from '../model/safetensors.ts';
import type { AdamWState } from './adamw.ts';

const stepName = 'step'; // f32 holds every integer up to 2^24

export function writeCheckpoint(path: string, weights: TensorMap, state: AdamWState): void {
  const all = new Map<string, NamedTensor>([[stepName, { shape: [1], data: Float32Array.of(state.step) }]]);
  for (const [prefix, tensors] of parts(weights, state)) {
    for (const [name, tensor] of tensors) all.set(`${prefix}.${name}`, tensor);
  }
  writeSafetensors(path, all);
}

/**
 * Copies a checkpoint into weights and state, in place.
 *
 * @returns false when there is no such file.
 * @throws EngineError `checkpoint_mismatch` when it belongs to another shape of model.
 */
export function readCheckpoint(path: string, weights: TensorMap, state: AdamWState): boolean {
  if (!existsSync(path)) return false;
  const saved = readSafetensors(path);
  const take = (name: string, into: Float32Array): void => {
    const from = saved.get(name)?.data;
    if (from?.length !== into.length) {
      throw new EngineError(
        `${path}: ${name} has ${from?.length ?? 0} numbers, this run needs ${into.length}`,
        {
          code: 'checkpoint_mismatch',
          retry: 'never',
        },
      );
    }
    into.set(from);
  };
  const step = new Float32Array(1);
  take(stepName, step);
  for (const [prefix, tensors] of parts(weights, state)) {
    for (const [name, tensor] of tensors) take(`${prefix}.${name}`, tensor.data);
  }
  state.step = step[0];
  return true;
}

function parts(weights: TensorMap, state: AdamWState): readonly (readonly [string, TensorMap])[] {
  return [
    ['weight', weights],
    ['m', state.m],
    ['v', state.v],
  ];
}

// The state of a training run in one file: weights, both moments of AdamW, the number of updates and, where wanted,
// which run it belongs to and what else that run keeps. Used by pretrain.ts and training-loop.ts. The file is replaced
// atomically, so a kill at any moment leaves the last good one.
// Invariant: resuming gives the same weights, to the bit, as never having stopped; data order follows from the
// step and the recipe's seed, so neither is stored.
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { EngineError } from '../errors.ts';
import { type NamedTensor, readSafetensors, type TensorMap, writeSafetensors } from '../model/safetensors.ts';
import type { AdamWState } from './adamw.ts';

const stepName = 'step'; // f32 holds every integer up to 2^24
const runName = 'run';
const extraPrefix = 'extra.';

/**
 * @param run what the run depends on (recipe, data); a checkpoint is only resumed by the run that wrote it.
 * @param extra whatever else the run needs to go on, as f32 of any shape.
 */
export function writeCheckpoint(
  path: string,
  weights: TensorMap,
  state: AdamWState,
  run = '',
  extra: TensorMap = new Map(),
): void {
  const all = new Map<string, NamedTensor>([
    [stepName, { shape: [1], data: Float32Array.of(state.step) }],
    [runName, { shape: [32], data: runMark(run) }],
  ]);
  for (const [prefix, tensors] of parts(weights, state)) {
    for (const [name, tensor] of tensors) all.set(`${prefix}.${name}`, tensor);
  }
  for (const [name, tensor] of extra) all.set(extraPrefix + name, tensor);
  writeSafetensors(path, all);
}

/**
 * Copies a checkpoint into weights and state, in place.
 *
 * @returns false when there is no such file, or it was written by another run.
 * @throws EngineError `checkpoint_mismatch` when it belongs to another shape of model.
 */
export function readCheckpoint(path: string, weights: TensorMap, state: AdamWState, run = ''): boolean {
  if (!existsSync(path)) return false;
  const saved = readSafetensors(path);
  const mark = saved.get(runName);
  if (mark && !runMark(run).every((value, i) => value === mark.data[i])) return false;
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

/** What else the run kept; call it after readCheckpoint said that the file is this run's. */
export function readCheckpointExtra(path: string): TensorMap {
  return new Map(
    [...readSafetensors(path)]
      .filter(([name]) => name.startsWith(extraPrefix))
      .map(([name, tensor]) => [name.slice(extraPrefix.length), tensor]),
  );
}

/** SHA-256 as 32 numbers, which survive f32. */
function runMark(run: string): Float32Array {
  return Float32Array.from(createHash('sha256').update(run).digest());
}

function parts(weights: TensorMap, state: AdamWState): readonly (readonly [string, TensorMap])[] {
  return [
    ['weight', weights],
    ['m', state.m],
    ['v', state.v],
  ];
}

// A LoRA adapter that learns on a frozen base: its first weights (fresh, or those of an adapter that is trained
// further), dropout, and the PEFT folder at the end. Used by train-run.ts. It knows no data and no loss.
// Invariant: the base's weights are never written.
import { basename, resolve } from 'node:path';
import type { LoraShape } from '../graph/llama-train-graph.ts';
import { type LoraAdapter, saveLoraAdapter } from '../model/lora-adapter.ts';
import type { LlamaConfig } from '../model/model-config.ts';
import type { TensorMap } from '../model/safetensors.ts';
import { firstLoraWeights } from './first-weights.ts';
import type { Learner, RunKey } from './learner.ts';
import { type ComputeOptions, learnerSessions } from './learner-sessions.ts';
import { dropoutMasks, withDropout } from './lora-dropout.ts';
import { copiedWeights, countNumbers, weightsIdentity } from './weights-identity.ts';

interface LoraLearnerOptions {
  readonly config: LlamaConfig;
  readonly baseWeights: TensorMap;
  /** Folder or name of the base, for adapter_config.json; only its last part is written. */
  readonly base: string;
  readonly lora: LoraShape & { readonly alpha: number; readonly dropout: number };
  /** Trained further; rank, alpha and targets are its own then. */
  readonly start?: LoraAdapter;
  readonly seed: number;
  readonly compute: ComputeOptions;
}

export function createLoraLearner(options: LoraLearnerOptions): Learner {
  const { config, baseWeights, start, seed, compute } = options;
  const { dropout } = options.lora;
  const lora: LoraShape = start ?? options.lora;
  const trained = start ? copiedWeights(start.weights) : firstLoraWeights(config, lora, seed);
  const alpha = start?.alpha ?? options.lora.alpha;
  const scale = start?.scale ?? alpha / lora.rank;
  const sessions = learnerSessions({
    ...{ config, compute, lora: { rank: lora.rank, targets: lora.targets }, loraScale: scale },
    gradients: 'lora',
    weights: new Map([...baseWeights, ...trained]),
  });
  const masked = <T extends { readonly gradients: ReadonlyMap<string, Float32Array> }>(
    key: RunKey | undefined,
    run: () => Promise<T>,
  ): Promise<T> =>
    dropout === 0 || key === undefined
      ? run()
      : withDropout(trained, dropoutMasks(trained, dropout, { seed, ...key }), run);
  return {
    trained,
    parameters: countNumbers(baseWeights) + countNumbers(trained),
    identity: JSON.stringify([weightsIdentity(baseWeights), start ? weightsIdentity(start.weights) : '']),
    score: async (batch, key) =>
      (await masked(key, async () => ({ nll: await sessions.score(batch), gradients: noGradients }))).nll,
    differentiate: (batch, weightOf, key) => masked(key, () => sessions.differentiate(batch, weightOf)),
    save: (folder) =>
      saveLoraAdapter(folder, {
        ...{ rank: lora.rank, targets: lora.targets, alpha, scale, weights: trained },
        base: basename(resolve(options.base)), // never a path of this machine
      }),
    release: sessions.release,
  };
}

const noGradients: ReadonlyMap<string, Float32Array> = new Map();

// A reward model that learns, or only scores: an adapter and a scalar head on a frozen base. Used by train-run.ts and
// score-command.ts. It knows no data and no loss.
import { basename, resolve } from 'node:path';
import { scoreWeight } from '../graph/llama-reward-graph.ts';
import type { LoraShape } from '../graph/llama-train-graph.ts';
import type { LoraAdapter } from '../model/lora-adapter.ts';
import type { LlamaConfig } from '../model/model-config.ts';
import type { TensorMap } from '../model/safetensors.ts';
import { firstLoraWeights } from './first-weights.ts';
import type { RunKey, Trainee } from './learner.ts';
import type { ComputeOptions } from './learner-sessions.ts';
import { dropoutMasks, withDropout } from './lora-dropout.ts';
import { saveRewardModel } from './reward-model.ts';
import { createRewardSession, type RewardSession, type RewardStep } from './reward-session.ts';
import type { RowBatch } from './row-batches.ts';
import { createSessionCache } from './session-cache.ts';
import { gaussianArray, seededRandom } from './training-random.ts';
import { copiedWeights, countNumbers, weightsIdentity } from './weights-identity.ts';

export interface RewardLearner extends Trainee {
  /** One reward for each row. */
  readonly score: (batch: RowBatch, key?: RunKey) => Promise<Float32Array>;
  /** Gradient of sum(weightOf(sequence) * reward). */
  readonly differentiate: (
    batch: RowBatch,
    weightOf: (index: number) => number,
    key?: RunKey,
  ) => Promise<RewardStep>;
}

interface RewardLearnerOptions {
  readonly config: LlamaConfig;
  readonly baseWeights: TensorMap;
  /** Folder or name of the base; only its last part is written. */
  readonly base: string;
  readonly lora: LoraShape & { readonly alpha: number; readonly dropout: number };
  /** An adapter that is trained further. */
  readonly start?: LoraAdapter;
  /** [dim] A new one if left out. */
  readonly head?: Float32Array;
  readonly seed: number;
  readonly compute: ComputeOptions;
}

export function createRewardLearner(options: RewardLearnerOptions): RewardLearner {
  const { config, baseWeights, start, seed, compute } = options;
  const { dropout } = options.lora;
  const lora: LoraShape = start ?? options.lora;
  const adapter = start ? copiedWeights(start.weights) : firstLoraWeights(config, lora, seed);
  const { dim } = config;
  const head = options.head?.slice() ?? gaussianArray(dim, 1 / Math.sqrt(dim), seededRandom(seed, 7));
  const trained = new Map([...adapter, [scoreWeight, { shape: [1, dim], data: head }] as const]);
  const alpha = start?.alpha ?? options.lora.alpha;
  const scale = start?.scale ?? alpha / lora.rank;
  const weights = new Map([...baseWeights, ...trained]);
  const cache = (gradients: 'none' | 'lora') =>
    createSessionCache<RewardSession>(compute.sessionsMax, (batch, seq) =>
      createRewardSession({
        ...{ config, weights, batch, seq, gradients, threads: compute.threads, loraScale: scale },
        lora: { rank: lora.rank, targets: lora.targets },
      }),
    );
  const scoring = cache('none');
  const learning = cache('lora');
  const run = async (
    sessions: typeof scoring,
    batch: RowBatch,
    weightOf: (index: number) => number,
    key: RunKey | undefined,
  ): Promise<RewardStep> => {
    const rowWeights = new Float32Array(batch.rows);
    batch.members.forEach((index, row) => {
      rowWeights[row] = weightOf(index);
    });
    const session = await sessions.get(batch.rows, batch.seq);
    const go = () => session.run({ ids: batch.ids, last: batch.last, weights: rowWeights });
    if (dropout === 0 || key === undefined) return await go();
    return await withDropout(trained, dropoutMasks(trained, dropout, { seed, ...key }), go);
  };
  return {
    trained,
    parameters: countNumbers(baseWeights) + countNumbers(trained),
    identity: JSON.stringify([weightsIdentity(baseWeights), start ? weightsIdentity(start.weights) : '']),
    score: async (batch, key) => (await run(scoring, batch, () => 0, key)).rewards,
    differentiate: (batch, weightOf, key) => run(learning, batch, weightOf, key),
    save: (folder) =>
      saveRewardModel(folder, {
        adapter: {
          ...{ rank: lora.rank, targets: lora.targets, alpha, scale, weights: adapter },
          base: basename(resolve(options.base)), // never a path of this machine
        },
        head,
      }),
    release: async () => {
      await scoring.release();
      await learning.release();
    },
  };
}

// A reward model loaded in onnxruntime: rewards of rows of tokens, and gradients of the adapter and the head for any
// loss of those rewards. Used by the training of reward models. It knows no preference loss and no files. Weight
// tensors are views on the caller's arrays: whoever changes those between runs changes the next run.
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { buildLlamaRewardGraph, type RewardGraphOptions } from '../graph/llama-reward-graph.ts';
import { gradientName } from '../graph/llama-train-graph.ts';
import type { TensorMap } from '../model/safetensors.ts';
import { bindWeights, floatsOf, trainingSessionOptions } from './session-tensors.ts';

interface RewardSessionOptions extends Omit<RewardGraphOptions, 'floatType'> {
  /** Base weights, A and B of the adapter where `lora` is given, and `score.weight` [1, dim]. */
  readonly weights: TensorMap;
  /** alpha / rank. */
  readonly loraScale?: number;
  readonly threads?: number;
}

/** [batch, seq] tokens, padded on the right. */
export interface RewardBatch {
  readonly ids: BigInt64Array;
  /** [batch] index within the row of the token whose hidden state is scored: the last that is not padding. */
  readonly last: BigInt64Array;
  /** [batch] dLoss/dReward; a row of padding has 0. */
  readonly weights: Float32Array;
}

export interface RewardStep {
  /** [batch] */
  readonly rewards: Float32Array;
  /** Gradients of sum(weights * reward) by weight name; empty where the session has none. Fresh arrays. */
  readonly gradients: ReadonlyMap<string, Float32Array>;
}

export interface RewardSession {
  readonly run: (batch: RewardBatch) => Promise<RewardStep>;
  readonly release: () => Promise<void>;
}

/**
 * How a loss of rewards is trained (Bradley-Terry: -log sigmoid(chosen - rejected)): run with `gradients: 'none'`,
 * compute the loss and dLoss/dReward of each row, run with `gradients: 'lora'` and those weights.
 */
export async function createRewardSession(options: RewardSessionOptions): Promise<RewardSession> {
  const { batch, seq, weights, threads = 1, loraScale = 0 } = options;
  const graph = buildLlamaRewardGraph(options);
  const session = await InferenceSession.create(graph.onnx, trainingSessionOptions(threads));
  const bound = bindWeights(weights, [...graph.weightShapes, ...graph.trainedShapes]);
  return {
    run: async (rows) => {
      const feeds: Record<string, Tensor> = {
        ...bound,
        ids: new Tensor('int64', rows.ids, [batch, seq]),
        last: new Tensor('int64', rows.last, [batch]),
        weights: new Tensor('float32', rows.weights, [batch]),
      };
      if (options.lora) feeds.lora_scale = new Tensor('float32', Float32Array.of(loraScale), []);
      const results = await session.run(feeds);
      return {
        rewards: floatsOf(results, 'rewards'),
        gradients: new Map(graph.trained.map((name) => [name, floatsOf(results, gradientName(name))])),
      };
    },
    release: () => session.release(),
  };
}

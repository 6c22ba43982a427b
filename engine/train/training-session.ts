// One training graph loaded in onnxruntime, with its weights bound by name. Used by pre-training, fine-tuning,
// scoring and attribution. It knows no optimiser and no files. Weight tensors are views on the caller's arrays:
// whoever changes those arrays between runs changes the next run. A run blocks its thread from start to end.
import { InferenceSession, Tensor } from 'onnxruntime-node';
import {
  buildLlamaTrainGraph,
  gradientName,
  type TrainGraph,
  type TrainGraphOptions,
} from '../graph/llama-train-graph.ts';
import type { TensorMap } from '../model/safetensors.ts';

/** [batch, seq] tokens, next tokens and loss weights, row-major. A row ends with weight-0 padding. */
export interface TokenBatch {
  readonly ids: BigInt64Array;
  readonly labels: BigInt64Array;
  readonly weights: Float32Array;
  /**
   * Several short examples in one row: [batch, seq] the number of the example each token belongs to, rising from 0
   * within a row. Attention never crosses from one to another and positions begin anew. Left out: one a row.
   */
  readonly segments?: BigInt64Array;
}

/** Where a graph runs. */
export type TrainDevice = 'cpu' | 'webgpu' | 'cuda';

interface TrainingSessionOptions extends Omit<TrainGraphOptions, 'floatType'> {
  /** Base weights, and A and B of the adapter where `lora` is given. */
  readonly weights: TensorMap;
  /** alpha / rank. */
  readonly loraScale?: number;
  readonly threads?: number;
}

export interface TrainingStep {
  /** Sum of weight * nll over the batch. */
  readonly loss: number;
  /** [batch, seq] -log p(label), also where the weight is 0. */
  readonly nll: Float32Array;
  /** By weight name; fresh arrays that the caller may keep and change. */
  readonly gradients: ReadonlyMap<string, Float32Array>;
}

export interface TrainingSession {
  readonly graph: TrainGraph;
  /** @param loraScale overrides the session's own; 0 gives the base model. */
  readonly run: (batch: TokenBatch, loraScale?: number) => Promise<TrainingStep>;
  readonly release: () => Promise<void>;
}

export async function createTrainingSession(options: TrainingSessionOptions): Promise<TrainingSession> {
  const { batch, seq, weights, threads = 1 } = options;
  const graph = buildLlamaTrainGraph(options);
  const session = await InferenceSession.create(graph.onnx, {
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    enableMemPattern: false, // halves peak memory at no cost in speed
    extra: { session: { intra_op: { allow_spinning: '0' } } }, // spinning burns the cores others need
  });
  const bound: Record<string, Tensor> = {};
  for (const [name, shape] of [...graph.weightShapes, ...graph.loraShapes]) {
    const tensor = weights.get(name);
    if (!tensor) throw new Error(`bug: training graph asks for ${name}, which was not given`);
    bound[name] = new Tensor('float32', tensor.data, shape);
  }
  return {
    graph,
    run: async (tokens, loraScale = options.loraScale ?? 0) => {
      const dims = [batch, seq];
      const feeds: Record<string, Tensor> = {
        ...bound,
        ids: new Tensor('int64', tokens.ids, dims),
        labels: new Tensor('int64', tokens.labels, dims),
        weights: new Tensor('float32', tokens.weights, dims),
      };
      if (options.lora) feeds.lora_scale = new Tensor('float32', Float32Array.of(loraScale), []);
      const results = await session.run(feeds);
      const floats = (name: string): Float32Array => {
        const { data } = results[name];
        if (data instanceof Float32Array) return data;
        throw new Error(`bug: output ${name} is not f32`);
      };
      return {
        loss: floats('loss')[0],
        nll: floats('nll'),
        gradients: new Map(graph.trained.map((name) => [name, floats(gradientName(name))])),
      };
    },
    release: () => session.release(),
  };
}

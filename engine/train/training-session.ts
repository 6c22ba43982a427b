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
import { llamaTensorShapes } from '../model/llama-weights.ts';
import type { LlamaConfig } from '../model/model-config.ts';
import type { TensorMap } from '../model/safetensors.ts';
import { requireRightGradients } from './device-gradient-trial.ts';
import { openDeviceTraining } from './device-training-session.ts';
import { createLayerWiseSession } from './layer-wise-session.ts';
import { bindWeights, floatsOf, trainingSessionOptions } from './session-tensors.ts';
import { wholeParametersMax } from './training-memory.ts';

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

interface TrainingSessionOptions extends Omit<TrainGraphOptions, 'floatType' | 'resident'> {
  /** Base weights, and A and B of the adapter where `lora` is given. */
  readonly weights: TensorMap;
  /** alpha / rank. */
  readonly loraScale?: number;
  readonly threads?: number;
  /**
   * Default cpu. A GPU keeps weights frozen beside an adapter: changes to their arrays are not seen there. It is tried
   * first, once a process.
   */
  readonly device?: TrainDevice;
  /**
   * whole: one graph of all layers, fastest. layerwise: a layer at a time, up to two fifths more time, a fraction of
   * the memory; CPU only, and without projection. auto (default): layerwise above 30 M parameters where it can be.
   */
  readonly execution?: 'auto' | 'whole' | 'layerwise';
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
  readonly graph: Omit<TrainGraph, 'onnx'>;
  /**
   * @param loraScale overrides the session's own; 0 gives the base model.
   * @param signal ends a layer-wise run between two layers (EngineError `training_cancelled`); a run of the whole graph
   *   cannot be interrupted.
   */
  readonly run: (batch: TokenBatch, loraScale?: number, signal?: AbortSignal) => Promise<TrainingStep>;
  readonly release: () => Promise<void>;
}

/** @throws EngineError `device_unavailable` | `device_wrong` of a GPU */
export async function createTrainingSession(options: TrainingSessionOptions): Promise<TrainingSession> {
  if (options.device !== undefined && options.device !== 'cpu')
    await requireRightGradients(options, openTrainingSession);
  return isLayerWise(options) ? await createLayerWiseSession(options) : await openTrainingSession(options);
}

function isLayerWise(options: TrainingSessionOptions): boolean {
  const { config, device = 'cpu', execution = 'auto', projection } = options;
  if (device !== 'cpu' || projection !== undefined || execution !== 'auto')
    return device === 'cpu' && execution === 'layerwise';
  return parameterCount(config) > wholeParametersMax;
}

function parameterCount(config: LlamaConfig): number {
  return [...llamaTensorShapes(config).values()]
    .map((shape) => shape.reduce((product, size) => product * size, 1))
    .reduce((sum, size) => sum + size, 0);
}

/** Without trying the device first. */
async function openTrainingSession(options: TrainingSessionOptions): Promise<TrainingSession> {
  const { batch, seq, weights } = options;
  const { graph, session } = await openGraph(options);
  const bound = bindWeights(weights, [...graph.weightShapes, ...graph.loraShapes]);
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
      if (options.packed) {
        if (!tokens.segments) throw new Error('bug: a packed session needs the segments of its batch');
        feeds.segments = new Tensor('int64', tokens.segments, dims);
      }
      if (options.lora) feeds.lora_scale = new Tensor('float32', Float32Array.of(loraScale), []);
      const results = await session.run(feeds);
      return {
        loss: floatsOf(results, 'loss')[0],
        nll: floatsOf(results, 'nll'),
        gradients: new Map(graph.trained.map((name) => [name, floatsOf(results, gradientName(name))])),
      };
    },
    release: () => session.release(),
  };
}

async function openGraph(
  options: TrainingSessionOptions,
): Promise<{ graph: TrainGraph; session: InferenceSession }> {
  const { threads = 1, device = 'cpu' } = options;
  if (device !== 'cpu') return await openDeviceTraining({ ...options, device });
  const graph = buildLlamaTrainGraph(options);
  return { graph, session: await InferenceSession.create(graph.onnx, trainingSessionOptions(threads)) };
}

// A tiny random Llama and a runner for its training graph, shared by the gradient tests. Weights come from a
// seeded generator, so every figure in these tests is repeatable.
import { InferenceSession, Tensor } from 'onnxruntime-node';
import {
  buildLlamaTrainGraph,
  type TrainGraph,
  type TrainGraphOptions,
} from '../../../engine/graph/llama-train-graph.ts';
import { projections } from '../../../engine/model/llama-weights.ts';
import type { LlamaConfig } from '../../../engine/model/model-config.ts';

export const tinyConfig: LlamaConfig = {
  dim: 16,
  layers: 2,
  heads: 4,
  kvHeads: 2,
  headDim: 16,
  ffn: 24,
  vocab: 23,
  maxSeq: 32,
  ropeTheta: 10000,
  rmsEps: 1e-5,
  tied: false,
  qkvBias: false,
  bosId: undefined,
  eosIds: [0],
};

export const allLora = { rank: 3, targets: projections } as const;

/** Uniform in [-1, 1), mulberry32. */
export function seededNoise(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 31 - 1;
  };
}

type Weights = Map<string, Float64Array>;

interface TinyBatch {
  readonly ids: readonly number[];
  readonly labels: readonly number[];
  readonly weights: readonly number[];
  readonly loraScale?: number;
  readonly segments?: readonly number[];
}

export function randomWeights(graph: Pick<TrainGraph, 'weightShapes' | 'loraShapes'>, seed: number): Weights {
  const noise = seededNoise(seed);
  const weights: Weights = new Map();
  for (const [name, shape] of [...graph.weightShapes, ...graph.loraShapes]) {
    const size = shape.reduce((product, n) => product * n, 1);
    const isNorm = name.endsWith('norm.weight');
    weights.set(
      name,
      Float64Array.from({ length: size }, () => (isNorm ? 1 + 0.3 * noise() : 0.5 * noise())),
    );
  }
  return weights;
}

/** Random ids; every third weight 0, the others between 0.5 and 1.5. */
export function randomBatch(rows: number, vocab: number, seed: number): TinyBatch {
  const noise = seededNoise(seed);
  const id = (): number => Math.floor(((noise() + 1) / 2) * vocab);
  return {
    ids: Array.from({ length: rows }, id),
    labels: Array.from({ length: rows }, id),
    weights: Array.from({ length: rows }, (_, i) => (i % 3 === 2 ? 0 : 1 + 0.5 * noise())),
    loraScale: 0.7,
  };
}

interface TinyRunner {
  readonly graph: TrainGraph;
  readonly run: (weights: Weights, batch: TinyBatch) => Promise<Outputs>;
}

export async function tinyRunner(options: TrainGraphOptions): Promise<TinyRunner> {
  const graph = buildLlamaTrainGraph(options);
  const { batch, seq, floatType = 'f32' } = options;
  const session = await tinySession(graph.onnx, floatType);
  const shapes = [...graph.weightShapes, ...graph.loraShapes];
  return {
    graph,
    run: (weights, data) =>
      session({
        ids: { ints: data.ids, shape: [batch, seq] },
        labels: { ints: data.labels, shape: [batch, seq] },
        weights: { floats: data.weights, shape: [batch, seq] },
        ...(options.lora ? { lora_scale: { floats: [data.loraScale ?? 1], shape: [] } } : {}),
        ...(options.packed ? { segments: { ints: data.segments ?? [], shape: [batch, seq] } } : {}),
        ...Object.fromEntries(
          shapes.map(([name, shape]) => [name, { floats: weights.get(name) ?? [], shape }]),
        ),
      }),
  };
}

type Outputs = Readonly<Record<string, Float64Array>>;
type TinyFeed = ({ readonly ints: readonly number[] } | { readonly floats: ArrayLike<number> }) & {
  readonly shape: readonly number[];
};

/** Any graph of the builder: numbers in, numbers out. */
export async function tinySession(
  onnx: Uint8Array,
  floatType: 'f32' | 'f64',
): Promise<(feeds: Readonly<Record<string, TinyFeed>>) => Promise<Outputs>> {
  const session = await InferenceSession.create(onnx, {
    intraOpNumThreads: 1,
    // Higher levels fuse f64 nodes into kernels that exist for f32 only (QuickGelu).
    graphOptimizationLevel: floatType === 'f64' ? 'basic' : 'all',
  });
  const tensorOf = (feed: TinyFeed): Tensor => {
    if ('ints' in feed) return new Tensor('int64', BigInt64Array.from(feed.ints.map(BigInt)), feed.shape);
    return floatType === 'f64'
      ? new Tensor('float64', Float64Array.from(feed.floats), feed.shape)
      : new Tensor('float32', Float32Array.from(feed.floats), feed.shape);
  };
  return async (feeds) => {
    const results = await session.run(
      Object.fromEntries(Object.entries(feeds).map(([name, feed]) => [name, tensorOf(feed)])),
    );
    return Object.fromEntries(
      Object.entries(results).map(([name, value]) => [name, Float64Array.from(value.data as Float32Array)]),
    );
  };
}

/** |a - b| / |b| in the Euclidean norm. */
export function relativeError(a: Float64Array, b: Float64Array): number {
  let difference = 0;
  let norm = 0;
  a.forEach((value, i) => {
    difference += (value - b[i]) ** 2;
    norm += b[i] ** 2;
  });
  return Math.sqrt(difference / norm);
}

// A serving graph -> an onnxruntime session, with the weights on their way through a temporary file, or through memory
// where no file can be written. Used by serve-session.ts. It knows no model. On a 135M model in int8 the file takes the
// peak of loading from 2.9 times the stored weights to 1.5 times, and what stays from 2.4 to 0.9; answers and speed are
// the same. Figures of onnxruntime-node 1.30, which copies external data that it is handed in memory.
import { InferenceSession } from 'onnxruntime-node';
import { EngineError } from '../errors.ts';
import type { ServeWeights, WeightPlace } from '../graph/serve-weights.ts';
import { createWeightFile } from './weight-file.ts';

interface BuiltGraph {
  readonly onnx: Uint8Array;
  readonly externalData: ServeWeights['externalData'];
}

interface LoadedGraph {
  readonly session: InferenceSession;
  /** Of all weights, as the graph holds them. */
  readonly bytes: number;
}

/** @param build called with a place for the weights, and once more without one if there is no room on disk */
export async function loadGraph(
  build: (put?: (data: Uint8Array) => WeightPlace) => BuiltGraph,
  options: InferenceSession.SessionOptions,
): Promise<LoadedGraph> {
  try {
    return await throughFile(build, options);
  } catch (error) {
    if (!(error instanceof EngineError) || error.code !== 'weight_file_unwritable') throw error;
  }
  const { onnx, externalData } = build();
  const session = await InferenceSession.create(onnx, { ...options, externalData });
  return { session, bytes: externalData.reduce((sum, { data }) => sum + data.byteLength, 0) };
}

async function throughFile(
  build: (put: (data: Uint8Array) => WeightPlace) => BuiltGraph,
  options: InferenceSession.SessionOptions,
): Promise<LoadedGraph> {
  const file = createWeightFile();
  try {
    const path = file.finish(build(file.put).onnx);
    return { session: await InferenceSession.create(path, options), bytes: file.bytes() };
  } finally {
    file.remove();
  }
}

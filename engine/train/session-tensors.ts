// What every training session shares: onnxruntime options that are right for training, weights bound as views, and
// outputs read as f32. Used by the *-session.ts files on the CPU. It knows no graph.
import { type InferenceSession, Tensor } from 'onnxruntime-node';
import type { TensorMap } from '../model/safetensors.ts';

export function trainingSessionOptions(threads: number): InferenceSession.SessionOptions {
  return {
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    enableMemPattern: false, // halves peak memory at no cost in speed
    extra: { session: { intra_op: { allow_spinning: '0' } } }, // spinning burns the cores others need
  };
}

/** Tensors over the caller's arrays, not copies. */
export function bindWeights(
  weights: TensorMap,
  shapes: Iterable<readonly [string, readonly number[]]>,
): Record<string, Tensor> {
  const bound: Record<string, Tensor> = {};
  for (const [name, shape] of shapes) {
    const tensor = weights.get(name);
    if (!tensor) throw new Error(`bug: a training graph asks for ${name}, which was not given`);
    bound[name] = new Tensor('float32', tensor.data, shape);
  }
  return bound;
}

export function floatsOf(results: InferenceSession.OnnxValueMapType, name: string): Float32Array {
  const data = results[name]?.data;
  if (data instanceof Float32Array) return data;
  throw new Error(`bug: output ${name} is not f32`);
}

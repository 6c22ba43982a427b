// Superseded by serve-session.ts (createBatchSession); goes when the scheduler no longer uses it.
// One Llama model loaded in onnxruntime for serving, and the step that feeds tokens to it. Used by the scheduler (in
// the worker) and by tests. It knows no requests, no text and no sampling. Steps must not overlap: a run blocks its
// thread from start to end anyway. Invariant: a cache holds exactly `length` tokens, never more than contextTokens.
//
// onnxruntime-node 1.30 writes preallocated outputs in place and then copies each of them on return, the whole KV
// cache included. The `poison` output is a sequence, which the binding cannot convert: the run completes in place and
// throws before any copy. `tryPoison` compares both ways when a session starts; if a later version behaves otherwise,
// the plain way is used and stays correct. Not needed once microsoft/onnxruntime#32346 is released.
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { buildLlamaServeGraph } from '../graph/legacy-serve-graph.ts';
import { weightOf } from '../model/llama-weights.ts';
import type { LlamaConfig } from '../model/model-config.ts';
import type { TensorMap } from '../model/safetensors.ts';
import { type LoraRows, zeroLoraRows } from './lora-rows.ts';

/** Keys and values of one request. Made and changed by the session only. */
export interface KvCache {
  length: number;
  /** By input name, `past_k.0` .. `past_v.<last>`. */
  tensors: Record<string, Tensor>;
}

export interface ServeSession {
  readonly config: LlamaConfig;
  readonly contextTokens: number;
  readonly attention: 'fused' | 'unfused';
  /** Whether outputs come back without a copy; see above. */
  readonly inPlace: boolean;
  readonly newCache: () => KvCache;
  /** Forgets the tokens but keeps the memory. */
  readonly resetCache: (cache: KvCache) => void;
  /**
   * Appends tokens to a cache and returns logits [rows, vocab] of the last token or of all of them. With `last` the
   * array is reused: it holds until the next step.
   */
  readonly step: (step: StepInput) => Promise<Float32Array>;
  readonly release: () => Promise<void>;
}

interface StepInput {
  readonly cache: KvCache;
  readonly ids: readonly number[];
  /** Left out = the base model. */
  readonly lora?: LoraRows;
  readonly logits: 'last' | 'all';
}

interface ServeSessionOptions {
  readonly config: LlamaConfig;
  readonly weights: TensorMap;
  /** Cache length; default and at most config.maxSeq. */
  readonly contextTokens?: number;
  readonly threads?: number;
  /** For tests: the plain path where the fused kernel would fit too. */
  readonly attention?: 'unfused';
}

const poisonMessage = 'Non tensor type is temporarily not supported.';

export async function createServeSession(options: ServeSessionOptions): Promise<ServeSession> {
  const { config, weights, threads = 1, attention } = options;
  const contextTokens = Math.min(options.contextTokens ?? config.maxSeq, config.maxSeq);
  const weight = (name: string): Float32Array => weightOf(weights, name).data;
  const graph = buildLlamaServeGraph({ config, contextTokens, weight, attention });
  const session = await InferenceSession.create(graph.onnx, {
    externalData: graph.externalData,
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    extra: { session: { intra_op: { allow_spinning: '0' } } }, // spinning burns the cores others need
  });
  const fused = graph.attention === 'fused';
  const zeroLora = zeroLoraRows(config);
  const lastLogits = new Tensor('float32', new Float32Array(config.vocab), [1, config.vocab]);

  const newCache = (): KvCache => {
    const dims = [1, config.kvHeads, fused ? contextTokens : 0, config.headDim];
    const empty = (): Tensor =>
      new Tensor('float32', new Float32Array(dims.reduce((product, size) => product * size, 1)), dims);
    const tensors: Record<string, Tensor> = {};
    for (let layer = 0; layer < config.layers; layer++) {
      tensors[`past_k.${layer}`] = empty();
      tensors[`past_v.${layer}`] = empty();
    }
    return { length: 0, tensors };
  };

  const run = async (input: StepInput, poisoned: boolean): Promise<Float32Array> => {
    const { cache, ids, lora = zeroLora, logits: wanted } = input;
    checkStep(input, config.vocab, contextTokens);
    const rows = wanted === 'all' ? ids.map((_, index) => index) : [ids.length - 1];
    const logits =
      wanted === 'last'
        ? lastLogits
        : new Tensor('float32', new Float32Array(rows.length * config.vocab), [rows.length, config.vocab]);
    const total = cache.length + ids.length;
    const feeds: Record<string, Tensor> = {
      ...cache.tensors,
      ...lora,
      ids: int64(ids, [1, ids.length]),
      rows: int64(rows, [rows.length]),
      ...(fused ? fusedPlace(total) : unfusedPlace(cache.length, ids.length)),
    };
    const fetches: Record<string, Tensor | null> = poisoned ? { poison: null, logits } : { logits };
    for (const name of Object.keys(cache.tensors)) {
      fetches[presentName(name)] = fused ? cache.tensors[name] : null;
    }
    if (poisoned) {
      try {
        await session.run(feeds, fetches);
        throw new Error('bug: the poisoned run was expected to throw');
      } catch (error) {
        if (!(error instanceof Error) || error.message !== poisonMessage) throw error;
      }
    } else {
      const results = await session.run(feeds, fetches);
      if (!fused) {
        for (const name of Object.keys(cache.tensors)) cache.tensors[name] = results[presentName(name)];
      }
    }
    cache.length = total;
    return floats(logits);
  };

  const inPlace = fused && (await tryPoison(newCache, run));
  return {
    config,
    contextTokens,
    attention: graph.attention,
    inPlace,
    newCache,
    resetCache: (cache) => {
      if (!fused) cache.tensors = newCache().tensors;
      cache.length = 0;
    },
    step: (input) => run(input, inPlace),
    release: () => session.release(),
  };
}

/** Feeds four tokens both ways; true if the poisoned way throws as known and gives the same logits and cache. */
async function tryPoison(
  newCache: () => KvCache,
  run: (input: StepInput, poisoned: boolean) => Promise<Float32Array>,
): Promise<boolean> {
  const trial = async (poisoned: boolean): Promise<readonly Float32Array[]> => {
    const cache = newCache();
    const first = (await run({ cache, ids: [0, 1, 0], logits: 'last' }, poisoned)).slice();
    const second = (await run({ cache, ids: [1], logits: 'last' }, poisoned)).slice();
    return [first, second, ...Object.values(cache.tensors).map(floats)];
  };
  try {
    const plain = await trial(false);
    const poisoned = await trial(true);
    return plain.every((values, index) => values.every((value, at) => Object.is(value, poisoned[index][at])));
  } catch {
    return false; // the plain way needs no trial: its first real step reports what is wrong
  }
}

function checkStep({ cache, ids }: StepInput, vocab: number, contextTokens: number): void {
  // Zero rows kill the process inside the attention kernel, and a length past the buffer writes outside it.
  if (ids.length === 0) throw new Error('bug: a step needs at least one token');
  if (cache.length + ids.length > contextTokens)
    throw new Error(`bug: ${cache.length} + ${ids.length} tokens exceed the context of ${contextTokens}`);
  for (const id of ids) {
    if (!Number.isInteger(id) || id < 0 || id >= vocab)
      throw new Error(`bug: token id ${id} is outside the vocabulary of ${vocab}`);
  }
}

function fusedPlace(total: number): Record<string, Tensor> {
  return {
    last_index: new Tensor('int32', Int32Array.of(total - 1), [1]),
    total_length: new Tensor('int32', Int32Array.of(total), [1]),
  };
}

function unfusedPlace(past: number, seq: number): Record<string, Tensor> {
  const total = past + seq;
  const mask = new Float32Array(seq * total);
  for (let row = 0; row < seq; row++) mask.fill(-1e9, row * total + past + row + 1, (row + 1) * total);
  const positions = Array.from({ length: seq }, (_, index) => past + index);
  return { positions: int64(positions, [seq]), mask: new Tensor('float32', mask, [seq, total]) };
}

function presentName(past: string): string {
  return past.replace('past_', 'present_');
}

function int64(values: readonly number[], dims: readonly number[]): Tensor {
  return new Tensor('int64', BigInt64Array.from(values, BigInt), dims);
}

function floats(tensor: Tensor): Float32Array {
  if (tensor.data instanceof Float32Array) return tensor.data;
  throw new Error('bug: a serving tensor is not f32');
}

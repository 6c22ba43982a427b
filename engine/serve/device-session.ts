// A BatchSession on a GPU: weights, KV rows and adapter rows stay on the device; token ids go in and logits come out.
// Used by the serving worker and by tests; batch-session.ts says what it promises, with one difference: the same bits
// whatever the batch are promised on the CPU only, since GPU kernels choose their order of adding by the batch's size.
// It knows no requests, no text and no sampling. Where its rows live: device-kv.ts, device-adapters.ts.
// The graph is the CPU's in its in_place form, without the detour of `poison`: outputs on the device are not copied.
// The device checks no bounds, so whatever is out of range is refused here before a run.
import { type InferenceSession, Tensor } from 'onnxruntime-node';
import { checkHeadSize } from '../graph/cached-attention.ts';
import { buildLlamaServeGraph, type LoraGroup } from '../graph/llama-serve-graph.ts';
import type { LlamaConfig } from '../model/model-config.ts';
import type { WeightFormat } from '../model/weight-format.ts';
import { checkDecode, checkPrefill, checkRow, checkTokens } from './batch-checks.ts';
import type { BatchSession, PrefillInput, StepLogits } from './batch-session.ts';
import { createDeviceAdapters } from './device-adapters.ts';
import { createDeviceBuffers, type DeviceProvider } from './device-buffers.ts';
import { createDeviceKv } from './device-kv.ts';
import { attentionPieceMax } from './device-self-test.ts';
import { loadGraph } from './load-graph.ts';
import { stepOutputs } from './step-outputs.ts';

interface DeviceSessionOptions {
  readonly device: DeviceProvider;
  readonly config: LlamaConfig;
  /** Values by Hugging Face name, [out, in]. Called while loading, and again when an adapter of a new kind comes. */
  readonly read: (name: string) => Float32Array;
  readonly weights: WeightFormat;
  readonly rowsMax: number;
  /** Default and at most config.maxSeq. */
  readonly contextTokens?: number;
  /** Tensors read so far. */
  readonly onProgress?: (tensors: number) => void;
}

/** @throws EngineError `config_unsupported` | `device_wrong` | those of reading the weights */
export async function createDeviceSession(options: DeviceSessionOptions): Promise<BatchSession> {
  const { config, device, rowsMax, weights } = options;
  const contextTokens = Math.min(options.contextTokens ?? config.maxSeq, config.maxSeq);
  const { layers, kvHeads, headDim, vocab } = config;
  const limits = { rowsMax, contextTokens, vocab };
  const buffers = createDeviceBuffers(device);
  checkHeadSize(headDim);
  const pieceMax = await attentionPieceMax(config, device, buffers);
  let loaded = await openGraph(options, contextTokens, new Set());
  const kv = await createDeviceKv({ buffers, layers, kvHeads, headDim, contextTokens, rowsMax });
  const adapters = createDeviceAdapters({ buffers, config, rowsMax });
  const outputs = stepOutputs(vocab, rowsMax);

  const run = async (step: DeviceStep): Promise<StepLogits> => {
    const { ids, lengths, cache, lora, wanted, temperatures } = step;
    const n = lengths.length;
    const seq = ids.length / n;
    const positions = lengths.flatMap((length) => Array.from({ length: seq }, (_, at) => length + at));
    const feeds: Record<string, Tensor> = {
      ...lora,
      ids: int64(ids, [n, seq]),
      positions: int64(positions, [n, seq]),
      last_index: new Tensor(
        'int32',
        Int32Array.from(lengths, (length) => length + seq - 1),
        [n],
      ),
      total_length: new Tensor('int32', Int32Array.of(Math.max(...lengths) + seq), [1]),
      rows: int64(wanted, [wanted.length]),
      inverse_temperature: new Tensor(
        'float32',
        Float32Array.from(temperatures, (temperature) => 1 / (temperature || 1)),
        [wanted.length, 1],
      ),
    };
    const { fetches, result } = outputs.take(wanted.length);
    const wants: Record<string, Tensor | null> = { logits: null, top_ids: null, top_probabilities: null };
    cache.forEach((tensor, index) => {
      const name = `${index % 2 === 0 ? 'k' : 'v'}.${Math.floor(index / 2)}`;
      feeds[`past_${name}`] = tensor;
      wants[`present_${name}`] = tensor;
    });
    outputs.fill(fetches, await loaded.session.run(feeds, wants));
    return result;
  };

  const prefillPiece = async (input: PrefillInput): Promise<StepLogits> => {
    const { row, start, ids, temperature } = input;
    const wanted = input.wanted === 'last' ? [ids.length - 1] : ids.map((_, index) => index);
    const result = await run({
      ids,
      lengths: [start],
      cache: await kv.open(row, start),
      lora: await adapters.single(row),
      wanted,
      temperatures: wanted.map(() => temperature),
    });
    await kv.keep(row, start, start + ids.length);
    return result;
  };

  return {
    config,
    contextTokens,
    rowsMax,
    device,
    weights,
    kvMode: 'in_place',
    residentBytes: () => loaded.bytes + kv.bytes + adapters.bytes(),
    setAdapter: async (row, adapter) => {
      checkRow(row, limits);
      await adapters.set(row, adapter);
      const groups = adapters.groups();
      if ([...groups].every((group) => loaded.groups.has(group))) return;
      await loaded.session.release(); // first: the device may not hold the weights twice
      loaded = await openGraph(options, contextTokens, groups);
    },
    prefill: async (input) => {
      checkPrefill(input, limits);
      const { ids } = input;
      if (ids.length <= pieceMax) return prefillPiece(input);
      const steps: StepLogits[] = [];
      for (let at = 0; at < ids.length; at += pieceMax) {
        const piece = ids.slice(at, at + pieceMax);
        const step = await prefillPiece({ ...input, start: input.start + at, ids: piece });
        if (input.wanted === 'all') steps.push(keptStep(step, piece.length));
        else steps.splice(0, 1, step);
      }
      return input.wanted === 'all' ? joinedSteps(steps, pieceMax) : steps[0];
    },
    decode: async (input) => {
      checkDecode(input, limits);
      const { ids, lengths, temperatures } = input;
      const rows = ids.map((_, index) => index);
      for (const row of rows) kv.touched(row);
      const [cache, lora] = [kv.front(ids.length), adapters.front(ids.length)];
      return run({ ids, lengths, cache, lora, wanted: rows, temperatures });
    },
    moveRow: async (from, to, tokens) => {
      checkTokens(from, tokens, limits);
      checkRow(to, limits);
      if (from === to) return;
      await kv.move(from, to, tokens);
      await adapters.move(from, to);
    },
    readRow: async (row, tokens) => {
      checkTokens(row, tokens, limits);
      return kv.read(row, tokens);
    },
    writeRow: async (row, snapshot, tokens) => {
      checkTokens(row, tokens, limits);
      if (tokens > snapshot.tokens)
        throw new Error(`bug: ${tokens} tokens wanted of a snapshot of ${snapshot.tokens}`);
      await kv.write(row, snapshot, tokens);
    },
    release: async () => {
      await loaded.session.release();
      await buffers.release();
    },
  };
}

interface DeviceStep {
  readonly ids: readonly number[]; // [n * seq]
  readonly lengths: readonly number[]; // [n], before this step
  readonly cache: readonly Tensor[]; // keys and values of each layer, [n, kvHeads, contextTokens, headDim]
  readonly lora: Readonly<Record<string, Tensor>>;
  /** Which of the n * seq tokens' logits come back, and at which temperature. */
  readonly wanted: readonly number[];
  readonly temperatures: readonly number[];
}

/** A copy that outlives the next step. */
function keptStep(step: StepLogits, count: number): StepLogits {
  const kept = Array.from({ length: count }, (_, index) => ({
    logits: step.logits(index).slice(),
    topIds: step.topIds(index),
    topProbabilities: step.topProbabilities(index).slice(),
  }));
  return {
    logits: (index) => kept[index].logits,
    topIds: (index) => kept[index].topIds,
    topProbabilities: (index) => kept[index].topProbabilities,
  };
}

/** Steps of `size` tokens each (the last one may be shorter) as one. */
function joinedSteps(steps: readonly StepLogits[], size: number): StepLogits {
  const of = (index: number): StepLogits => steps[Math.floor(index / size)];
  return {
    logits: (index) => of(index).logits(index % size),
    topIds: (index) => of(index).topIds(index % size),
    topProbabilities: (index) => of(index).topProbabilities(index % size),
  };
}

interface LoadedWeights {
  readonly session: InferenceSession;
  readonly groups: ReadonlySet<LoraGroup['name']>;
  readonly bytes: number;
}

async function openGraph(
  { config, device, read, weights, onProgress }: DeviceSessionOptions,
  contextTokens: number,
  groups: ReadonlySet<LoraGroup['name']>,
): Promise<LoadedWeights> {
  let tensors = 0;
  const counted = (name: string): Float32Array => {
    const values = read(name);
    onProgress?.(++tensors);
    return values;
  };
  const graph = { config, contextTokens, read: counted, weights, kvForm: 'in_place', groups } as const;
  const loaded = await loadGraph((put) => buildLlamaServeGraph({ ...graph, put }), {
    executionProviders: [device],
    logSeverityLevel: 3, // no word each time that the 64 likeliest ids are narrowed on the CPU, where they go anyway
  });
  return { ...loaded, groups: new Set(groups) };
}

function int64(values: readonly number[], dims: readonly number[]): Tensor {
  return new Tensor('int64', BigInt64Array.from(values, BigInt), dims);
}

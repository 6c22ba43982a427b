// A BatchSession on the CPU: one model in onnxruntime, its KV rows and adapter rows in this thread's memory. Used by the
// serving worker and by tests; batch-session.ts says what it promises. It knows no requests, no text and no sampling.
// Whatever would crash the kernels (no rows, ids outside the vocabulary, lengths past the buffer, a wrong longest
// length) is refused here before a run. How keys and values reach the cache is explained in serve-run.ts.
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { buildLlamaServeGraph, type LoraGroup } from '../graph/llama-serve-graph.ts';
import type { LlamaConfig } from '../model/model-config.ts';
import type { WeightFormat } from '../model/weight-format.ts';
import { adapterRows } from './adapter-rows.ts';
import { checkDecode, checkPrefill, checkRow, checkTokens } from './batch-checks.ts';
import type { BatchSession, StepLogits } from './batch-session.ts';
import { kvRows } from './kv-rows.ts';
import { chooseKvMode } from './kv-self-test.ts';
import { type Feeds, type KvMode, type RunFunction, runPoisoned, runSession } from './serve-run.ts';
import { stepOutputs } from './step-outputs.ts';

export { createServeSession, type KvCache, type ServeSession } from './legacy-serve-session.ts';

export interface BatchSessionOptions {
  readonly config: LlamaConfig;
  /** Values by Hugging Face name, [out, in]. Called while loading, and again when an adapter of a new kind comes. */
  readonly read: (name: string) => Float32Array;
  readonly weights: WeightFormat;
  readonly rowsMax: number;
  /** Default and at most config.maxSeq. */
  readonly contextTokens?: number;
  readonly threads?: number;
  /** For tests: this way instead of the one that the self-test chooses. */
  readonly kvMode?: KvMode;
  /** For tests: another binding's behaviour. */
  readonly run?: RunFunction;
  /** Tensors read so far. */
  readonly onProgress?: (tensors: number) => void;
}

interface StepPlan {
  readonly feeds: Feeds;
  readonly cache: Feeds;
}

/** @throws EngineError `config_unsupported` | those of reading the weights */
export async function createBatchSession(options: BatchSessionOptions): Promise<BatchSession> {
  const { config, rowsMax, threads = 1, run = runSession } = options;
  const contextTokens = Math.min(options.contextTokens ?? config.maxSeq, config.maxSeq);
  const open = (groups: ReadonlySet<LoraGroup['name']>, form: 'in_place' | 'plain') =>
    openGraph(options, contextTokens, threads, groups, form);
  const limits = { rowsMax, contextTokens, vocab: config.vocab };
  let loaded = await open(new Set(), options.kvMode === 'plain' ? 'plain' : 'in_place');
  const kv = kvRows(config, rowsMax, contextTokens);
  const outputs = stepOutputs(config.vocab, rowsMax);
  let adapters = adapterRows(config, rowsMax, new Set(), 0);
  const plans = new Map<string, StepPlan>();
  const kvMode = options.kvMode ?? (await chooseKvMode({ session: loaded.session, run, kv, config }));
  if (kvMode === 'plain' && options.kvMode === undefined) {
    await loaded.session.release();
    loaded = await open(new Set(), 'plain');
  }

  const planOf = (start: number, n: number): StepPlan => {
    const used = adapters.used(start, n);
    const key = `${start} ${n} ${used}`;
    const known = plans.get(key);
    if (known !== undefined) return known;
    const cache = kv.views(start, n);
    const plan = { feeds: { ...cache, ...adapters.views(start, n, used) }, cache };
    plans.set(key, plan);
    return plan;
  };

  const step = async (place: StepPlace): Promise<StepLogits> => {
    const { start, n, seq, lengths, inverseTemperatures } = place;
    const plan = planOf(start, n);
    const wanted = place.wanted.length;
    const feeds = {
      ...plan.feeds,
      ids: int64(place.ids, [n, seq]),
      positions: int64(
        lengths.flatMap((length) => Array.from({ length: seq }, (_, at) => length + at)),
        [n, seq],
      ),
      last_index: new Tensor(
        'int32',
        Int32Array.from(lengths, (length) => length + seq - 1),
        [n],
      ),
      total_length: new Tensor('int32', Int32Array.of(Math.max(...lengths) + seq), [1]),
      rows: int64(place.wanted, [wanted]),
      inverse_temperature: new Tensor('float32', Float32Array.from(inverseTemperatures), [wanted, 1]),
    };
    const { fetches, result } = outputs.take(wanted);
    if (kvMode === 'plain') {
      const results = await run(loaded.session, feeds, { ...nulls(fetches), ...nulls(kv.names, 'new') });
      outputs.fill(fetches, results);
      for (const name of kv.names) placeNew(name, place, floats(results[cacheOutput(name, 'new')]));
      return result;
    }
    for (const [name, tensor] of Object.entries(plan.cache)) fetches[cacheOutput(name, 'present')] = tensor;
    if (kvMode === 'in_place') await runPoisoned(run, loaded.session, feeds, { poison: null, ...fetches });
    else await run(loaded.session, feeds, fetches);
    return result;
  };

  const placeNew = (name: string, { start, n, seq, lengths }: StepPlace, fresh: Float32Array): void => {
    const width = fresh.length / n;
    for (let row = 0; row < n; row++)
      kv.place(name, start + row, lengths[row], fresh.subarray(row * width, (row + 1) * width));
  };

  return {
    config,
    contextTokens,
    rowsMax,
    device: 'cpu',
    weights: options.weights,
    kvMode,
    residentBytes: () => loaded.bytes + kv.bytes + adapters.bytes,
    setAdapter: async (row, adapter) => {
      checkRow(row, limits);
      const missing = adapter?.groups.some((group) => !adapters.groups.has(group)) ?? false;
      const rank = Math.max(adapters.rank, adapter?.rank ?? 0);
      if (missing || rank > adapters.rank) {
        const groups = new Set([...adapters.groups, ...(adapter?.groups ?? [])]);
        if (missing) {
          const next = await open(groups, kvMode === 'plain' ? 'plain' : 'in_place');
          await loaded.session.release();
          loaded = next;
        }
        const grown = adapterRows(config, rowsMax, groups, rank);
        for (let live = 0; live < rowsMax; live++) grown.set(live, adapters.adapterOf(live));
        adapters = grown;
        plans.clear();
      }
      adapters.set(row, adapter);
    },
    prefill: (input) => {
      checkPrefill(input, limits);
      const { row, start, ids, temperature } = input;
      const wanted = input.wanted === 'last' ? [ids.length - 1] : ids.map((_, index) => index);
      return step({
        start: row,
        n: 1,
        seq: ids.length,
        ids,
        lengths: [start],
        wanted,
        inverseTemperatures: wanted.map(() => 1 / (temperature || 1)),
      });
    },
    decode: ({ ids, lengths, temperatures }) => {
      checkDecode({ ids, lengths, temperatures }, limits);
      return step({
        start: 0,
        n: ids.length,
        seq: 1,
        ids,
        lengths,
        wanted: ids.map((_, index) => index),
        inverseTemperatures: temperatures.map((temperature) => 1 / (temperature || 1)),
      });
    },
    moveRow: async (from, to, tokens) => {
      checkTokens(from, tokens, limits);
      checkRow(to, limits);
      kv.move(from, to, tokens);
      adapters.move(from, to);
    },
    readRow: async (row, tokens) => {
      checkTokens(row, tokens, limits);
      return kv.read(row, tokens);
    },
    writeRow: async (row, snapshot, tokens) => {
      checkTokens(row, tokens, limits);
      if (tokens > snapshot.tokens)
        throw new Error(`bug: ${tokens} tokens wanted of a snapshot of ${snapshot.tokens}`);
      kv.write(row, snapshot, tokens);
    },
    release: () => loaded.session.release(),
  };
}

/** What one run appends where: `seq` tokens to each of rows start..start+n-1, which hold `lengths` tokens. */
interface StepPlace {
  readonly start: number;
  readonly n: number;
  readonly seq: number;
  readonly ids: readonly number[]; // [n * seq]
  readonly lengths: readonly number[]; // [n]
  /** Which of the n * seq tokens' logits come back, and at which temperature. */
  readonly wanted: readonly number[];
  readonly inverseTemperatures: readonly number[];
}

async function openGraph(
  { config, read, weights, onProgress }: BatchSessionOptions,
  contextTokens: number,
  threads: number,
  groups: ReadonlySet<LoraGroup['name']>,
  kvForm: 'in_place' | 'plain',
): Promise<{ readonly session: InferenceSession; readonly bytes: number }> {
  let tensors = 0;
  const counted = (name: string): Float32Array => {
    const values = read(name);
    onProgress?.(++tensors);
    return values;
  };
  const graph = buildLlamaServeGraph({ config, contextTokens, read: counted, weights, kvForm, groups });
  const session = await InferenceSession.create(graph.onnx, {
    externalData: graph.externalData,
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    extra: { session: { intra_op: { allow_spinning: '0' } } }, // spinning burns the cores others need
  });
  return { session, bytes: graph.externalData.reduce((sum, { data }) => sum + data.byteLength, 0) };
}

function cacheOutput(past: string, kind: 'present' | 'new'): string {
  return past.replace('past', kind);
}

function nulls(names: Feeds | readonly string[], kind?: 'present' | 'new'): Record<string, null> {
  const list =
    kind === undefined ? Object.keys(names) : (names as readonly string[]).map((n) => cacheOutput(n, kind));
  return Object.fromEntries(list.map((name) => [name, null]));
}

function int64(values: readonly number[], dims: readonly number[]): Tensor {
  return new Tensor('int64', BigInt64Array.from(values, BigInt), dims);
}

function floats(tensor: unknown): Float32Array {
  if (tensor instanceof Tensor && tensor.data instanceof Float32Array) return tensor.data;
  throw new Error('bug: a serving tensor is not f32');
}

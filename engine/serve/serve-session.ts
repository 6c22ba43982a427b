// A BatchSession on the CPU: one model in onnxruntime, its KV rows and adapter rows in this thread's memory. Used by the
// serving worker and by tests; batch-session.ts says what it promises. It knows no requests, no text and no sampling.
// Whatever would crash the kernels (no rows, ids outside the vocabulary, lengths past the buffer, a wrong longest
// length) is refused here before a run. How keys and values reach the cache is explained in serve-run.ts.
import type { InferenceSession, Tensor } from 'onnxruntime-node';
import { buildLlamaServeGraph, type LoraGroup } from '../graph/llama-serve-graph.ts';
import type { LlamaConfig } from '../model/model-config.ts';
import type { WeightFormat } from '../model/weight-format.ts';
import { adapterRows } from './adapter-rows.ts';
import { checkDecode, checkPrefill, checkRow, checkTokens } from './batch-checks.ts';
import type { BatchSession } from './batch-session.ts';
import { kvRows } from './kv-rows.ts';
import { chooseKvMode } from './kv-self-test.ts';
import { loadGraph } from './load-graph.ts';
import { type Feeds, type KvMode, type RunFunction, runPoisoned, runSession } from './serve-run.ts';
import { decodeFeeds, prefillFeeds } from './step-feeds.ts';
import { stepOutputs } from './step-outputs.ts';

export interface BatchSessionOptions {
  readonly config: LlamaConfig;
  /** Values by Hugging Face name, [out, in]. Called while loading, and again when an adapter of a new kind comes. */
  readonly read: (name: string) => Float32Array;
  readonly weights: WeightFormat;
  readonly rowsMax: number;
  /** Default and at most config.maxSeq. */
  readonly contextTokens?: number;
  readonly threads?: number;
  /** Its products go to this device; attention and the cache stay here, see choose-device.ts. */
  readonly provider?: 'cuda';
  /** For tests: this way instead of the one that the self-test chooses. */
  readonly kvMode?: KvMode;
  /** For tests: another binding's behaviour. */
  readonly run?: RunFunction;
  /** Tensors read so far. */
  readonly onProgress?: (tensors: number) => void;
}

type GroupSet = ReadonlySet<LoraGroup['name']>;

/** @throws EngineError `config_unsupported` | those of reading the weights */
export async function createBatchSession(options: BatchSessionOptions): Promise<BatchSession> {
  const { config, rowsMax, run = runSession } = options;
  const contextTokens = Math.min(options.contextTokens ?? config.maxSeq, config.maxSeq);
  const cacheTokens = contextTokens + 1; // room for the token that makes a piece of a prompt even
  const limits = { rowsMax, contextTokens, vocab: config.vocab };
  let loaded = await openGraph(options, cacheTokens, new Set(), options.kvMode);
  const kv = kvRows(config, rowsMax, cacheTokens);
  const kvMode = options.kvMode ?? (await chooseKvMode({ session: loaded.session, run, kv, config }));
  if (kvMode === 'plain' && options.kvMode === undefined) {
    await loaded.session.release();
    loaded = await openGraph(options, cacheTokens, new Set(), 'plain');
  }
  const outputs = stepOutputs(config.vocab, rowsMax);
  let adapters = adapterRows(config, rowsMax, new Set(), 0);
  const decodePlans = new Map<string, DecodePlan>();

  /** @param cache the rows' views by input name @param lengths tokens that rows `row`... hold before the step */
  const runStep = async (
    feeds: Feeds,
    fetches: Feeds,
    cache: Feeds,
    row: number,
    lengths: readonly number[],
  ): Promise<void> => {
    if (kvMode === 'in_place') {
      await runPoisoned(run, loaded.session, feeds, { poison: null, ...fetches, ...cache });
    } else if (kvMode === 'native_reuse') {
      await run(loaded.session, feeds, { ...fetches, ...cache });
    } else {
      const results = await run(loaded.session, feeds, asked({ ...fetches, ...cache }));
      outputs.fill(fetches, results);
      kv.place(
        Object.keys(cache).map((name) => results[name]),
        row,
        lengths,
      );
    }
  };

  const decodePlan = (n: number): DecodePlan => {
    const used = adapters.used(n);
    const key = `${n} ${used}`;
    const known = decodePlans.get(key);
    if (known !== undefined) return known;
    const views = kv.views(0, n, kvMode === 'plain' ? 'new' : 'present');
    const plan = {
      ...decodeFeeds({ ...views.past, ...adapters.prefix(n, used) }, n),
      ...outputs.take(n),
      cache: views.outputs,
    };
    decodePlans.set(key, plan);
    return plan;
  };

  /** Makes room for the groups and the rank of an adapter. */
  const widen = async (groups: GroupSet, rank: number): Promise<void> => {
    if (groups.size > adapters.groups.size) {
      const wider = await openGraph(options, cacheTokens, groups, kvMode);
      await loaded.session.release();
      loaded = wider;
    }
    const grown = adapterRows(config, rowsMax, groups, rank);
    for (let row = 0; row < rowsMax; row++) grown.set(row, adapters.adapterOf(row));
    adapters = grown;
    decodePlans.clear();
  };

  return {
    config,
    contextTokens,
    rowsMax,
    device: options.provider ?? 'cpu',
    weights: options.weights,
    kvMode,
    residentBytes: () => loaded.bytes + kv.bytes + adapters.bytes,
    setAdapter: async (row, adapter) => {
      checkRow(row, limits);
      const groups = new Set([...adapters.groups, ...(adapter?.groups ?? [])]);
      const rank = Math.max(adapters.rank, adapter?.rank ?? 0);
      if (groups.size > adapters.groups.size || rank > adapters.rank) await widen(groups, rank);
      adapters.set(row, adapter);
    },
    prefill: async (input) => {
      checkPrefill(input, limits);
      const { row, start, ids } = input;
      const wanted = input.wanted === 'last' ? [ids.length - 1] : ids.map((_, index) => index);
      const views = kv.views(row, 1, kvMode === 'plain' ? 'new' : 'present');
      const feeds = prefillFeeds({ ...views.past, ...adapters.single(row) }, input, wanted);
      const { fetches, result } = outputs.take(wanted.length);
      await runStep(feeds, fetches, views.outputs, row, [start]);
      return result;
    },
    decode: async (input) => {
      checkDecode(input, limits);
      const plan = decodePlan(input.ids.length);
      plan.fill(input);
      await runStep(plan.feeds, plan.fetches, plan.cache, 0, input.lengths);
      return plan.result;
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

/** A decode step of n rows, made once: its tensors are filled anew for each step. */
type DecodePlan = ReturnType<typeof decodeFeeds> &
  ReturnType<ReturnType<typeof stepOutputs>['take']> & { readonly cache: Feeds };

async function openGraph(
  { config, read, weights, threads = 1, provider, onProgress }: BatchSessionOptions,
  contextTokens: number,
  groups: GroupSet,
  kvMode: KvMode | undefined,
): Promise<{ readonly session: InferenceSession; readonly bytes: number }> {
  const kvForm = kvMode === 'plain' ? 'plain' : 'in_place';
  let tensors = 0;
  const counted = (name: string): Float32Array => {
    const values = read(name);
    onProgress?.(++tensors);
    return values;
  };
  const graph = { config, contextTokens, read: counted, weights, kvForm, groups } as const;
  return loadGraph((put) => buildLlamaServeGraph({ ...graph, put }), {
    executionProviders: [provider ?? 'cpu'],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    // Threads wait for the next piece of a run awake (asleep, waking them costs a fifth of a step at one row), and
    // sleep when the run ends, so that the cores are free between steps.
    extra: { session: { intra_op: { allow_spinning: threads > 1 ? '1' : '0' }, force_spinning_stop: '1' } },
  });
}

/** The same outputs, made by the runtime instead of written into given tensors. */
function asked(fetches: Feeds): Readonly<Record<string, Tensor | null>> {
  return Object.fromEntries(Object.keys(fetches).map((name) => [name, null]));
}

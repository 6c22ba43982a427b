// The peer of the benchmarks: llama.cpp through node-llama-cpp's addon, by its batch calls (initBatch, addToBatch,
// decodeBatch). These are faster than the package's own API, which queues every token of every sequence through
// JavaScript. Used by the benchmarks. It knows no engine. It is given every advantage we know of: its threads and its
// attention kernel are chosen by measuring, and its sampling is left out (ours is counted).
// Invariant: only the calls typed here are used; they are those of the one version that peer-package.ts installs.

export interface PeerModel {
  readonly createContext: (options: PeerContextOptions) => Promise<PeerContext>;
  readonly loadLora: (path: string) => Promise<PeerLora>;
  readonly dispose: () => Promise<void>;
}

export interface PeerContextOptions {
  readonly sequences: number;
  /** Of each sequence. */
  readonly contextTokens: number;
  readonly threads: number;
  readonly flashAttention: boolean;
  /** llama.cpp's default is f16; f32 is for comparing tokens. */
  readonly cache?: 'f16' | 'f32';
  readonly lora?: PeerLora;
}

export interface PeerContext {
  /** Appends ids to a sequence that holds `start` tokens; computes the logits of the last one. */
  readonly prefill: (sequence: number, start: number, ids: readonly number[]) => Promise<void>;
  /** Appends one token to each of sequences 0..ids.length-1; computes the logits of all. */
  readonly decode: (ids: readonly number[], starts: readonly number[]) => Promise<void>;
  /** The likeliest token after the last prefill. */
  readonly greedy: () => Promise<number>;
  /** Forgets the tokens of a sequence from `keep` on. */
  readonly truncate: (sequence: number, keep: number) => void;
  readonly setLora: (lora: PeerLora) => void;
  readonly dispose: () => Promise<void>;
}

// What is used of the addon (node-llama-cpp/dist/bindings/AddonTypes.d.ts).
interface AddonModel {
  readonly init: () => Promise<boolean>;
  readonly loadLora: (lora: PeerLora) => Promise<void>;
  readonly dispose: () => Promise<void>;
}
interface AddonContext {
  readonly init: () => Promise<boolean>;
  readonly dispose: () => Promise<void>;
  readonly initBatch: (size: number) => void;
  readonly addToBatch: (
    sequence: number,
    start: number,
    ids: Uint32Array,
    logitIndexes: Uint32Array,
  ) => Uint32Array;
  readonly decodeBatch: () => Promise<void>;
  readonly sampleToken: (batchIndex: number, sampler: AddonSampler) => Promise<number>;
  readonly removeTokenCellsFromSequence: (sequence: number, from: number, to: number) => boolean;
  readonly setLoras: (loras: readonly PeerLora[], scales: readonly number[]) => void;
}
interface AddonSampler {
  readonly applyConfig: (config: { readonly temperature: number }) => void;
  readonly dispose: () => void;
}
/** A loaded adapter; opaque. */
export interface PeerLora {
  readonly filePath: string;
}
export interface PeerBindings {
  readonly AddonModel: new (path: string, options: Readonly<Record<string, unknown>>) => AddonModel;
  readonly AddonModelLora: new (model: AddonModel, path: string) => PeerLora;
  readonly AddonContext: new (model: AddonModel, options: Readonly<Record<string, unknown>>) => AddonContext;
  readonly AddonSampler: new (model: AddonModel) => AddonSampler;
  readonly systemInfo: () => string;
}

const cacheTypes = { f32: 0, f16: 1 } as const;
const batchTokensMax = 512;

export async function loadPeerModel(bindings: PeerBindings, path: string): Promise<PeerModel> {
  const model = new bindings.AddonModel(path, { addonExports: bindings, gpuLayers: 0, useMmap: true });
  if (!(await model.init())) throw new Error(`llama.cpp cannot load ${path}`);
  return {
    createContext: (options) => createPeerContext(bindings, model, options),
    loadLora: async (loraPath) => {
      const lora = new bindings.AddonModelLora(model, loraPath);
      await model.loadLora(lora);
      return lora;
    },
    dispose: () => model.dispose(),
  };
}

async function createPeerContext(
  bindings: PeerBindings,
  model: AddonModel,
  options: PeerContextOptions,
): Promise<PeerContext> {
  const { sequences, contextTokens, threads, flashAttention, cache = 'f16', lora } = options;
  const context = new bindings.AddonContext(model, {
    contextSize: Math.ceil(contextTokens / 256) * 256 * sequences,
    batchSize: Math.max(batchTokensMax, sequences),
    sequences,
    flashAttention,
    threads,
    kvCacheKeyType: cacheTypes[cache],
    kvCacheValueType: cacheTypes[cache],
  });
  if (!(await context.init())) throw new Error('llama.cpp cannot create a context');
  if (lora !== undefined) context.setLoras([lora], [1]);
  const sampler = new bindings.AddonSampler(model);
  sampler.applyConfig({ temperature: 0 });
  const first = Uint32Array.of(0);
  let lastLogits = 0;
  return {
    prefill: async (sequence, start, ids) => {
      context.initBatch(ids.length);
      [lastLogits] = context.addToBatch(
        sequence,
        start,
        Uint32Array.from(ids),
        Uint32Array.of(ids.length - 1),
      );
      await context.decodeBatch();
    },
    decode: async (ids, starts) => {
      context.initBatch(ids.length);
      ids.forEach((id, sequence) => {
        [lastLogits] = context.addToBatch(sequence, starts[sequence], Uint32Array.of(id), first);
      });
      await context.decodeBatch();
    },
    greedy: () => context.sampleToken(lastLogits, sampler),
    truncate: (sequence, keep) => {
      if (!context.removeTokenCellsFromSequence(sequence, keep, -1))
        throw new Error(`llama.cpp cannot cut sequence ${sequence} to ${keep} tokens`);
    },
    setLora: (next) => context.setLoras([next], [1]),
    dispose: async () => {
      sampler.dispose();
      await context.dispose();
    },
  };
}

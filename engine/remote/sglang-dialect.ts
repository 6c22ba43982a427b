// SGLang's OpenAI-compatible server: the adapter is the body's `lora_path` (its name), loaded at run time by name and
// folder; its own endpoints have no /v1. Used by remote-backend.ts. docs.sglang.io/docs/advanced_features/lora
import type { AdapterState } from '../engine.ts';
import { createAdapterNames } from './adapter-names.ts';
import { malformed } from './errors.ts';
import { baseModelOf, type DialectOptions, type RemoteDialect, remoteModels } from './remote-dialect.ts';
import { countOf, vllmSampling } from './vllm-dialect.ts';

export function sglangDialect({ http, models, serverDir, loadMsMax }: DialectOptions): RemoteDialect {
  const base = baseModelOf(models);
  if (base.contextTokens === undefined) throw malformed('GET /v1/models tells no max_model_len');
  const names = createAdapterNames({ http, path: '/load_lora_adapter', serverDir, loadMsMax });
  return {
    contextTokens: base.contextTokens,
    fitsItself: false,
    chosen: async (adapter) => {
      if (adapter === undefined) return { model: base.id };
      await names.load(adapter);
      return { model: base.id, lora_path: adapter.id };
    },
    extras: ({ sampling }) => ({
      ...vllmSampling(sampling),
      ...(sampling.logprobs === undefined ? {} : { return_token_ids: true }),
    }),
    load: names.load,
    forget: names.forget,
    state: async (adapter): Promise<AdapterState> => {
      if (names.isLoading(adapter)) return 'loading';
      return (await remoteModels(http)).some(({ id }) => id === adapter.id) ? 'warm' : 'cold';
    },
    // Older releases take only `prompt` here: then the caller counts with its own tokenizer.
    count: async (input) => {
      const what = typeof input === 'string' ? { prompt: input } : { messages: input };
      return countOf(await http.ask('POST', '/tokenize', { model: base.id, ...what }));
    },
  };
}

// vLLM's OpenAI-compatible server: the adapter is the model's name, loaded at run time by name and folder.
// Used by remote-backend.ts. docs.vllm.ai/en/latest/features/lora (the server needs VLLM_ALLOW_RUNTIME_LORA_UPDATING);
// extra parameters: docs.vllm.ai/en/latest/serving/openai_compatible_server. Everything is sent, also what would be the
// default: a model's generation_config.json may set other defaults on the server.
import type { AdapterState } from '../engine.ts';
import { isRecord } from '../model/json-file.ts';
import { createAdapterNames } from './adapter-names.ts';
import { malformed } from './errors.ts';
import { baseModelOf, type DialectOptions, type RemoteDialect, remoteModels } from './remote-dialect.ts';

export const vllmDialect = (options: DialectOptions): RemoteDialect =>
  loraServerDialect(options, '/v1/load_lora_adapter', (_, adapterId) => ({ model: adapterId }));

/**
 * What vLLM and SGLang have in common.
 * @param loadPath endpoint that loads an adapter by name and folder
 * @param choose fields of a request's body that choose a loaded adapter
 */
export function loraServerDialect(
  { http, models, serverDir, loadMsMax }: DialectOptions,
  loadPath: string,
  choose: (baseId: string, adapterId: string) => Readonly<Record<string, string>>,
): RemoteDialect {
  const base = baseModelOf(models);
  if (base.contextTokens === undefined) throw malformed('GET /v1/models tells no max_model_len');
  const names = createAdapterNames({ http, path: loadPath, serverDir, loadMsMax });
  return {
    contextTokens: base.contextTokens,
    fitsItself: false,
    chosen: async (adapter) => {
      if (adapter === undefined) return { model: base.id };
      await names.load(adapter);
      return choose(base.id, adapter.id);
    },
    extras: ({ sampling }) => ({
      ...vllmSampling(sampling),
      // Token ids beside the log-probabilities, which name tokens by their text.
      ...(sampling.logprobs === undefined ? {} : { return_token_ids: true }),
    }),
    load: names.load,
    forget: names.forget,
    state: async (adapter): Promise<AdapterState> => {
      if (names.isLoading(adapter)) return 'loading';
      return (await remoteModels(http)).some(({ id }) => id === adapter.id) ? 'warm' : 'cold';
    },
    // Older releases of SGLang take only `prompt` here: then the caller counts with its own tokenizer.
    count: async (input) => {
      const what = typeof input === 'string' ? { prompt: input } : { messages: input };
      return countOf(await http.ask('POST', '/tokenize', { model: base.id, ...what }));
    },
  };
}

/** top_k, min_p and repetition_penalty as vLLM, SGLang and our own server name them. */
export function vllmSampling(sampling: {
  readonly topK?: number;
  readonly topP?: number;
  readonly minP?: number;
  readonly repetitionPenalty?: number;
}): object {
  return {
    top_p: sampling.topP ?? 1,
    top_k: sampling.topK ?? -1,
    min_p: sampling.minP ?? 0,
    repetition_penalty: sampling.repetitionPenalty ?? 1,
  };
}

/** `count` of an answer of /tokenize. */
export function countOf(answer: unknown): number {
  if (isRecord(answer) && typeof answer.count === 'number') return answer.count;
  throw malformed('/tokenize tells no `count`');
}

// llama.cpp's server (llama-server): the adapters were given at its start (--lora FILE.gguf, --lora-init-without-apply)
// and are chosen per request by number. Used by remote-backend.ts.
// github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md: `lora`, GET /lora-adapters, /props, /apply-template,
// /tokenize. Invariant: a request without an adapter names an empty list, or the server's global scales would apply.
import { basename } from 'node:path';
import type { AdapterRef } from '../engine.ts';
import { EngineError } from '../errors.ts';
import { isRecord } from '../model/json-file.ts';
import { malformed } from './errors.ts';
import { baseModelOf, type DialectOptions, type RemoteDialect } from './remote-dialect.ts';

interface LoadedLora {
  readonly id: number;
  readonly path: string;
}

/** @throws EngineError of asking the server for its properties */
export async function llamacppDialect({ http, models, serverDir }: DialectOptions): Promise<RemoteDialect> {
  const base = baseModelOf(models);
  const props = await http.ask('GET', '/props');
  const settings = isRecord(props) ? props.default_generation_settings : undefined;
  const contextTokens = isRecord(settings) ? settings.n_ctx : undefined;
  if (typeof contextTokens !== 'number') throw malformed('GET /props tells no n_ctx');

  const loaded = async (): Promise<readonly LoadedLora[]> => {
    const list = await http.ask('GET', '/lora-adapters');
    if (!Array.isArray(list)) throw malformed('GET /lora-adapters is no list');
    return list
      .filter(isRecord)
      .flatMap(({ id, path }) => (typeof id === 'number' && typeof path === 'string' ? [{ id, path }] : []));
  };
  let known: readonly LoadedLora[] = [];
  /** The file that stands for the adapter: the folder with .gguf added, or a file named after the folder or the id. */
  const matching = ({ id, dir }: AdapterRef): LoadedLora | undefined => {
    const folder = serverDir(dir);
    const nameOf = (path: string): string => basename(path).replace(/\.gguf$/, '');
    return (
      known.find(({ path }) => path === folder || path === `${folder}.gguf`) ??
      known.find(({ path }) => nameOf(path) === id || nameOf(path) === basename(folder))
    );
  };
  const find = async (adapter: AdapterRef): Promise<LoadedLora | undefined> => {
    const before = matching(adapter);
    if (before !== undefined) return before;
    known = await loaded();
    return matching(adapter);
  };
  const load = async (adapter: AdapterRef): Promise<LoadedLora> => {
    const found = await find(adapter);
    if (found !== undefined) return found;
    throw new EngineError(
      `llama-server has no adapter ${adapter.id}: it loads adapters at its start only (--lora ${basename(adapter.dir)}.gguf --lora-init-without-apply)`,
      { code: 'adapter_not_on_server', retry: 'never' },
    );
  };

  return {
    contextTokens,
    fitsItself: false,
    chosen: async (adapter) => ({
      model: base.id,
      lora: adapter === undefined ? [] : [{ id: (await load(adapter)).id, scale: 1 }],
    }),
    extras: ({ sampling }) => ({
      top_p: sampling.topP ?? 1,
      top_k: sampling.topK ?? 0,
      min_p: sampling.minP ?? 0,
      repeat_penalty: sampling.repetitionPenalty ?? 1,
      repeat_last_n: -1, // the whole context, as everywhere else
      // A reasoning model's thoughts are text as well, and metered.
      reasoning_format: 'none',
      timings_per_token: true,
    }),
    load: async (adapter) => void (await load(adapter)),
    forget: () => {
      known = [];
    },
    state: async (adapter) => ((await find(adapter)) === undefined ? 'cold' : 'warm'),
    count: async (input) => {
      const content = typeof input === 'string' ? input : await rendered(input);
      const answer = await http.ask('POST', '/tokenize', { content, add_special: true });
      if (isRecord(answer) && Array.isArray(answer.tokens)) return answer.tokens.length;
      throw malformed('/tokenize tells no `tokens`');
    },
  };

  async function rendered(messages: readonly object[]): Promise<string> {
    const answer = await http.ask('POST', '/apply-template', { messages });
    if (isRecord(answer) && typeof answer.prompt === 'string') return answer.prompt;
    throw malformed('/apply-template tells no `prompt`');
  }
}

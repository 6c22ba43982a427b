// Our own HTTP server (engine/http/): vLLM's endpoints, and beside them what other servers cannot tell: queue
// positions, dropped turns, where an adapter is, fairness and deadlines. Used by remote-backend.ts.
import type { AdapterState } from '../engine.ts';
import { isRecord } from '../model/json-file.ts';
import { createAdapterNames } from './adapter-names.ts';
import { malformed } from './errors.ts';
import { baseModelOf, type DialectOptions, type RemoteDialect } from './remote-dialect.ts';
import { countOf, vllmSampling } from './vllm-dialect.ts';

export function openmodelsDialect({ http, models, serverDir, loadMsMax }: DialectOptions): RemoteDialect {
  const base = baseModelOf(models);
  if (base.contextTokens === undefined) throw malformed('GET /v1/models tells no max_model_len');
  const names = createAdapterNames({ http, path: '/v1/load_lora_adapter', serverDir, loadMsMax });
  return {
    contextTokens: base.contextTokens,
    fitsItself: true,
    chosen: async (adapter) => {
      if (adapter === undefined) return { model: base.id };
      await names.load(adapter);
      return { model: adapter.id };
    },
    extras: ({ sampling, fairnessKey, deadlineMs }) => ({
      ...vllmSampling(sampling),
      user: fairnessKey,
      deadline_ms: deadlineMs === undefined ? undefined : Math.max(1, Math.ceil(deadlineMs)),
    }),
    load: names.loadAgain,
    forget: names.forget,
    state: async (adapter): Promise<AdapterState> => {
      if (names.isLoading(adapter)) return 'loading';
      const list = await http.ask('GET', `/v1/adapters?name=${encodeURIComponent(adapter.id)}`).catch(absent);
      const entry: unknown = isRecord(list) && Array.isArray(list.data) ? list.data[0] : undefined;
      const state = isRecord(entry) ? entry.state : undefined;
      return state === 'warm' || state === 'loading' ? state : 'cold';
    },
    // The server counts conversations; it needs no count of a bare text, since it ends at the context by itself.
    count: async (input) => {
      const messages = typeof input === 'string' ? [{ role: 'user', content: input }] : input;
      return countOf(await http.ask('POST', '/tokenize', { messages }));
    },
  };
}

/** A name that the server has not heard of yet is a cold adapter. */
function absent(error: unknown): undefined {
  if (error instanceof Error && 'code' in error && error.code === 'remote_not_found') return undefined;
  throw error;
}

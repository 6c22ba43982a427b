// Adapters that a server loads by name and folder through an endpoint: vLLM's, SGLang's and our own. Used by their
// dialects. It knows no requests. Invariants: an adapter is asked for once, however many answers want it at the same
// time; "already loaded" is success; a failed load is asked for again by the next answer.
import type { AdapterRef } from '../engine.ts';
import { EngineError } from '../errors.ts';
import type { RemoteHttp } from './remote-http.ts';

interface AdapterNamesOptions {
  readonly http: RemoteHttp;
  /** '/v1/load_lora_adapter', or without /v1. */
  readonly path: string;
  readonly serverDir: (dir: string) => string;
  readonly loadMsMax: number;
}

export interface AdapterNames {
  /** @throws EngineError of loading */
  readonly load: (adapter: AdapterRef) => Promise<void>;
  /** Asks the server even if it was told before: it may have put the adapter out of its memory since. */
  readonly loadAgain: (adapter: AdapterRef) => Promise<void>;
  readonly forget: (adapter: AdapterRef) => void;
  readonly isLoading: (adapter: AdapterRef) => boolean;
}

export function createAdapterNames(options: AdapterNamesOptions): AdapterNames {
  const { http, path, serverDir, loadMsMax } = options;
  const known = new Map<string, { readonly loaded: Promise<void>; done: boolean }>();

  const ask = async ({ id, dir }: AdapterRef): Promise<void> => {
    try {
      await http.ask('POST', path, { lora_name: id, lora_path: serverDir(dir) }, loadMsMax);
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      // vLLM: "has already been loaded"; SGLang: "because it is already loaded"
      if (error.retry === 'never' && /already (been )?loaded/.test(error.message)) return;
      if (error.code !== 'remote_not_found') throw error;
      throw new EngineError(
        `the remote server cannot load the adapter ${id} from ${serverDir(dir)} (${error.message}); is the folder there, and is loading at run time switched on?`,
        { code: 'adapter_not_on_server', retry: 'never', cause: error },
      );
    }
  };

  const load = (adapter: AdapterRef): Promise<void> => {
    const before = known.get(adapter.id);
    if (before !== undefined) return before.loaded;
    const entry = { loaded: ask(adapter), done: false };
    known.set(adapter.id, entry);
    entry.loaded.then(
      () => {
        entry.done = true;
      },
      () => known.delete(adapter.id),
    );
    return entry.loaded;
  };

  return {
    load,
    loadAgain: (adapter) => {
      if (known.get(adapter.id)?.done === true) known.delete(adapter.id);
      return load(adapter);
    },
    forget: ({ id }) => void known.delete(id),
    isLoading: ({ id }) => known.get(id)?.done === false,
  };
}

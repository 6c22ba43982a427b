// What differs between the servers that the remote backend speaks to, as one interface, and finding out which one it
// is. Used by remote-backend.ts; each <name>-dialect.ts implements it. It knows no streams.
import type { AdapterRef, AdapterState, ChatMessage, GenerateRequest } from '../engine.ts';
import { EngineError } from '../errors.ts';
import { isRecord } from '../model/json-file.ts';
import { malformed } from './errors.ts';
import type { RemoteHttp } from './remote-http.ts';

const dialectNames = ['openmodels', 'vllm', 'sglang', 'llamacpp'] as const;
export type DialectName = (typeof dialectNames)[number];

export interface RemoteDialect {
  /** The longest context, in tokens. */
  readonly contextTokens: number;
  /** True: the server itself drops the oldest turns that do not fit and ends at the context. */
  readonly fitsItself: boolean;
  /** Fields of the body that choose the model and its adapter; loads the adapter where it must. */
  readonly chosen: (adapter: AdapterRef | undefined) => Promise<object>;
  /** Fields of the body beside OpenAI's. */
  readonly extras: (request: GenerateRequest) => object;
  /** Resolves when the server has the adapter. */
  readonly load: (adapter: AdapterRef) => Promise<void>;
  readonly state: (adapter: AdapterRef) => Promise<AdapterState>;
  /** The server says that it does not know what `chosen` named: the next `load` asks again. */
  readonly forget: (adapter: AdapterRef) => void;
  /** Tokens of the rendered conversation, or of a bare text. @throws EngineError, `remote_not_found` where it cannot count */
  readonly count: (input: readonly ChatMessage[] | string) => Promise<number>;
}

export interface DialectOptions {
  readonly http: RemoteHttp;
  readonly models: readonly RemoteModel[];
  /** The adapter's folder as the server sees it. */
  readonly serverDir: (dir: string) => string;
  /** Loading an adapter may take the server a while. */
  readonly loadMsMax: number;
}

/** An entry of GET /v1/models. */
export interface RemoteModel {
  readonly id: string;
  readonly ownedBy: string;
  readonly parent: string | undefined;
  readonly contextTokens: number | undefined;
}

/** @throws EngineError */
export async function remoteModels(http: RemoteHttp): Promise<readonly RemoteModel[]> {
  const list = await http.ask('GET', '/v1/models');
  const data = isRecord(list) ? list.data : undefined;
  if (!Array.isArray(data)) throw malformed('GET /v1/models has no list `data`');
  return data.filter(isRecord).flatMap(({ id, owned_by: ownedBy, parent, max_model_len: length }) =>
    typeof id === 'string'
      ? [
          {
            id,
            ownedBy: typeof ownedBy === 'string' ? ownedBy : '',
            parent: typeof parent === 'string' ? parent : undefined,
            contextTokens: typeof length === 'number' ? length : undefined,
          },
        ]
      : [],
  );
}

/** The model that is nobody's adapter. @throws EngineError `remote_malformed` */
export function baseModelOf(models: readonly RemoteModel[]): RemoteModel {
  const base = models.find(({ parent }) => parent === undefined);
  if (base === undefined) throw malformed('GET /v1/models lists no base model');
  return base;
}

/** By `owned_by`, which each of the four sets to its own name. @throws EngineError `remote_unknown` */
export function detectDialect(models: readonly RemoteModel[]): DialectName {
  const { ownedBy } = baseModelOf(models);
  const found = dialectNames.find((name) => name === ownedBy);
  if (found !== undefined) return found;
  throw new EngineError(
    `the remote server calls itself "${ownedBy.slice(0, 60)}": name its kind (${dialectNames.join(', ')})`,
    { code: 'remote_unknown', retry: 'never' },
  );
}

// One GET from the model hub: redirects, token, dead connections. Used by hub-repo.ts and download-file.ts.
// It knows no models and no files. Invariants: the token goes to the hub's own origin only, never to where the hub
// redirects (weights come from other hosts, whose links are signed); a connection without a byte for `idleMs` is dead.

import { EngineError } from '../errors.ts';
import { type HubSubject, hubRefusal } from './hub-errors.ts';

export interface HubAccess {
  /** address without a slash at its end */
  readonly endpoint: string;
  readonly token: string | undefined;
  /** Milliseconds without a byte after which a connection counts as dead. */
  readonly idleMs: number;
}

interface HubGet {
  readonly access: HubAccess;
  readonly repo: string;
  readonly revision: string;
  /** under the endpoint, beginning with a slash */
  readonly path: string;
  /** first byte wanted; 0 = all */
  readonly from?: number;
  readonly signal?: AbortSignal;
}

interface HubAnswer {
  readonly status: number;
  readonly headers: Headers;
  /** Throws EngineError `hub_connection_lost` when the connection breaks. */
  readonly body: AsyncIterable<Uint8Array>;
}

const redirectsMax = 8;
const idleCode = 'HUB_IDLE';

/** The hub's address and token as HF_ENDPOINT and HF_TOKEN name them. @throws EngineError `hub_endpoint_invalid` */
export function hubAccess(env: Readonly<Record<string, string | undefined>>): HubAccess {
  const endpoint = (env.HF_ENDPOINT?.trim() || 'https://huggingface.co').replace(/\/+$/, '');
  if (!URL.canParse(endpoint) || !/^https?:$/.test(new URL(endpoint).protocol))
    throw new EngineError(`HF_ENDPOINT is ${endpoint}, expected an address like https://huggingface.co`, {
      code: 'hub_endpoint_invalid',
      retry: 'never',
    });
  return { endpoint, token: env.HF_TOKEN?.trim() || undefined, idleMs: 30_000 };
}

/**
 * Asks the hub. The body must be read to its end or its iterator returned (`for await` does), which frees the connection.
 * A 416 answer is returned, not thrown: it says that the range begins beyond the file's end.
 * @throws EngineError `hub_unreachable` | `hub_connection_lost` | `hub_gated` | `hub_not_found` | `hub_rate_limited` | `hub_failed`
 */
export async function hubGet(request: HubGet): Promise<HubAnswer> {
  const { access, repo, revision, path, from = 0, signal } = request;
  const connection = idleGuard(access.idleMs, signal);
  const origin = new URL(access.endpoint).origin;
  let url = new URL(access.endpoint + path);
  try {
    for (let hop = 0; ; hop++) {
      const response = await fetch(url, {
        redirect: 'manual',
        signal: connection.signal,
        headers: {
          // A compressed body has other byte positions than the file.
          'accept-encoding': 'identity',
          ...(from > 0 ? { range: `bytes=${from}-` } : {}),
          ...(access.token !== undefined && url.origin === origin
            ? { authorization: `Bearer ${access.token}` }
            : {}),
        },
      });
      const target = response.status >= 300 && response.status < 400 && response.headers.get('location');
      if (target) {
        await response.body?.cancel();
        url = redirectTarget(target, url, hop, access.endpoint);
        continue;
      }
      if (response.ok || response.status === 416)
        return {
          status: response.status,
          headers: response.headers,
          body: guardedBody(response, connection, url.host, signal),
        };
      await response.body?.cancel();
      const subject: HubSubject = {
        repo,
        revision,
        endpoint: access.endpoint,
        hasToken: access.token !== undefined,
      };
      throw hubRefusal(response, subject);
    }
  } catch (error) {
    connection.end();
    throw signal?.aborted || error instanceof EngineError ? error : noAnswer(url.host, error);
  }
}

function redirectTarget(location: string, from: URL, hop: number, endpoint: string): URL {
  const target = URL.canParse(location, from.href) ? new URL(location, from) : undefined;
  const downgraded = from.protocol === 'https:' && target?.protocol === 'http:';
  if (hop >= redirectsMax || target === undefined || downgraded || !/^https?:$/.test(target.protocol))
    throw new EngineError(
      `${endpoint} redirects ${hop >= redirectsMax ? 'in a circle' : 'to an unusable address'}`,
      { code: 'hub_failed', retry: 'never' },
    );
  return target;
}

async function* guardedBody(
  response: Response,
  connection: IdleGuard,
  host: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of response.body ?? []) {
      connection.touch();
      yield chunk;
    }
  } catch (error) {
    throw signal?.aborted ? error : lost(host, error);
  } finally {
    connection.end();
  }
}

interface IdleGuard {
  readonly signal: AbortSignal;
  touch(): void;
  end(): void;
}

function idleGuard(idleMs: number, outer: AbortSignal | undefined): IdleGuard {
  const idle = new AbortController();
  const timer = setTimeout(
    () => idle.abort(Object.assign(new Error(`not a byte for ${idleMs / 1000} s`), { code: idleCode })),
    idleMs,
  );
  return {
    signal: outer === undefined ? idle.signal : AbortSignal.any([outer, idle.signal]),
    touch: () => void timer.refresh(),
    end: () => clearTimeout(timer),
  };
}

/** Nothing listens, no such name, no way there: connections that never came to be. */
const unreachableCodes: ReadonlySet<string> = new Set([
  'ENOTFOUND',
  'EAI_AGAIN',
  'ECONNREFUSED',
  'ENETUNREACH',
  'EHOSTUNREACH',
  'ETIMEDOUT',
  'UND_ERR_CONNECT_TIMEOUT',
]);
/** Connections that were there and went. */
const lostCodes: ReadonlySet<string> = new Set([
  'ECONNRESET',
  'EPIPE',
  'UND_ERR_SOCKET',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
  idleCode,
]);

/** Before there is an answer: what else goes wrong (a certificate, a forbidden port) will do so again. */
function noAnswer(host: string, error: unknown): EngineError {
  const { code, reason } = causeOf(error);
  if (lostCodes.has(code)) return lost(host, error);
  return new EngineError(`cannot reach ${host} (${reason})`, {
    code: 'hub_unreachable',
    retry: unreachableCodes.has(code) ? 'safe' : 'never',
    cause: error,
  });
}

function lost(host: string, error: unknown): EngineError {
  return new EngineError(`the connection to ${host} broke (${causeOf(error).reason})`, {
    code: 'hub_connection_lost',
    retry: 'safe',
    cause: error,
  });
}

/** fetch says only "fetch failed"; what happened is in its cause, or in the first of several causes. */
function causeOf(error: unknown): { readonly code: string; readonly reason: string } {
  const outer = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const inner = outer instanceof AggregateError ? outer.errors[0] : outer;
  if (!(inner instanceof Error)) return { code: '', reason: String(inner) };
  const code = 'code' in inner ? String(inner.code) : '';
  return { code, reason: inner.message || code || inner.name };
}

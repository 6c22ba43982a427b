// HTTP to a remote server: JSON questions with a time limit, and event streams that fail when they fall silent. Used by
// the dialects and by remote-backend.ts. It knows no completions. Only `fetch`. Invariants: every fault is an
// EngineError; the key goes into one header and nowhere else; a connection that turns out dead before anything was
// answered is tried once more (a server that restarts leaves such connections behind).
import { errorOfAnswer, unreachable } from './errors.ts';

interface RemoteHttpOptions {
  /** With or without /v1 at the end. */
  readonly url: string;
  readonly key?: string;
  /** For questions with a short answer. */
  readonly answerMsMax: number;
}

export interface RemoteHttp {
  /** Without /v1 and without a slash at the end. */
  readonly root: string;
  /** JSON where the answer is JSON, its text otherwise. @throws EngineError */
  readonly ask: (method: 'GET' | 'POST', path: string, body?: object, msMax?: number) => Promise<unknown>;
  /** The bytes of a stream. @throws EngineError for anything but 200; what the bytes throw is a network fault */
  readonly stream: (path: string, body: object, signal: AbortSignal) => Promise<AsyncIterable<Uint8Array>>;
}

export function createRemoteHttp({ url, key, answerMsMax }: RemoteHttpOptions): RemoteHttp {
  const root = url.replace(/\/+$/, '').replace(/\/v1$/, '');
  const headers: Record<string, string> = key === undefined ? {} : { authorization: `Bearer ${key}` };

  const send = async (method: string, path: string, body: object | undefined, signal: AbortSignal) => {
    const json = { ...headers, 'content-type': 'application/json' };
    const init = { method, signal, redirect: 'error' as const };
    const request: RequestInit =
      body === undefined ? { ...init, headers } : { ...init, headers: json, body: JSON.stringify(body) };
    try {
      return await fetch(`${root}${path}`, request);
    } catch (first) {
      if (signal.aborted || !isDeadConnection(first)) throw first;
      return await fetch(`${root}${path}`, request);
    }
  };

  return {
    root,
    ask: async (method, path, body, msMax = answerMsMax) => {
      const signal = AbortSignal.timeout(msMax);
      let response: Response;
      let text: string;
      try {
        response = await send(method, path, body, signal);
        text = await response.text();
      } catch (error) {
        throw unreachable(root, signal.aborted ? `no answer to ${path} in ${msMax} ms` : error);
      }
      const answer = jsonOr(text);
      if (!response.ok) throw errorOfAnswer(response.status, answer, response.headers.get('retry-after'));
      return answer;
    },
    stream: async (path, body, signal) => {
      let response: Response;
      try {
        response = await send('POST', path, body, signal);
      } catch (error) {
        if (signal.aborted) throw error;
        throw unreachable(root, error);
      }
      if (response.ok && response.body !== null) return response.body;
      const text = await response.text().catch(() => '');
      throw errorOfAnswer(response.status, jsonOr(text), response.headers.get('retry-after'));
    },
  };
}

function jsonOr(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

const deadConnection: ReadonlySet<string> = new Set(['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET']);

/** fetch's error holds the system's in `cause`. */
function isDeadConnection(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof Error && 'code' in cause && deadConnection.has(String(cause.code));
}

// Faults of the HTTP server in OpenAI's error shape. Used by every route of engine/http/. This file alone knows which
// engine code becomes which status. It knows no routes. A fault of the engine keeps its own code in `code`, so that
// the remote backend gives the very same EngineError to its caller.
import { EngineError } from '../errors.ts';

interface HttpFaultOptions {
  readonly status: 400 | 401 | 403 | 404 | 409 | 413 | 415 | 429 | 500 | 503 | 504;
  readonly type: 'invalid_request_error' | 'rate_limit_error' | 'permission_error' | 'server_error';
  readonly code: string;
  /** The parameter that is wrong, as a path: `messages.0.content`. */
  readonly param?: string;
  readonly retryAfterMs?: number;
  readonly cause?: unknown;
}

export class HttpFault extends Error {
  readonly facts: HttpFaultOptions;

  constructor(message: string, facts: HttpFaultOptions) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.name = 'HttpFault';
    this.facts = facts;
  }
}

/** 400: the caller must change the request. */
export function badRequest(message: string, param?: string, code = 'invalid_value'): HttpFault {
  return new HttpFault(message, { status: 400, type: 'invalid_request_error', code, param });
}

export function modelNotFound(name: string): HttpFault {
  return new HttpFault(
    `The model \`${name.slice(0, 100)}\` does not exist; GET /v1/models lists what does.`,
    {
      status: 404,
      type: 'invalid_request_error',
      code: 'model_not_found',
      param: 'model',
    },
  );
}

/** Codes of the engine that blame the request, with the parameter they blame. */
const requestFaults: Readonly<Record<string, string>> = {
  prompt_too_long: 'messages',
  prompt_empty: 'messages',
  prompt_invalid: 'prompt',
  sampling_invalid: 'sampling',
};

const unavailable: ReadonlySet<string> = new Set(['engine_busy', 'worker_died', 'engine_closed']);
/** What a caller is told to wait when the engine itself does not say. */
const retryAfterMsDefault = 1000;

/** What any thrown value is to an HTTP client; messages of bugs stay inside. */
export function httpFault(error: unknown): HttpFault {
  if (error instanceof HttpFault) return error;
  if (!(error instanceof EngineError)) {
    const facts = { status: 500, type: 'server_error', code: 'internal_error', cause: error } as const;
    return new HttpFault('Something went wrong inside the server.', facts);
  }
  const { code, message, retryAfterMs = retryAfterMsDefault } = error;
  const param = requestFaults[code];
  if (param !== undefined)
    return new HttpFault(message, { status: 400, type: 'invalid_request_error', code, param, cause: error });
  const server = { type: 'server_error', code, cause: error } as const;
  if (unavailable.has(code)) return new HttpFault(message, { ...server, status: 503, retryAfterMs });
  if (code === 'deadline_exceeded') return new HttpFault(message, { ...server, status: 504, retryAfterMs });
  // The engine's words may name files of this machine: they are for the log.
  return new HttpFault(`The engine failed: ${code}.`, { ...server, status: 500 });
}

/** The body of OpenAI's errors: platform.openai.com/docs/guides/error-codes. */
export function errorBody({ message, facts }: HttpFault): {
  readonly error: {
    readonly message: string;
    readonly type: string;
    readonly param: string | null;
    readonly code: string;
  };
} {
  const { type, param = null, code } = facts;
  return { error: { message, type, param, code } };
}

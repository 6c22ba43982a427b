// What a remote server answers instead of an answer, as EngineErrors. Used by all of engine/remote/. This file alone
// knows statuses and the words of other servers. Shapes of bodies: {error:{message,type,code}} (OpenAI, vLLM, llama.cpp,
// ours), {object:"error",message} (SGLang, older vLLM), {success:false,error_message} (SGLang's adapters).
// Invariant: a message is at most 300 characters of the server's words; a key is never in one.
import { EngineError, type Retry } from '../errors.ts';
import { isRecord } from '../model/json-file.ts';

const messageCharactersMax = 300;
/** What a caller is told to wait where a busy server does not say. */
const busyRetryMs = 2000;

/** Codes that our own server hands on from its engine: they mean here what they mean there. */
const ownCodes: Readonly<Record<string, Retry>> = {
  worker_died: 'safe',
  deadline_exceeded: 'after',
  prompt_too_long: 'never',
  prompt_empty: 'never',
  prompt_invalid: 'never',
  sampling_invalid: 'never',
  weights_shape_mismatch: 'never',
};

interface Words {
  readonly message: string;
  readonly type: string;
  readonly code: string;
}

/** The server's own words of what is wrong. */
function wordsOf(body: unknown): Words {
  const inner = isRecord(body) && isRecord(body.error) ? body.error : body;
  const text = (value: unknown): string => (typeof value === 'string' ? value : '');
  if (!isRecord(inner)) return { message: text(inner).slice(0, messageCharactersMax), type: '', code: '' };
  const message = text(inner.message) || text(inner.error_message) || text(inner.detail) || text(inner.error);
  return { message: message.slice(0, messageCharactersMax), type: text(inner.type), code: text(inner.code) };
}

/** @param body JSON of the answer, or its text @param retryAfter the header */
export function errorOfAnswer(status: number, body: unknown, retryAfter: string | null): EngineError {
  const { message: said, type, code } = wordsOf(body);
  const message = `the remote server answered ${status}${said === '' ? '' : `: ${said}`}`;
  const own = Object.hasOwn(ownCodes, code) ? ownCodes[code] : undefined;
  const retryAfterMs = retryAfterMsOf(retryAfter) ?? busyRetryMs;
  if (own !== undefined)
    return new EngineError(said, {
      code,
      retry: own,
      retryAfterMs: own === 'after' ? retryAfterMs : undefined,
    });
  if (status === 429 || status === 503)
    return new EngineError(message, { code: 'engine_busy', retry: 'after', retryAfterMs });
  if (status === 401 || status === 403)
    return new EngineError(message, { code: 'remote_unauthorised', retry: 'never' });
  if (status === 404) return new EngineError(message, { code: 'remote_not_found', retry: 'never' });
  // SGLang's 400 for an adapter it has never seen, or has evicted.
  if (/LoRA adapters? .*(not loaded|never been loaded)/i.test(said))
    return new EngineError(message, { code: 'remote_not_found', retry: 'never' });
  if (status >= 500) return new EngineError(message, { code: 'remote_failed', retry: 'safe' });
  if (type === 'exceed_context_size_error' || /context (length|size)|maximum model length/i.test(said))
    return new EngineError(message, { code: 'prompt_too_long', retry: 'never' });
  return new EngineError(message, { code: 'remote_refused', retry: 'never' });
}

/** An error event in the middle of a stream: what was shown so far stands, the answer is not whole. */
export function errorOfEvent(body: unknown): EngineError {
  const { message, code } = wordsOf(body);
  const own = Object.hasOwn(ownCodes, code) ? ownCodes[code] : undefined;
  if (own !== undefined) return new EngineError(message, { code, retry: own });
  return brokenOff(message);
}

export function brokenOff(why: unknown): EngineError {
  const words = why instanceof Error ? why.message : String(why);
  return new EngineError(`the remote server broke off: ${words.slice(0, messageCharactersMax)}`, {
    code: 'remote_broken_off',
    retry: 'safe',
    cause: why,
  });
}

/** No answer at all: nobody there, the connection lost, nothing said in time. */
export function unreachable(url: string, why: unknown): EngineError {
  const cause = why instanceof Error && why.cause instanceof Error ? why.cause : why;
  const words = cause instanceof Error ? cause.message : String(cause);
  return new EngineError(`the remote server at ${url} cannot be reached: ${words}`, {
    code: 'remote_unreachable',
    retry: 'safe',
    cause: why,
  });
}

/** The server speaks, but not as its kind does. */
export function malformed(what: string): EngineError {
  return new EngineError(`the remote server's answer is not understood: ${what}`, {
    code: 'remote_malformed',
    retry: 'never',
  });
}

/** Seconds, or a date: RFC 9110 section 10.2.3. */
function retryAfterMsOf(header: string | null): number | undefined {
  if (header === null) return undefined;
  const seconds = Number(header);
  const ms = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(header) - Date.now();
  return Number.isFinite(ms) ? Math.max(0, Math.round(ms)) : undefined;
}

// What the hub refuses, in words a person can act on: its status codes and X-Error-Code header -> EngineError.
// Used by hub-request.ts alone. No other file knows the hub's codes; the token is never part of a message.

import { EngineError, type Retry } from '../errors.ts';

/** What was asked for, so that the message can name it. */
export interface HubSubject {
  readonly repo: string;
  readonly revision: string;
  /** the hub's address, `https://huggingface.co` */
  readonly endpoint: string;
  readonly hasToken: boolean;
}

/** A hub that says 429 without a time is asked again after this long. */
const rateLimitFallbackMs = 30_000;

/** The fault that a refused response stands for. */
export function hubRefusal(response: Response, subject: HubSubject): EngineError {
  const { repo, revision, endpoint, hasToken } = subject;
  const { status, headers } = response;
  const code = headers.get('x-error-code');
  const fault = (name: string, retry: Retry, message: string, retryAfterMs?: number): EngineError =>
    new EngineError(message, { code: name, retry, retryAfterMs });

  if (code === 'GatedRepo' || status === 403)
    return fault(
      'hub_gated',
      'never',
      `${repo} is gated (${status}): open ${endpoint}/${repo} in a browser, accept its terms, ` +
        `${hasToken ? 'make sure the token in HF_TOKEN belongs to that account and may read gated models' : `make a token at ${endpoint}/settings/tokens and set it as HF_TOKEN`}, then pull again`,
    );
  if (code === 'RevisionNotFound')
    return fault('hub_not_found', 'never', `${repo} has no revision ${revision} at ${endpoint}`);
  if (code === 'EntryNotFound')
    return fault('hub_not_found', 'never', `${repo} at ${revision} lacks a file that its list names`);
  // To people without rights the hub answers alike for what does not exist and for what is private.
  if (status === 401 || status === 404)
    return fault(
      'hub_not_found',
      'never',
      `${endpoint} shows no model ${repo} (${status}): ` +
        (hasToken
          ? 'the name may be wrong, or the token in HF_TOKEN expired or may not see it'
          : 'the name may be wrong; if the model is private or gated, set HF_TOKEN'),
    );
  if (status === 429) {
    const waitMs = retryAfterMs(headers) ?? rateLimitFallbackMs;
    const wait = `${Math.ceil(waitMs / 1000)} s`;
    return fault('hub_rate_limited', 'after', `${endpoint} asks to wait ${wait} (429)`, waitMs);
  }
  if (status === 408 || status >= 500)
    return fault('hub_failed', 'safe', `${endpoint} answers ${status}`, retryAfterMs(headers));
  return fault('hub_failed', 'never', `${endpoint} answers ${status} to a request for ${repo}`);
}

/** Retry-After in seconds or as a date (RFC 9110, 10.2.3), or the hub's own `RateLimit: "api";r=0;t=55`. */
function retryAfterMs(headers: Headers): number | undefined {
  const given = headers.get('retry-after')?.trim();
  if (given !== undefined && /^\d+$/.test(given)) return Number(given) * 1000;
  const date = given === undefined ? Number.NaN : Date.parse(given);
  if (Number.isFinite(date)) return Math.max(0, date - Date.now());
  const seconds = /;\s*t=(\d+)/.exec(headers.get('ratelimit') ?? '')?.[1];
  return seconds === undefined ? undefined : Number(seconds) * 1000;
}

// Discord's and discord.js's errors as PlatformFault; nowhere else are their codes known. Used by sender and responder.
// https://docs.discord.com/developers/topics/opcodes-and-status-codes#json
import { DiscordAPIError, HTTPError, RateLimitError } from 'discord.js';
import { PlatformFault } from '../errors.ts';

const MESSAGE_GONE = new Set<number | string>([10008]);
/** Unknown interaction, unknown webhook, already acknowledged, invalid webhook token. */
const LINE_CLOSED = new Set<number | string>([10062, 10015, 40060, 50027]);
/** Missing access, missing permissions, cannot message this user, unknown channel. */
const FORBIDDEN = new Set<number | string>([50001, 50013, 50007, 10003]);

/** What a failed request means for pacing and delivery. */
export function discordFault(error: unknown): PlatformFault {
  if (error instanceof PlatformFault) return error;
  if (error instanceof RateLimitError) {
    return new PlatformFault(`Discord asks to wait ${error.retryAfter} ms for ${error.route}.`, {
      code: 'flood',
      retry: 'after',
      retryAfterMs: error.retryAfter,
      cause: error,
    });
  }
  if (error instanceof DiscordAPIError) {
    const facts = { retry: 'never', cause: error } as const;
    const message = `Discord refused (${error.status}, code ${error.code}): ${error.message}`;
    if (MESSAGE_GONE.has(error.code)) return new PlatformFault(message, { ...facts, code: 'message_gone' });
    if (LINE_CLOSED.has(error.code)) return new PlatformFault(message, { ...facts, code: 'line_closed' });
    if (FORBIDDEN.has(error.code)) return new PlatformFault(message, { ...facts, code: 'forbidden' });
    if (error.status === 401)
      return new PlatformFault('Discord does not know this bot secret.', { ...facts, code: 'bad_secret' });
    return new PlatformFault(message, { ...facts, code: 'bad_request' });
  }
  // 5xx, time-outs and broken connections: every send carries a nonce, so trying again cannot double it.
  const status = error instanceof HTTPError ? ` (${error.status})` : '';
  return new PlatformFault(`Discord could not be reached${status}.`, {
    code: 'unreachable',
    retry: 'safe',
    outcomeUnknown: true,
    cause: error,
  });
}

// Telegram's and grammY's errors as PlatformFault; nowhere else are their codes and texts known. Used by sender,
// responder and platform. https://core.telegram.org/bots/api#making-requests
import { GrammyError, HttpError } from 'grammy';
import { PlatformFault } from '../errors.ts';

/** What a failed request means for pacing and delivery. */
export function telegramFault(error: unknown): PlatformFault {
  if (error instanceof PlatformFault) return error;
  if (error instanceof GrammyError) {
    const { error_code: status, description } = error;
    const message = `Telegram refused ${error.method} (${status}): ${description}`;
    const facts = { retry: 'never', cause: error } as const;
    if (status === 429) {
      const retryAfterMs = (error.parameters.retry_after ?? 1) * 1000;
      return new PlatformFault(message, { code: 'flood', retry: 'after', retryAfterMs, cause: error });
    }
    if (status >= 500)
      return new PlatformFault(message, { code: 'unreachable', retry: 'safe', cause: error });
    if (status === 401)
      return new PlatformFault('Telegram does not know this bot secret.', { ...facts, code: 'bad_secret' });
    if (status === 403) return new PlatformFault(message, { ...facts, code: 'forbidden' });
    if (status === 404 || /method (not found|is not)|unsupported method/i.test(description)) {
      return new PlatformFault(message, { ...facts, code: 'method_missing' });
    }
    if (/message to edit not found|message can't be edited|message_id_invalid/i.test(description)) {
      return new PlatformFault(message, { ...facts, code: 'message_gone' });
    }
    if (/query is too old|query id is invalid/i.test(description)) {
      return new PlatformFault(message, { ...facts, code: 'line_closed' });
    }
    return new PlatformFault(message, { ...facts, code: 'bad_request' });
  }
  if (error instanceof HttpError) {
    return new PlatformFault('Telegram could not be reached.', {
      code: 'unreachable',
      retry: 'safe',
      // A refused connection carried nothing; anything else may have arrived.
      outcomeUnknown: !/ECONNREFUSED|ENOTFOUND|EAI_AGAIN/.test(String(error.error)),
      cause: error,
    });
  }
  throw error;
}

/** An edit that changes nothing is refused by Telegram; for us it is done. */
export const isNotModified = (error: unknown): boolean =>
  error instanceof GrammyError && /message is not modified/i.test(error.description);

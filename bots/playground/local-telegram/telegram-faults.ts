// The refusals of the local Telegram server, with the codes and sentences of the real one (tdlib/telegram-bot-api).
// Thrown by methods, turned into JSON by telegram-server.ts; nothing else spells an error text.

export class TelegramFault extends Error {
  readonly errorCode: number;
  readonly retryAfterSeconds: number | undefined;
  constructor(errorCode: number, description: string, retryAfterSeconds?: number) {
    super(description);
    this.errorCode = errorCode;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** 400 "Bad Request: …", by far the most common. */
export const badRequest = (reason: string): TelegramFault => new TelegramFault(400, `Bad Request: ${reason}`);

export const cannotParseEntities = (reason: string): TelegramFault =>
  badRequest(`can't parse entities: ${reason}`);

export function tooManyRequests(waitMs: number): TelegramFault {
  const seconds = Math.max(1, Math.ceil(waitMs / 1000));
  return new TelegramFault(429, `Too Many Requests: retry after ${seconds}`, seconds);
}

export const faults = {
  unauthorized: () => new TelegramFault(401, 'Unauthorized'),
  unknownMethod: () => new TelegramFault(404, 'Not Found'),
  twoPollers: () =>
    new TelegramFault(
      409,
      'Conflict: terminated by other getUpdates request; make sure that only one bot instance is running',
    ),
  blocked: () => new TelegramFault(403, 'Forbidden: bot was blocked by the user'),
  notStarted: () => new TelegramFault(403, "Forbidden: bot can't initiate conversation with a user"),
  chatNotFound: () => badRequest('chat not found'),
  textEmpty: () => badRequest('message text is empty'),
  textTooLong: () => badRequest('message is too long'),
  captionTooLong: () => badRequest('message caption is too long'),
  notModified: () =>
    badRequest(
      'message is not modified: specified new message content and reply markup are exactly the same as a current content and reply markup of the message',
    ),
  editMissing: () => badRequest('message to edit not found'),
  editForeign: () => badRequest("message can't be edited"),
  editNoText: () => badRequest('there is no text in the message to edit'),
  deleteMissing: () => badRequest('message to delete not found'),
  replyMissing: () => badRequest('message to be replied not found'),
  queryTooOld: () => badRequest('query is too old and response timeout expired or query ID is invalid'),
} as const;

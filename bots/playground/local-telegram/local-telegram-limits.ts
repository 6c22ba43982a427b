// The numbers of the local Telegram server. Sources: Bot API doc comments in @grammyjs/types 5.0.0 (texts, buttons,
// drafts) and https://grammy.dev/advanced/flood (pace; Telegram publishes only floors, see the notes).

export const TELEGRAM_LIMITS = {
  textChars: 4096,
  captionChars: 1024,
  callbackDataBytes: 64,
  callbackAnswerChars: 200,
  buttonsPerKeyboard: 100,
  placeholderChars: 64,
  copyTextChars: 256,
  commands: 100,
  commandDescriptionChars: 256,
  draftMs: 30_000,
  /** How long a pressed button waits for its answer; Telegram names no figure. */
  callbackAnswerMs: 30_000,
  actionMs: 5_000,
  pollSecondsMax: 50,
  documentBytes: 50 * 1024 * 1024,
  photoBytes: 10 * 1024 * 1024,
  /** Width and height together. */
  photoSides: 10_000,
  /** ~1 message per second and chat with a small burst; edits count like sends. */
  chatPace: { burst: 5, perSecond: 1, penaltyMs: 3_000, penaltyMsMax: 60_000 },
  /** Drafts are meant for streaming: four to five a second are drawn. */
  draftPace: { burst: 20, perSecond: 5, penaltyMs: 3_000, penaltyMsMax: 60_000 },
  /** 30 messages per second over all chats. */
  botPace: { burst: 30, perSecond: 30, penaltyMs: 1_000, penaltyMsMax: 30_000 },
} as const;

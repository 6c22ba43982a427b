// What the Telegram platform needs to be told. Used by main.ts and the tests; the same for real and local servers.

export interface TelegramConfig {
  readonly secret: string;
  /** Address of the Bot API; undefined = the real Telegram. */
  readonly apiRoot?: string;
}

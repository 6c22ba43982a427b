// What the Discord platform needs to be told. Used by main.ts and the tests; the same for real and local servers.

export interface DiscordConfig {
  readonly secret: string;
  /** Address of the REST API without version; undefined = the real Discord. */
  readonly apiRoot?: string;
}

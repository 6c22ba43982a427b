// The numbers of the local Discord server (https://discord.com/developers/docs: resources/message, components,
// application-commands, interactions). Paces are observed, not published: discord-api-docs#4413.
// Lengths are counted in UTF-16 units, never more generous than Discord.

export const DISCORD_LIMITS = {
  contentChars: 2000,
  displayTextChars: 4000,
  customIdChars: 100,
  buttonLabelChars: 80,
  rows: 5,
  rowButtons: 5,
  componentsV2: 40,
  selectOptions: 25,
  optionChars: 100,
  placeholderChars: 150,
  embeds: 10,
  embedTitleChars: 256,
  embedDescriptionChars: 4096,
  embedFields: 25,
  embedFieldNameChars: 256,
  embedFieldValueChars: 1024,
  embedFooterChars: 2048,
  embedTotalChars: 6000,
  modalTitleChars: 45,
  modalParts: 5,
  modalChoices: 10,
  modalLabelChars: 45,
  modalInputChars: 4000,
  modalPlaceholderChars: 100,
  commandsChatInput: 100,
  commandNameChars: 32,
  commandDescriptionChars: 100,
  commandTotalChars: 8000,
  commandOptions: 25,
  commandChoices: 25,
  choiceNameChars: 100,
  autocompleteChoices: 25,
  slashTextChars: 6000,
  threadNameChars: 100,
  nonceChars: 25,
  attachments: 10,
  attachmentBytes: 10 * 1024 * 1024,
  ackMs: 3_000,
  tokenMs: 15 * 60_000,
  nonceMs: 5 * 60_000,
  oldMessageMs: 60 * 60_000,
  oldMessageEdits: 3,
  typingMs: 10_000,
  heartbeatMs: 41_250,
  gatewaySends: 120,
  gatewayWindowMs: 60_000,
  resumableMs: 120_000,
  routePace: 5,
  routeWindowMs: 5_000,
  globalPerSecond: 50,
} as const;

/** Message flags. */
export const EPHEMERAL = 1 << 6;
export const LOADING = 1 << 7;
export const SUPPRESS_EMBEDS = 1 << 2;
export const SUPPRESS_NOTIFICATIONS = 1 << 12;
export const COMPONENTS_V2 = 1 << 15;

/** Gateway intents. */
export const INTENTS = {
  guilds: 1 << 0,
  members: 1 << 1,
  guildMessages: 1 << 9,
  guildTyping: 1 << 11,
  directMessages: 1 << 12,
  directTyping: 1 << 14,
  presences: 1 << 8,
  messageContent: 1 << 15,
} as const;

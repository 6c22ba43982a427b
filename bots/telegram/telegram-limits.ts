// Telegram's numbers, each with where it is written. Used by the other files here and by the tests.
// https://core.telegram.org/bots/api (sendMessage, sendMessageDraft, InlineKeyboardButton, answerCallbackQuery)

/** Text of one message after entity parsing. */
export const MESSAGE_CHARS_MAX = 4096;
/** A draft is a preview of 30 s: shown again well before that. */
export const DRAFT_KEEP_ALIVE_MS = 20_000;
/** Flood limits are unpublished. Drafts animate; edits count like sends (about one a second, 20 a minute in groups). */
export const DRAFT_INTERVAL_MS = 300;
export const EDIT_INTERVAL_MS = 1100;
export const GROUP_EDIT_INTERVAL_MS = 3100;
export const TOAST_CHARS_MAX = 200;
/** A press shows a spinner until it is answered; after this long it is answered without words. */
export const PRESS_WAIT_MS = 1500;
export const PLACEHOLDER_CHARS_MAX = 64;
export const COMMAND_DESCRIPTION_CHARS_MAX = 256;
/** How long a form asked question by question waits for its next answer. */
export const FORM_MS = 30 * 60 * 1000;
/** https://core.telegram.org/bots/api#sendphoto */
export const CAPTION_CHARS_MAX = 1024;

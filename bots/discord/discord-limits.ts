// Discord's numbers, each with where it is written. Used by the other files here and by the tests.
// https://docs.discord.com/developers (interactions/receiving-and-responding, resources/message, components/reference)

/** Message content for bots. */
export const MESSAGE_CHARS_MAX = 2000;
/** An interaction token edits and follows up for 15 minutes; half a minute is kept in reserve. */
export const TOKEN_MS = 14.5 * 60 * 1000;
/** The first response must come within 3 s; a handler that is to open a form gets this long before we acknowledge. */
export const FORM_WAIT_MS = 2000;
/** Not published; 5 edits in 5 s per channel were observed, so this leaves room for sends. */
export const EDIT_INTERVAL_MS = 1200;
export const BUTTON_LABEL_CHARS_MAX = 80;
export const MODAL_TITLE_CHARS_MAX = 45;
export const INPUT_LABEL_CHARS_MAX = 45;
export const INPUT_PLACEHOLDER_CHARS_MAX = 100;
export const OPTION_DESCRIPTION_CHARS_MAX = 100;
/** With enforce_nonce a second send of the same nonce returns the first message. */
export const NONCE_CHARS_MAX = 25;
/** Description of an attachment: https://discord.com/developers/docs/resources/message#attachment-object */
export const ALT_CHARS_MAX = 1024;

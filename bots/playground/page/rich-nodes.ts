// Formatted text as a tree, before it becomes anything visible: what both parsers (entity-nodes.ts for Telegram,
// discord-markdown.ts for Discord) produce and rich-dom.ts draws. Pure data; no HTML strings exist anywhere.

export type RichStyle =
  | 'bold'
  | 'italic'
  | 'underline'
  | 'strike'
  | 'spoiler'
  | 'code'
  | 'quote'
  | 'heading1'
  | 'heading2'
  | 'heading3'
  | 'subtext'
  | 'bullet'
  | 'numbered';

export type RichNode =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'style'; readonly style: RichStyle; readonly children: readonly RichNode[] }
  | { readonly kind: 'block-code'; readonly language: string; readonly text: string }
  | { readonly kind: 'link'; readonly url: string; readonly children: readonly RichNode[] }
  /** `ids` name whom; a ping is drawn louder than a mention that reaches nobody. */
  | { readonly kind: 'mention'; readonly label: string; readonly ping: boolean }
  /** A bot command that can be sent by a click (Telegram). */
  | { readonly kind: 'command'; readonly text: string };

export const plainNode = (text: string): RichNode => ({ kind: 'text', text });

/** Only links that leave the page in an ordinary way; anything else stays text. */
export function safeUrl(url: string): string | undefined {
  return /^(https?:\/\/|mailto:|tg:\/\/)[^\s]+$/i.test(url) ? url : undefined;
}

// A Telegram text with entities as a tree of nodes. Used by the Telegram pane. Pure.
// Entities may nest but not overlap; one that does is cut at its parent's end.

import { plainNode, type RichNode, type RichStyle, safeUrl } from './rich-nodes.ts';
import type { EntityView } from './view-types.ts';

const STYLES: Readonly<Record<string, RichStyle>> = {
  bold: 'bold',
  italic: 'italic',
  underline: 'underline',
  strikethrough: 'strike',
  spoiler: 'spoiler',
  code: 'code',
  blockquote: 'quote',
  expandable_blockquote: 'quote',
};

/** @param entities offsets and lengths in UTF-16 units */
export function entityNodes(text: string, entities: readonly EntityView[]): RichNode[] {
  const sorted = [...entities].sort((a, b) => a.offset - b.offset || b.length - a.length);
  const build = (from: number, to: number, inside: readonly EntityView[]): RichNode[] => {
    const nodes: RichNode[] = [];
    let at = from;
    let index = 0;
    while (index < inside.length) {
      const entity = inside[index];
      const start = Math.max(entity.offset, at);
      const end = Math.min(entity.offset + entity.length, to);
      index += 1;
      if (end <= start) continue;
      if (start > at) nodes.push(plainNode(text.slice(at, start)));
      const inner: EntityView[] = [];
      while (index < inside.length && inside[index].offset < end) {
        inner.push(inside[index]);
        index += 1;
      }
      nodes.push(nodeOf(entity, text.slice(start, end), () => build(start, end, inner)));
      at = end;
    }
    if (at < to) nodes.push(plainNode(text.slice(at, to)));
    return nodes;
  };
  return withoutDoubleBreaks(build(0, text.length, sorted));
}

/** A block stands on lines of its own anyway: the line break before and after it is not drawn once more. */
function withoutDoubleBreaks(nodes: readonly RichNode[]): RichNode[] {
  return nodes.map((node, index) => {
    if (node.kind !== 'text') return node;
    const afterBlock = isBlock(nodes[index - 1]) ? node.text.replace(/^\n/, '') : node.text;
    return plainNode(isBlock(nodes[index + 1]) ? afterBlock.replace(/\n$/, '') : afterBlock);
  });
}

const isBlock = (node: RichNode | undefined): boolean =>
  node?.kind === 'block-code' || (node?.kind === 'style' && node.style === 'quote');

function nodeOf(entity: EntityView, text: string, children: () => RichNode[]): RichNode {
  const style = STYLES[entity.type];
  if (style) return { kind: 'style', style, children: children() };
  switch (entity.type) {
    case 'pre':
      return { kind: 'block-code', language: entity.language ?? '', text };
    case 'bot_command':
      return { kind: 'command', text };
    case 'mention':
      return { kind: 'mention', label: text, ping: false };
    case 'url':
    case 'text_link': {
      const url = safeUrl(entity.type === 'url' ? text : (entity.url ?? ''));
      return url === undefined ? plainNode(text) : { kind: 'link', url, children: children() };
    }
    default:
      return plainNode(text);
  }
}

// Draws a tree of rich nodes as elements. Used by both panes. The only place where formatted text meets the DOM.

import { el } from './page-dom.ts';
import type { RichNode, RichStyle } from './rich-nodes.ts';

const TAGS: Readonly<Record<RichStyle, keyof HTMLElementTagNameMap>> = {
  bold: 'strong',
  italic: 'em',
  underline: 'u',
  strike: 's',
  spoiler: 'span',
  code: 'code',
  quote: 'blockquote',
  heading1: 'h3',
  heading2: 'h4',
  heading3: 'h5',
  subtext: 'small',
  bullet: 'div',
  numbered: 'div',
};

/** @param onCommand what a click on a bot command does, where the platform has that */
export function richElements(nodes: readonly RichNode[], onCommand?: (text: string) => void): Node[] {
  return nodes.map((node) => richElement(node, onCommand));
}

function richElement(node: RichNode, onCommand: ((text: string) => void) | undefined): Node {
  switch (node.kind) {
    case 'text':
      return document.createTextNode(node.text);
    case 'style': {
      const element = el(
        TAGS[node.style],
        { class: `rich-${node.style}` },
        ...richElements(node.children, onCommand),
      );
      if (node.style === 'spoiler')
        element.addEventListener('click', () => element.classList.add('revealed'));
      return element;
    }
    case 'block-code': {
      const label = node.language === '' ? null : el('span', { class: 'code-language' }, node.language);
      return el('pre', { class: 'rich-block-code' }, label, el('code', {}, node.text));
    }
    case 'link':
      return el(
        'a',
        { attrs: { href: node.url, target: '_blank', rel: 'noopener noreferrer' }, title: node.url },
        ...richElements(node.children, onCommand),
      );
    case 'mention':
      return el('span', { class: `rich-mention${node.ping ? ' pinged' : ''}` }, node.label);
    case 'command':
      return onCommand
        ? el(
            'button',
            { class: 'rich-command', attrs: { type: 'button' }, on: { click: () => onCommand(node.text) } },
            node.text,
          )
        : document.createTextNode(node.text);
  }
}

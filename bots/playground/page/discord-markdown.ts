// Discord's markdown as a tree of nodes: bold, italic, underline, strike, spoiler, code, quotes, headings, lists,
// `-#` subtext, links, mentions, timestamps. Used by the Discord pane. Pure; names of mentioned people come in.
// Not covered: custom emoji pictures (their :name: is shown) and nested lists.

import { plainNode, type RichNode, type RichStyle, safeUrl } from './rich-nodes.ts';

export interface MentionNames {
  /** The name behind `<@id>`, and whether this message pings them. */
  user(id: string): { readonly name: string; readonly ping: boolean };
  role(id: string): { readonly name: string; readonly ping: boolean };
  channel(id: string): string;
  readonly everyonePinged: boolean;
}

const LINE_STYLES: readonly (readonly [RegExp, RichStyle])[] = [
  [/^### (.+)$/, 'heading3'],
  [/^## (.+)$/, 'heading2'],
  [/^# (.+)$/, 'heading1'],
  [/^-# (.+)$/, 'subtext'],
  [/^\s*[-*] (.+)$/, 'bullet'],
  [/^\s*(\d+\. .+)$/, 'numbered'],
];

export function discordNodes(text: string, names: MentionNames): RichNode[] {
  const nodes: RichNode[] = [];
  const fence = /```(?:([a-zA-Z0-9_+-]+)\n)?\n?([\s\S]*?)\n?```/g;
  let at = 0;
  for (const match of text.matchAll(fence)) {
    nodes.push(...lines(text.slice(at, match.index).replace(/\n$/, ''), names));
    nodes.push({ kind: 'block-code', language: match[1] ?? '', text: match[2] });
    at = match.index + match[0].length;
    if (text[at] === '\n') at += 1;
  }
  nodes.push(...lines(text.slice(at), names));
  return nodes;
}

/** Lines that are blocks of their own (headings, quotes, subtext) and the runs of ordinary text between them. */
function lines(text: string, names: MentionNames): RichNode[] {
  if (text === '') return [];
  const nodes: RichNode[] = [];
  let run: string[] = [];
  const flush = () => {
    if (run.length > 0) nodes.push(...inline(run.join('\n'), names));
    run = [];
  };
  const all = text.split('\n');
  for (let index = 0; index < all.length; index += 1) {
    const line = all[index];
    if (line.startsWith('>>> ')) {
      flush();
      const rest = [line.slice(4), ...all.slice(index + 1)].join('\n');
      nodes.push({ kind: 'style', style: 'quote', children: lines(rest, names) });
      return nodes;
    }
    if (/^> ?/.test(line) && line.startsWith('> ')) {
      flush();
      const quoted: string[] = [];
      while (index < all.length && all[index].startsWith('> ')) {
        quoted.push(all[index].slice(2));
        index += 1;
      }
      index -= 1;
      nodes.push({ kind: 'style', style: 'quote', children: lines(quoted.join('\n'), names) });
      continue;
    }
    const block = LINE_STYLES.map(([pattern, style]) => ({ match: pattern.exec(line), style })).find(
      ({ match }) => match,
    );
    if (block?.match) {
      flush();
      nodes.push({ kind: 'style', style: block.style, children: inline(block.match[1], names) });
      continue;
    }
    run.push(line);
  }
  flush();
  return nodes;
}

type InlineRule = readonly [
  pattern: RegExp,
  make: (match: RegExpExecArray, names: MentionNames) => RichNode | undefined,
];

const styled =
  (style: RichStyle) =>
  (match: RegExpExecArray, names: MentionNames): RichNode => ({
    kind: 'style',
    style,
    children: inline(match[1], names),
  });

/** Tried in this order at every position; the first that fits wins. */
const INLINE: readonly InlineRule[] = [
  [/^\\([^a-zA-Z0-9\s])/, (match) => plainNode(match[1])],
  [
    /^``([^`]+?)``|^`([^`]+)`/,
    (match) => ({ kind: 'style', style: 'code', children: [plainNode(match[1] ?? match[2])] }),
  ],
  [
    /^\*\*\*([\s\S]+?)\*\*\*(?!\*)/,
    (match, names) => ({
      kind: 'style',
      style: 'bold',
      children: [{ kind: 'style', style: 'italic', children: inline(match[1], names) }],
    }),
  ],
  [/^\*\*((?:\\.|[^\\])+?)\*\*(?!\*)/, styled('bold')],
  [/^__((?:\\.|[^\\])+?)__(?!_)/, styled('underline')],
  [/^\*(?!\s)((?:\\.|\*\*|[^\\*])+?)(?<!\s)\*(?!\*)/, styled('italic')],
  [/^_(?!\s)((?:\\.|__|[^\\_])+?)_(?![\w])/, styled('italic')],
  [/^~~([\s\S]+?)~~/, styled('strike')],
  [/^\|\|([\s\S]+?)\|\|/, styled('spoiler')],
  [/^<@!?(\d+)>/, (match, names) => mention('@', names.user(match[1]))],
  [/^<@&(\d+)>/, (match, names) => mention('@', names.role(match[1]))],
  [/^<#(\d+)>/, (match, names) => ({ kind: 'mention', label: `#${names.channel(match[1])}`, ping: false })],
  [
    /^@(everyone|here)\b/,
    (match, names) =>
      names.everyonePinged ? { kind: 'mention', label: `@${match[1]}`, ping: true } : plainNode(match[0]),
  ],
  [/^<\/([-\w ]{1,100}):\d+>/, (match) => ({ kind: 'mention', label: `/${match[1]}`, ping: false })],
  [/^<a?(:\w{2,32}:)\d+>/, (match) => plainNode(match[1])],
  [
    /^<t:(-?\d{1,13})(?::[tTdDfFR])?>/,
    (match) => ({
      kind: 'style',
      style: 'code',
      children: [plainNode(new Date(Number(match[1]) * 1000).toLocaleString())],
    }),
  ],
  [
    /^\[((?:\\.|[^\]\\])+)\]\(<?(https?:\/\/[^\s)>]+)>?(?: "[^"]*")?\)/,
    (match, names) => link(match[2], inline(match[1], names)),
  ],
  [/^<(https?:\/\/[^\s>]+)>/, (match) => link(match[1], [plainNode(match[1])])],
  [/^https?:\/\/[^\s<>]*[^\s<>.,;:!?)\]'"]/, (match) => link(match[0], [plainNode(match[0])])],
];

const mention = (
  sign: string,
  { name, ping }: { readonly name: string; readonly ping: boolean },
): RichNode => ({ kind: 'mention', label: `${sign}${name}`, ping });

function link(url: string, children: readonly RichNode[]): RichNode | undefined {
  const safe = safeUrl(url);
  return safe === undefined ? undefined : { kind: 'link', url: safe, children };
}

function inline(text: string, names: MentionNames): RichNode[] {
  const nodes: RichNode[] = [];
  let plain = '';
  let at = 0;
  while (at < text.length) {
    const next = nextSpecial(text, at);
    plain += text.slice(at, next);
    at = next;
    if (at >= text.length) break;
    const rest = text.slice(at);
    const startsWord = at === 0 || !/\w/.test(text[at - 1]);
    const found = INLINE.map(([pattern, make]) => ({ match: pattern.exec(rest), make })).find(
      ({ match }) => match,
    );
    const node =
      found?.match && (startsWord || !/^[_h@]/.test(rest)) ? found.make(found.match, names) : undefined;
    if (found?.match && node) {
      if (plain !== '') nodes.push(plainNode(plain));
      plain = '';
      nodes.push(node);
      at += found.match[0].length;
    } else {
      plain += text[at];
      at += 1;
    }
  }
  if (plain !== '') nodes.push(plainNode(plain));
  return nodes;
}

/** The next place where anything but plain text could begin: keeps long texts fast. */
function nextSpecial(text: string, from: number): number {
  const special = /[\\`*_~|<@[]|https?:/g;
  special.lastIndex = from;
  return special.exec(text)?.index ?? text.length;
}

// What a Discord app would show of a message's markdown, as plain text: written from Discord's rules, not from our
// renderer, so that the two can disagree. Knows only the marks our renderer uses; any other unescaped mark is an error.

const RULES: readonly (readonly [pattern: RegExp, shown: (match: RegExpExecArray) => string])[] = [
  [/^```(?:\n)?([\s\S]*?)\n?```/, (match) => match[1] ?? ''],
  [/^``\s([\s\S]*?)\s``(?!`)/, (match) => match[1] ?? ''],
  [/^`([^`]+)`(?!`)/, (match) => match[1] ?? ''],
  [/^\\([^0-9A-Za-z\s])/, (match) => match[1] ?? ''],
  // A link whose preview is not wanted.
  [/^<(https?:\/\/[^\s<>]+)>/, (match) => match[1] ?? ''],
  [/^https?:\/\/[^\s<]+[^<.,:;"'\])\s]/, (match) => match[0]],
  [/^\*\*((?:\\[\s\S]|`[^`]*`|[^*\\])+?)\*\*(?!\*)/, (match) => readInline(match[1] ?? '')],
  [/^_((?:\\[\s\S]|[^_\\])+?)_(?![A-Za-z0-9_])/, (match) => readInline(match[1] ?? '')],
  [/^[A-Za-z0-9 ]+/, (match) => match[0]],
];

function readInline(source: string): string {
  let rest = source;
  let out = '';
  while (rest !== '') {
    const rule = RULES.map(([pattern, shown]) => ({ match: pattern.exec(rest), shown })).find(
      ({ match }) => match !== null,
    );
    if (rule?.match) {
      out += rule.shown(rule.match);
      rest = rest.slice(rule.match[0].length);
      continue;
    }
    const letter = [...rest][0] ?? '';
    if ('*_~`|<[]'.includes(letter))
      throw new Error(`Discord would read "${rest.slice(0, 20)}" as markup in:\n${source}`);
    out += letter;
    rest = rest.slice(letter.length);
  }
  return out;
}

/** The text a reader sees. @throws when text would be read as markup that was not meant */
export function readDiscordMarkdown(content: string): string {
  const fences: string[] = [];
  const held = content.replace(
    /```\n([\s\S]*?)\n```/g,
    (_, code: string) => `\uE000${fences.push(code) - 1}\uE000`,
  );
  const shown = held.split('\n').map((line) => {
    const plain = line.replace(/^(?:> |-# )/, '');
    if (/^\s*(?:#{1,3} |[-*+] |\d+\. |>>> |> |-# )/.test(plain))
      throw new Error(`Discord would read this line as a block: ${plain}`);
    return plain;
  });
  return readInline(shown.join('\n')).replace(
    /\uE000(\d+)\uE000/g,
    (_, index: string) => fences[Number(index)] ?? '',
  );
}

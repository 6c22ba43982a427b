// Markdown for generated cards: tables, and foreign text made harmless. Used by the cards of base and demo model.
// Pure. What a model or a person wrote never becomes markup, a second line or a table cell of its own.

/** A table. @param right indices of columns aligned to the right; cells are plain text. */
export function markdownTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  right: readonly number[] = [],
): string {
  const line = (cells: readonly string[]): string => `| ${cells.map(plainText).join(' | ')} |`;
  const rule = `|${head.map((_, i) => (right.includes(i) ? '---:' : '---')).join('|')}|`;
  return [line(head), rule, ...rows.map(line)].join('\n');
}

/** Text on one line with everything escaped that Markdown would read as markup. */
export function plainText(text: string): string {
  return text
    .replace(/\s+/g, ' ')
    .trim()
    .replace(/[\\`*_<>|[\]#]/g, '\\$&');
}

// A quiet run's figures, kept: as JSON beside this file and as a table in every document that has a place for it.
// Used by the benches (`--record`) and by the test that compares the documents with the JSON. It measures nothing.
// The place in a document: `<!-- bench NAME -->` and `<!-- end of bench NAME -->`, each on a line of its own.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { digits, type Figure, goalText, quantity, verdictOf } from './bench-figure.ts';

export interface BenchRecord {
  readonly machine: Readonly<Record<string, string>>;
  readonly figures: readonly Figure[];
}

const root = join(import.meta.dirname, '../..');
const documents = ['README.md', 'engine/README.md', 'test/bench/README.md'];

export function recordPath(bench: string): string {
  return join(root, 'test/bench/results', `${bench}.json`);
}

/** Writes the JSON and fills the table's places. @returns the files written */
export function keepRecord(bench: string, record: BenchRecord): readonly string[] {
  const path = recordPath(bench);
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, `${JSON.stringify(record, null, 2)}\n`);
  const filled = documents.filter((document) => {
    const text = readFileSync(join(root, document), 'utf8');
    const next = withRecord(bench, text, record);
    if (next !== text) writeFileSync(join(root, document), next);
    return placeOf(bench, text) !== undefined;
  });
  return [`test/bench/results/${bench}.json`, ...filled];
}

/** The document with the table in its place; as it was, if it has none. */
export function withRecord(bench: string, document: string, record: BenchRecord): string {
  const place = placeOf(bench, document);
  if (place === undefined) return document;
  return `${document.slice(0, place.start)}\n${recordTable(record)}\n${document.slice(place.end)}`;
}

/** Documents of the repository that have a place for this bench. */
export function documentsWith(bench: string): readonly string[] {
  return documents.filter(
    (document) => placeOf(bench, readFileSync(join(root, document), 'utf8')) !== undefined,
  );
}

function placeOf(
  bench: string,
  document: string,
): { readonly start: number; readonly end: number } | undefined {
  const [opening, closing] = [`<!-- bench ${bench} -->`, `<!-- end of bench ${bench} -->`];
  const start = document.indexOf(opening);
  const end = document.indexOf(closing);
  return start < 0 || end < start ? undefined : { start: start + opening.length, end };
}

/** Markdown. */
function recordTable({ machine, figures }: BenchRecord): string {
  const rows = figures.map((figure) => {
    const { measure } = figure;
    const isMissed = verdictOf(figure) === 'FAIL';
    const range =
      'missing' in figure || figure.low === undefined || figure.high === undefined
        ? ''
        : ` (${digits(figure.low)} – ${digits(figure.high)})`;
    const measured = 'missing' in figure ? 'not measured' : `${quantity(figure.value, figure.unit)}${range}`;
    return `| ${measure} | ${goalText(figure)} | ${measured}${isMissed ? ', missed' : ''} |`;
  });
  const where = Object.values(machine).join('; ');
  return [
    '',
    '| measure | goal | measured (least – most) |',
    '|---|---:|---:|',
    ...rows,
    '',
    `On ${where}.`,
    '',
  ].join('\n');
}

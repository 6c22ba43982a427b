// The committed gas figures, contracts/gas-snapshot.json, their table in contracts/README.md, and what counts as a change.
// Used by gas-cli.ts, which writes both, and by the test.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { GasFigures } from './measure-gas.ts';

export const snapshotPath = join(import.meta.dirname, '../gas-snapshot.json');

/** A tenth of a percent more is growth; more than a percent less, and the snapshot says too much. */
const GROWTH_PER_MILLE_MAX = 1;
const FALL_PER_MILLE_MAX = 10;

export function readGasSnapshot(): GasFigures {
  return existsSync(snapshotPath) ? JSON.parse(readFileSync(snapshotPath, 'utf8')) : {};
}

/** Sentences about figures that are not those of the snapshot; none when it holds. */
export function gasDifferences(measured: GasFigures, snapshot: GasFigures): readonly string[] {
  const names = [...new Set([...Object.keys(measured), ...Object.keys(snapshot)])];
  return names.flatMap((name) => {
    const now = measured[name];
    const then = snapshot[name];
    if (now === undefined) return [`${name}: no longer measured`];
    if (then === undefined) return [`${name}: ${now}, not in the snapshot`];
    if ((now - then) * 1000 > then * GROWTH_PER_MILLE_MAX) return [`${name}: ${now}, grown from ${then}`];
    if ((then - now) * 1000 > then * FALL_PER_MILLE_MAX)
      return [`${name}: ${now}, fallen from ${then}: write the snapshot anew`];
    return [];
  });
}

export const readmePath = join(import.meta.dirname, '../README.md');
const BEGIN = '<!-- gas:begin -->\n';
const END = '<!-- gas:end -->';

/** @param readme the text of contracts/README.md @returns the same with the table of these figures */
export function withGasTable(readme: string, figures: GasFigures): string {
  const rows = Object.entries(figures).map(([name, gas]) => `| ${name} | ${gas.toLocaleString('en')} |`);
  const table = ['| transaction | gas |', '|---|---|', ...rows].join('\n');
  const from = readme.indexOf(BEGIN) + BEGIN.length;
  return `${readme.slice(0, from)}${table}\n${readme.slice(readme.indexOf(END))}`;
}

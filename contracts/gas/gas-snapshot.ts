// The committed gas figures, contracts/gas-snapshot.json, and what counts as a change. Used by gas-cli.ts and the test.
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

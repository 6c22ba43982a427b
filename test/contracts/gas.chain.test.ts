// What the contracts' transactions cost, from the receipts of anvil, beside the committed snapshot and the goals of the
// project. To write the snapshot anew: node contracts/gas-cli.ts --write
import { readFileSync } from 'node:fs';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  gasDifferences,
  readGasSnapshot,
  readmePath,
  withGasTable,
} from '../../contracts/gas/gas-snapshot.ts';
import { type GasFigures, measureGas } from '../../contracts/gas/measure-gas.ts';
import { findAnvil, NO_ANVIL } from '../../contracts/local/anvil-process.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

describe('the gas of the contracts', () => {
  const folder = temporaryFolder();
  let measured: GasFigures = {};
  beforeAll(async () => {
    if (findAnvil() !== undefined) measured = await measureGas(folder);
  });
  beforeEach(({ skip }) => skip(findAnvil() === undefined, NO_ANVIL));

  it('is that of the snapshot: nothing grew by a thousandth', () => {
    expect(gasDifferences(measured, readGasSnapshot())).toEqual([]);
  });

  it('stays within 70,000 for a repeated claim out of 100,000 leaves and 90,000 for both roots', () => {
    expect(measured['claim, repeat, 100,000 leaves']).toBeLessThanOrEqual(70_000);
    expect(measured['postEpoch, later']).toBeLessThanOrEqual(90_000);
  });
});

describe('a gas snapshot', () => {
  it('is left by growth of more than a thousandth, a fall of more than a hundredth, and other names', () => {
    expect(gasDifferences({ a: 100_100 }, { a: 100_000 })).toEqual([]);
    expect(gasDifferences({ a: 100_101 }, { a: 100_000 })).toEqual(['a: 100101, grown from 100000']);
    expect(gasDifferences({ a: 99_000 }, { a: 100_000 })).toEqual([]);
    expect(gasDifferences({ a: 98_999 }, { a: 100_000 })[0]).toContain('fallen');
    expect(gasDifferences({ a: 1 }, { b: 1 })).toEqual([
      'a: 1, not in the snapshot',
      'b: no longer measured',
    ]);
  });

  it('is the table in contracts/README.md', () => {
    const readme = readFileSync(readmePath, 'utf8');
    expect(readme).toBe(withGasTable(readme, readGasSnapshot()));
    expect(readme).toContain('| postEpoch, later | ');
  });

  it('names every transaction that people and the operator send', () => {
    expect(Object.keys(readGasSnapshot()).length).toBeGreaterThanOrEqual(17);
  });
});

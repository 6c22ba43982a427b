// What a claim and a posting cost on chain: receipts of an anvil of its own, the same in every run. Used by ledger-bench.ts.
// All transactions: contracts/gas-snapshot.json.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { measureGas } from '../../contracts/gas/measure-gas.ts';
import { findAnvil, NO_ANVIL } from '../../contracts/local/anvil-process.ts';
import type { LedgerMeasure } from './ledger-bench-context.ts';

export const gasMeasure: LedgerMeasure = {
  figures: [
    {
      name: 'gas-claim',
      measure: 'gas of a repeated claim out of 100,000 leaves',
      unit: 'gas',
      goal: { atMost: 70_000 },
    },
    {
      name: 'gas-post',
      measure: 'gas of posting both roots of an epoch',
      unit: 'gas',
      goal: { atMost: 90_000 },
    },
  ],
  async run() {
    if (findAnvil() === undefined)
      return { 'gas-claim': { missing: NO_ANVIL }, 'gas-post': { missing: NO_ANVIL } };
    const folder = mkdtempSync(join(tmpdir(), 'gas-bench-'));
    try {
      const gas = await measureGas(folder);
      return {
        'gas-claim': { value: gas['claim, repeat, 100,000 leaves'] },
        'gas-post': { value: gas['postEpoch, later'] },
      };
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

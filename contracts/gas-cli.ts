/**
 * `node contracts/gas-cli.ts [--write]`: measures what every transaction costs on an anvil of its own, beside the committed
 * snapshot; `--write` writes contracts/gas-snapshot.json and the table in contracts/README.md. Exit code 3 where there is no anvil.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { readGasSnapshot, readmePath, snapshotPath, withGasTable } from './gas/gas-snapshot.ts';
import { measureGas } from './gas/measure-gas.ts';
import { findAnvil, NO_ANVIL } from './local/anvil-process.ts';

const EXIT_NO_ANVIL = 3;

async function main(): Promise<number> {
  const { values } = parseArgs({ options: { write: { type: 'boolean', default: false } } });
  if (findAnvil() === undefined) {
    console.error(NO_ANVIL);
    return EXIT_NO_ANVIL;
  }
  const folder = mkdtempSync(join(tmpdir(), 'openmodels-gas-'));
  try {
    const measured = await measureGas(folder);
    const committed = readGasSnapshot();
    if (values.write) {
      writeFileSync(snapshotPath, `${JSON.stringify(measured, null, 2)}\n`);
      writeFileSync(readmePath, withGasTable(readFileSync(readmePath, 'utf8'), measured));
    }
    for (const [name, gas] of Object.entries(measured)) {
      const before = committed[name]?.toLocaleString('en') ?? 'new';
      console.log(
        `${name.padEnd(40)} ${gas.toLocaleString('en').padStart(10)}   snapshot ${before.padStart(10)}`,
      );
    }
    return 0;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

process.exitCode = await main();

/**
 * `node contracts/compile-cli.ts`: compiles contracts/src and writes contracts/artifacts/, which are committed: whoever
 * only runs the program needs no compiler. Offline; needs the development packages.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { artifactText, compileContracts } from './compiler/compile-contracts.ts';

const folder = join(import.meta.dirname, 'artifacts');
mkdirSync(folder, { recursive: true });
for (const artifact of compileContracts()) {
  writeFileSync(join(folder, `${artifact.contractName}.json`), artifactText(artifact));
  const bytes = (artifact.bytecode.length - 2) / 2;
  console.log(`${artifact.contractName.padEnd(20)} ${bytes.toLocaleString('en')} bytes to deploy`);
}

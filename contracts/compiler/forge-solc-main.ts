// The solc of npm as the program that forge expects: `--version`, and standard JSON from stdin to stdout. Run by forge
// through the script that run-forge.ts writes. forge cannot use npm's solcjs (it does not read its options), and would
// otherwise download a compiler.
import { readFileSync, writeSync } from 'node:fs';
import solc from 'solc';

const STDOUT = 1;

if (process.argv.includes('--version')) {
  const version = solc.version().replace('Emscripten.clang', 'Linux.g++');
  console.log(`solc, the solidity compiler commandline interface\nVersion: ${version}`);
} else {
  const output = Buffer.from(solc.compile(readFileSync(0, 'utf8')));
  for (let written = 0; written < output.length; ) written += writeSync(STDOUT, output, written);
}

// The solc of npm as the program that forge expects: standard JSON from stdin to stdout. Run by forge through the script
// that run-forge.ts writes (which answers `--version`). forge cannot use npm's solcjs (it does not read its options), and
// would otherwise download a compiler.
import { readFileSync, writeSync } from 'node:fs';
import solc from 'solc';

const STDIN = 0;
const STDOUT = 1;

const output = Buffer.from(solc.compile(readFileSync(STDIN, 'utf8')));
for (let written = 0; written < output.length; ) written += writeSync(STDOUT, output, written);

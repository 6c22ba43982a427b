// `npm run check`: types, lint and format, unused code, shape tests, in one command. Prints each step and its seconds;
// runs them all even when one fails, and exits 1 then. Imports nothing of the product.
import { spawnSync } from 'node:child_process';

const steps = [
  ['types', 'node_modules/typescript/bin/tsc', ['--noEmit']],
  ['lint and format', 'node_modules/@biomejs/biome/bin/biome', ['check', '--error-on-warnings', '.']],
  ['unused code', 'node_modules/knip/bin/knip.js', ['--no-progress']],
  ['shape', 'node_modules/vitest/vitest.mjs', ['run', '--config', 'test/shape/vitest.shape.config.ts']],
];

let failed = 0;
for (const [name, script, args] of steps) {
  const startedAt = Date.now();
  console.log(`check: ${name} …`);
  const { status } = spawnSync(process.execPath, [script, ...args], { stdio: 'inherit' });
  console.log(
    `check: ${name} ${status === 0 ? 'passed' : 'FAILED'} (${((Date.now() - startedAt) / 1000).toFixed(1)} s)`,
  );
  if (status !== 0) failed += 1;
}
console.log(failed === 0 ? 'check: all passed' : `check: ${failed} of ${steps.length} failed`);
process.exitCode = failed === 0 ? 0 : 1;

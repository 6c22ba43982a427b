/**
 * `node contracts/mutation-cli.ts [words]`: takes the rules out of the contracts one at a time (those whose name holds the
 * words; else all) and sees that the Solidity tests fail each time and pass on the contracts as they are. Prints a table
 * and one JSON line. Exit code 1 when a mutant was not noticed, or fewer than ten by the invariants alone; 3 without forge.
 */
import { findForge, NO_FORGE } from './compiler/run-forge.ts';
import { mutants } from './mutation/mutants.ts';
import { type MutantResult, runClean, runMutant } from './mutation/run-mutants.ts';

const EXIT_UNNOTICED = 1;
const EXIT_NO_FORGE = 3;
const INVARIANTS_MIN = 10;

async function main(): Promise<number> {
  if (findForge() === undefined) {
    console.error(NO_FORGE);
    return EXIT_NO_FORGE;
  }
  const words = process.argv.slice(2).join(' ');
  const chosen = mutants.filter(({ name }) => name.includes(words));
  const width = Math.max(...chosen.map(({ name }) => name.length));
  const print = ({ name, test, invariant }: MutantResult) =>
    console.log(`${name.padEnd(width)}  ${(test ?? '-').padEnd(60).slice(0, 60)}  ${invariant ?? '-'}`);
  console.log(
    `${'rule taken out'.padEnd(width)}  ${'first failing test'.padEnd(60)}  first failing invariant`,
  );
  const clean = await runClean();
  print(clean);
  const results: MutantResult[] = [];
  for (const mutant of chosen) {
    const result = await runMutant(mutant);
    print(result);
    results.push(result);
  }
  const unnoticed = results.filter(({ test, invariant }) => test === null && invariant === null);
  const byInvariants = results.filter(({ invariant }) => invariant !== null).length;
  const cleanPasses = clean.test === null && clean.invariant === null;
  console.log(
    JSON.stringify({ mutants: results.length, unnoticed: unnoticed.length, byInvariants, cleanPasses }),
  );
  const enough = words !== '' || byInvariants >= INVARIANTS_MIN;
  return cleanPasses && unnoticed.length === 0 && enough ? 0 : EXIT_UNNOTICED;
}

process.exitCode = await main();

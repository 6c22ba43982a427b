// Breaks the contracts one rule at a time and runs the Solidity tests on each: the unit and fuzz tests, and the invariants
// by themselves. Used by mutation-cli.ts and, with fewer mutants, by the tests. Needs forge and the development packages.
// Invariant: a mutant counts as noticed only when a test failed; a source that does not compile is an error of the list.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { artifactText, compileContracts, contractSources } from '../compiler/compile-contracts.ts';
import { runForge } from '../compiler/run-forge.ts';
import type { Mutant } from './mutants.ts';

const root = join(import.meta.dirname, '../..');
const contracts = ['Open', 'Registry', 'Vault'];
const SUITES = {
  tests: ['--no-match-contract', 'Invariants'],
  invariants: ['--match-contract', 'Invariants'],
} as const;

export interface MutantResult {
  readonly name: string;
  /** The first unit or fuzz test that failed; null when none did. */
  readonly test: string | null;
  /** The first invariant that failed; null when none did. */
  readonly invariant: string | null;
}

/** Runs the tests on the contracts as they are, compiled as the mutants are: nothing may fail. */
export async function runClean(): Promise<MutantResult> {
  return await judge('nothing is missing', {});
}

/** Runs the tests on one mutant. @throws Error when its text does not stand in the source exactly once */
export async function runMutant(mutant: Mutant): Promise<MutantResult> {
  const path = contractSources[mutant.contract];
  const source = readFileSync(join(root, path), 'utf8');
  const found = source.split(mutant.from).length - 1;
  if (found !== 1) throw new Error(`mutant "${mutant.name}": its text stands ${found} times in ${path}`);
  return await judge(mutant.name, { [path]: source.replace(mutant.from, () => mutant.to) });
}

async function judge(name: string, changed: Readonly<Record<string, string>>): Promise<MutantResult> {
  const folder = `contracts/cache/mutants/${name.replace(/\W+/g, '-')}`;
  rmSync(join(root, folder), { recursive: true, force: true });
  mkdirSync(join(root, folder), { recursive: true });
  // not by the optimiser of the artifacts: the rules are the same, and it takes a tenth of the time
  for (const artifact of compileContracts(contracts, changed, { viaIR: false })) {
    writeFileSync(join(root, folder, `${artifact.contractName}.json`), artifactText(artifact));
  }
  const test = await firstFailure(folder, SUITES.tests);
  const invariant = await firstFailure(folder, SUITES.invariants);
  rmSync(join(root, folder), { recursive: true, force: true });
  return { name, test, invariant };
}

async function firstFailure(folder: string, suite: readonly string[]): Promise<string | null> {
  const { exitCode, output } = await runForge(['test', '--fail-fast', ...suite], {
    ARTIFACTS_DIR: folder,
    FOUNDRY_INVARIANT_SHRINK_RUN_LIMIT: '0',
    FOUNDRY_INVARIANT_FAILURE_PERSIST_DIR: join(root, folder, 'failures'),
    FOUNDRY_FUZZ_FAILURE_PERSIST_DIR: join(root, folder, 'failures'),
  });
  if (exitCode === 0) return null;
  const from = output.indexOf('[FAIL');
  if (from === -1) throw new Error(`forge failed without a failing test:\n${output.slice(-2000)}`);
  const failed = /\b((?:test|testFuzz|invariant)_\w+)\(/.exec(output.slice(from));
  return failed?.[1] ?? 'setUp';
}

// Breaks the contracts one rule at a time and runs the Solidity tests on each: the unit and fuzz tests, and the invariants
// by themselves. Used by mutation-cli.ts and, with fewer mutants, by the tests. Needs forge and the development packages.
// Invariant: a mutant counts as noticed only when a test failed; a source that does not compile is an error of the list.
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  artifactText,
  compileContracts,
  contractSources,
  plainSettings,
} from '../compiler/compile-contracts.ts';
import { runForge } from '../compiler/run-forge.ts';
import type { Mutant } from './mutants.ts';

const root = join(import.meta.dirname, '../..');
/** What the tests deploy; the vault brings the registry. */
const deployed = ['Open', 'Vault'];
const SUITES = {
  tests: ['--no-match-contract', 'Invariants'],
  invariants: ['--match-contract', 'Invariants'],
} as const;

export type Suite = keyof typeof SUITES;

export interface MutantResult {
  readonly name: string;
  /** The first unit or fuzz test that failed; null when none did or they did not run. */
  readonly test: string | null;
  /** The first invariant that failed; null when none did or they did not run. */
  readonly invariant: string | null;
}

const BOTH: readonly Suite[] = ['tests', 'invariants'];

/** Runs the tests on the contracts as they are, compiled as the mutants are: nothing may fail. */
export async function runClean(suites = BOTH): Promise<MutantResult> {
  return await judge('nothing is missing', deployed, {}, suites);
}

/** Runs the tests on one mutant. @throws Error when its text does not stand in the source exactly once */
export async function runMutant(mutant: Mutant, suites = BOTH): Promise<MutantResult> {
  const compiled = [mutant.contract === 'Open' ? 'Open' : 'Vault'];
  return await judge(mutant.name, compiled, brokenSource(mutant), suites);
}

/** The mutant's source by its path. @throws Error when its text does not stand in it exactly once */
export function brokenSource({ name, contract, from, to }: Mutant): Readonly<Record<string, string>> {
  const path = contractSources[contract];
  const source = readFileSync(join(root, path), 'utf8');
  const found = source.split(from).length - 1;
  if (found !== 1) throw new Error(`mutant "${name}": its text stands ${found} times in ${path}`);
  return { [path]: source.replace(from, () => to) };
}

async function judge(
  name: string,
  compiled: readonly string[],
  changed: Readonly<Record<string, string>>,
  suites: readonly Suite[],
): Promise<MutantResult> {
  const folder = `contracts/cache/mutants/${name.replace(/\W+/g, '-')}`;
  rmSync(join(root, folder), { recursive: true, force: true });
  mkdirSync(join(root, folder), { recursive: true });
  for (const name of deployed) {
    const [artifact] = compiled.includes(name) ? compileContracts([name], changed, plainSettings) : [null];
    const file = `${name}.json`;
    if (artifact === null) copyFileSync(join(root, 'contracts/artifacts', file), join(root, folder, file));
    else writeFileSync(join(root, folder, file), artifactText(artifact));
  }
  const failure = async (suite: Suite) =>
    suites.includes(suite) ? await firstFailure(folder, SUITES[suite]) : null;
  const test = await failure('tests');
  const invariant = await failure('invariants');
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

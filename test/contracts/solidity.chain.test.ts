// The Solidity tests, run by forge on the committed bytecode, and the proof that the invariants bite: each of their twelve
// rules is taken out once. All mutants against all tests: `node contracts/mutation-cli.ts`. One file, for forge's compiler
// cache is shared.
import { beforeEach, describe, expect, it } from 'vitest';
import { findForge, NO_FORGE, runForge } from '../../contracts/compiler/run-forge.ts';
import { invariantMutants, type Mutant, mutants } from '../../contracts/mutation/mutants.ts';
import { brokenSource, runClean, runMutant } from '../../contracts/mutation/run-mutants.ts';

const SLOW_MS = 300_000;

describe('the Solidity tests', () => {
  beforeEach(({ skip }) => skip(findForge() === undefined, NO_FORGE));

  it(
    'pass on the committed bytecode: more than 60 tests and 6 invariants',
    async () => {
      const { exitCode, output } = await runForge(['test']);
      expect(output).not.toContain('[FAIL');
      expect(exitCode, output.slice(-3000)).toBe(0);
      const passed = output.match(/^\[PASS\] \w+/gm) ?? [];
      expect(passed.length).toBeGreaterThan(60);
      expect(passed.filter((line) => line.includes(' invariant_')).length).toBe(6);
    },
    SLOW_MS,
  );

  it(
    'hold as invariants on the contracts as they are',
    async () => {
      expect((await runClean(['invariants'])).invariant).toBeNull();
    },
    SLOW_MS,
  );

  it.each(invariantMutants.map((mutant): [string, Mutant] => [mutant.name, mutant]))(
    'fail as invariants: %s',
    async (_, mutant) => {
      expect((await runMutant(mutant, ['invariants'])).invariant).toMatch(/^invariant_/);
    },
    SLOW_MS,
  );

  it('can be given more than forty mutants, each with a name and a text that stands in its source once', () => {
    for (const mutant of mutants) expect(() => brokenSource(mutant)).not.toThrow();
    expect(new Set(mutants.map(({ name }) => name)).size).toBe(mutants.length);
    expect(mutants.length).toBeGreaterThan(40);
    expect(invariantMutants.length).toBeGreaterThanOrEqual(10);
  });
});

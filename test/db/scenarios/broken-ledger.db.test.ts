/**
 * The scenarios bite: a ledger that was broken on purpose is found out. Each of these bends one function of a scratch database
 * in a way that keeps every sum zero, so that no constraint helps, and must make a few scenarios fail.
 */
import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { type TestDatabase, testDatabase } from '../../support/postgres.ts';
import { newTally, runScenario } from './ledger-scenario.ts';
import { scenarioArbitrary } from './scenario-arbitrary.ts';

vi.setConfig({ testTimeout: 300_000 });

const SCENARIOS_MAX = 40;

const MUTANTS: readonly {
  readonly name: string;
  readonly function: string;
  readonly from: string;
  readonly to: string;
}[] = [
  {
    name: 'a used key with another request gets the first answer',
    function: 'ledger_hold',
    from: `'idempotency_conflict'`,
    to: `'earlier'`,
  },
  {
    name: 'a key is never found again, so a repetition posts anew',
    function: 'ledger_post',
    from: 'values (p_key,',
    to: 'values (p_key || random(),',
  },
  {
    name: 'a void gives the grant’s part back to the balance',
    function: 'ledger_release',
    from: 'h.grant_nano as to_grant, h.balance_nano as to_balance',
    to: '0::bigint as to_grant, h.amount_nano as to_balance',
  },
  {
    name: 'a split pays every share to the first one',
    function: 'ledger_split',
    from: 'v_accounts[share_first:share_last]',
    to: 'array_fill(v_accounts[share_first], array[share_last - share_first + 1])',
  },
  {
    name: 'a hold is taken from the balance before the grant',
    function: 'ledger_hold',
    from: '(least(upto, given) - least(upto - amount, given))',
    to: '(amount - (least(upto, paid) - least(upto - amount, paid)))',
  },
  {
    name: 'the roll-up forgets what waited',
    function: 'ledger_pending_rolls_up',
    from: 'update account a set balance_nano = a.balance_nano + m.amount',
    to: 'update account a set balance_nano = a.balance_nano',
  },
];

async function bend(database: TestDatabase, mutant: (typeof MUTANTS)[number]): Promise<void> {
  const connection = await database.owner.pool.reserve();
  const [{ source }] = await connection.unsafe(
    `select pg_get_functiondef(oid) as source from pg_proc where proname = $1`,
    [mutant.function],
  );
  const bent = (source as string).replaceAll(mutant.from, mutant.to);
  if (bent === source)
    throw new Error(`${mutant.function} does not hold what this test bends: ${mutant.from}`);
  await connection.unsafe(bent);
  connection.release();
}

describe.each(MUTANTS)('a ledger in which $name', (mutant) => {
  const database = testDatabase();
  test('is found out', async () => {
    await bend(database, mutant);
    let run = 0;
    const outcome = await fc.check(
      fc.asyncProperty(scenarioArbitrary, (scenario) => runScenario(database, scenario, run++, newTally())),
      { numRuns: SCENARIOS_MAX, seed: 5, endOnFailure: true },
    );
    expect(outcome.failed).toBe(true);
    expect(String(outcome.errorInstance)).toMatch(/no order explains|the books:/);
  });
});

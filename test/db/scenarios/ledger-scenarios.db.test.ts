/**
 * 1,000 random concurrent scenarios of every ledger verb against an in-memory oracle: repetitions, other requests under a used
 * key, expiries, roll-ups, killed connections. No difference in any answer, any balance, or the books. `npm test` runs a few
 * dozen; LEDGER_SCENARIOS=1000 runs them all, LEDGER_SCENARIOS_SEED another thousand. A failure is shrunk and printed.
 */
import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { testDatabase } from '../../support/postgres.ts';
import { newTally, runScenario } from './ledger-scenario.ts';
import { scenarioArbitrary } from './scenario-arbitrary.ts';

vi.setConfig({ testTimeout: 900_000 });

const SCENARIOS = Number(process.env.LEDGER_SCENARIOS ?? 40);
const SEED = Number(process.env.LEDGER_SCENARIOS_SEED ?? 20261121);
/** A database for so many: the books look at every row of it after each scenario. */
const SCENARIOS_A_DATABASE = 50;

/** Shrinking a failure ends then. */
const MS_MAX = 300_000;

const shards = Array.from({ length: Math.ceil(SCENARIOS / SCENARIOS_A_DATABASE) }, (_, index) => ({
  shard: index + 1,
  scenarios: Math.min(SCENARIOS_A_DATABASE, SCENARIOS - index * SCENARIOS_A_DATABASE),
}));

const tally = newTally();

describe.each(shards)('shard $shard', ({ shard, scenarios }) => {
  const database = testDatabase();
  let run = 0;
  test(`${scenarios} random scenarios: every answer, every balance and the books are the oracle’s`, async () => {
    await fc.assert(
      fc.asyncProperty(scenarioArbitrary, (scenario) => runScenario(database, scenario, run++, tally)),
      {
        numRuns: scenarios,
        seed: SEED + shard,
        interruptAfterTimeLimit: MS_MAX,
        markInterruptAsFailure: true,
      },
    );
  });
});

test('the scenarios did what they are for: they posted, were refused in every way, were killed and asked again', () => {
  console.log(
    `${tally.scenarios} scenarios: ${tally.requests} requests, ${tally.posted} answered ok, ${tally.refused} refused, ` +
      `${tally.kills} connections killed, ${tally.retried} tries lost; refusals: ${JSON.stringify(Object.fromEntries(tally.codes))}`,
  );
  expect(tally.scenarios).toBeGreaterThanOrEqual(SCENARIOS);
  expect(tally.posted).toBeGreaterThan(SCENARIOS * 5);
  expect(tally.kills).toBeGreaterThan(0);
  expect(tally.retried).toBeGreaterThan(0);
  const often = [
    'balance_too_low',
    'idempotency_conflict',
    'hold_already_settled',
    'price_above_hold',
    'call_not_captured',
  ];
  const rare = [
    'refund_above_capture',
    'nothing_to_pay_out',
    'claim_above_claimable',
    'pool_empty',
    'hold_not_found',
  ];
  expect([...tally.codes.keys()]).toEqual(
    expect.arrayContaining(SCENARIOS < 500 ? often : [...often, ...rare]),
  );
});

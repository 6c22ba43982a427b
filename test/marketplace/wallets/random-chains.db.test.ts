// Random chains against the watcher: deposits, reorganisations above the final block that drop or move them, faults at any
// call, repeated and left-out logs, deaths at any query. Whatever happened, in the end each person has exactly what the chain
// that became final holds for them. Seeds that once failed are kept in `examples`.
// 60 chains by default; WATCHER_CHAINS=1000 runs more.
import fc from 'fast-check';
import { sql } from 'kysely';
import { beforeAll, expect, it } from 'vitest';
import { ensureDepositReference } from '../../../db/repositories/deposit-reference-repository.ts';
import { prepareJobs } from '../../../marketplace/jobs/job-runner.ts';
import type { MarketplaceContext } from '../../../marketplace/marketplace-context.ts';
import { DEFAULT_SETTINGS } from '../../../marketplace/marketplace-settings.ts';
import { createWatcher } from '../../../marketplace/wallets/watch-chain.ts';
import { crashingDatabase } from '../../support/crashing-database.ts';
import { newPerson } from '../../support/marketplace-rows.ts';
import { testDatabase } from '../../support/postgres.ts';
import { quietLog } from '../../support/quiet-log.ts';
import {
  addressOf,
  type BareLog,
  hashOf,
  type ScriptedChain,
  scriptedChain,
} from '../../support/scripted-chain.ts';

const database = testDatabase();
const CHAINS = Number(process.env.WATCHER_CHAINS ?? 60);
const FINALITY = 3;
const NANO = 10n ** 9n;

interface Depositor {
  readonly id: string;
  readonly ref: string;
}
const people: Depositor[] = [];
let crashing: ReturnType<typeof crashingDatabase>;

beforeAll(async () => {
  await prepareJobs(database.url, quietLog);
  crashing = crashingDatabase(database.url);
  for (let i = 0; i < 3; i++) {
    const { id } = await newPerson(database.db);
    people.push({ id, ref: await ensureDepositReference(database.db, id, hashOf(id)) });
  }
  return () => crashing.close();
});

type Event =
  | { readonly do: 'deposit'; readonly who: number; readonly nano: number; readonly twice: boolean }
  | { readonly do: 'mine'; readonly blocks: number }
  | { readonly do: 'reorg'; readonly depth: number; readonly back: 'none' | 'same' | 'later' }
  | { readonly do: 'fault'; readonly atCall: number }
  | { readonly do: 'bend'; readonly how: 'repeat' | 'omit' }
  | { readonly do: 'die'; readonly atQuery: number; readonly answerOnly: boolean }
  | { readonly do: 'look' };

const event: fc.Arbitrary<Event> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('deposit' as const),
      who: fc.nat(2),
      nano: fc.integer({ min: 1, max: 1_000_000 }),
      twice: fc.boolean(),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('mine' as const), blocks: fc.integer({ min: 1, max: 4 }) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('reorg' as const),
      depth: fc.integer({ min: 1, max: FINALITY }),
      back: fc.constantFrom('none' as const, 'same' as const, 'later' as const),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('fault' as const), atCall: fc.integer({ min: 1, max: 12 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('bend' as const),
      how: fc.constantFrom('repeat' as const, 'omit' as const),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('die' as const),
      atQuery: fc.integer({ min: 1, max: 60 }),
      answerOnly: fc.boolean(),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('look' as const) }) },
);

let chainNumber = 7_000n;
let transactions = 0;

async function balancesNow(): Promise<readonly bigint[]> {
  const { rows } = await sql<{ ownerId: string; balanceNano: bigint }>`
    select owner_id, balance_nano from account where kind = 'user'`.execute(database.db);
  return people.map(({ id }) => rows.find(({ ownerId }) => ownerId === id)?.balanceNano ?? 0n);
}

/** Plays the events, one round of the watcher after each, and then lets everything become final. */
async function play(
  events: readonly Event[],
): Promise<{ readonly script: ScriptedChain; readonly onChain: readonly BareLog[] }> {
  chainNumber += 1n;
  const script = scriptedChain({ chainId: chainNumber, isLocal: false });
  script.finality = FINALITY;
  const context = (db: typeof database.db): MarketplaceContext =>
    ({
      ...{ db, chain: script.chain, log: quietLog, settings: DEFAULT_SETTINGS },
      stopping: new AbortController().signal,
    }) as unknown as MarketplaceContext;
  const sound = createWatcher(context(database.db), script.chain);
  const fragile = createWatcher(context(crashing.db), script.chain);
  /** Logs by block, oldest first: what the chain holds. */
  let held: BareLog[][] = [[]];
  const mine = (logs: BareLog[] = [], shift = 0): void => {
    script.mine(logs, shift);
    held.push(logs);
  };
  for (const happens of events) {
    switch (happens.do) {
      case 'deposit': {
        transactions += 1;
        const { ref } = people[happens.who];
        const log: BareLog = {
          ...{ kind: 'deposit', from: addressOf('any'), ref, amountWei: BigInt(happens.nano) * NANO },
          txHash: hashOf(`random ${transactions}`),
        };
        mine(happens.twice ? [log, log] : [log]);
        break;
      }
      case 'mine':
        for (let i = 0; i < happens.blocks; i++) mine();
        break;
      case 'reorg': {
        const depth = Math.min(happens.depth, held.length - 1);
        const dropped = held.slice(held.length - depth);
        script.dropBlocks(depth);
        held = held.slice(0, held.length - depth);
        if (happens.back === 'later') mine();
        for (const logs of dropped)
          mine(happens.back === 'none' ? [] : logs, happens.back === 'later' ? 5 : 0);
        mine(); // a branch wins by being longer
        break;
      }
      case 'fault': {
        let calls = 0;
        script.before = () => {
          calls += 1;
          if (calls === happens.atCall) script.failures = 1;
        };
        break;
      }
      case 'bend':
        script.bend = (logs) => (happens.how === 'repeat' ? [...logs, ...logs] : logs.slice(1));
        break;
      case 'die':
        crashing.arm(happens.atQuery, happens.answerOnly);
        await fragile.round();
        crashing.arm(Number.POSITIVE_INFINITY, false);
        break;
      case 'look':
        break;
    }
    await sound.round();
    script.before = null;
    script.failures = 0;
    script.bend = (logs) => logs;
  }
  for (let i = 0; i < FINALITY + 1; i++) mine();
  await sound.round();
  await sound.round();
  return { script, onChain: held.flat() };
}

it(`${CHAINS} random chains: each person ends with exactly what the final chain holds for them`, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(event, { minLength: 3, maxLength: 14 }), async (events) => {
      const before = await balancesNow();
      const { onChain } = await play(events);
      const after = await balancesNow();
      const owed = people.map(({ ref }) =>
        onChain.reduce(
          (sum, log) => (log.kind === 'deposit' && log.ref === ref ? sum + log.amountWei / NANO : sum),
          0n,
        ),
      );
      expect(after.map((balance, i) => balance - before[i])).toEqual(owed);
    }),
    { numRuns: CHAINS, seed: 20_261_121, examples: [] },
  );
});

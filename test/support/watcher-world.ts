// A scripted chain, a real database and the watcher between them, as tests of the watcher use it: a new chain before each test,
// people with a reference and a wallet, deposits as logs, and what became of them. Used by test/marketplace/wallets/.
import { sql } from 'kysely';
import { beforeEach } from 'vitest';
import { type Database, transact } from '../../db/database.ts';
import { ensureDepositReference } from '../../db/repositories/deposit-reference-repository.ts';
import { createPerson } from '../../db/repositories/person-repository.ts';
import { prepareJobs } from '../../marketplace/jobs/job-runner.ts';
import type { MarketplaceContext } from '../../marketplace/marketplace-context.ts';
import { DEFAULT_SETTINGS } from '../../marketplace/marketplace-settings.ts';
import type { RoundEnd } from '../../marketplace/wallets/chain-round.ts';
import { createWatcher } from '../../marketplace/wallets/watch-chain.ts';
import { type TestDatabase, testDatabase } from './postgres.ts';
import { rememberingLog } from './quiet-log.ts';
import { addressOf, type BareLog, hashOf, type ScriptedChain, scriptedChain } from './scripted-chain.ts';

interface WatchedPerson {
  readonly id: string;
  readonly ref: string;
  /** An address of theirs, linked or not. */
  readonly wallet: string;
}

export interface WatcherWorld {
  readonly database: TestDatabase;
  readonly script: ScriptedChain;
  readonly log: ReturnType<typeof rememberingLog>;
  context(db?: Database): MarketplaceContext;
  /** One round of a watcher that knows of no round before. */
  round(market?: MarketplaceContext): Promise<RoundEnd | null>;
  person(): Promise<WatchedPerson>;
  /** A deposit's log, of a transaction of its own unless named. */
  deposit(ref: string, wei: bigint, of?: { readonly from?: string; readonly txHash?: string }): BareLog;
  balanceOf(ownerId: string, kind?: 'user' | 'treasury' | 'claimable' | 'vault'): Promise<bigint>;
  /** The rows of this test's chain, in its order. */
  events(): Promise<
    readonly {
      readonly state: string;
      readonly blockNumber: bigint;
      readonly logIndex: number;
      readonly amountNano: bigint | null;
      readonly restWei: bigint;
      readonly ownerId: string | null;
    }[]
  >;
  states(): Promise<readonly string[]>;
}

/** Registers its hooks; to be called at the top of a test file. */
export function watcherWorld(): WatcherWorld {
  const database = testDatabase();
  let script: ScriptedChain;
  let log: ReturnType<typeof rememberingLog>;
  let chainNumber = 0n;
  let numbered = 0;
  beforeEach(async () => {
    chainNumber += 1n;
    script = scriptedChain({ chainId: chainNumber, isLocal: false });
    log = rememberingLog();
    if (chainNumber === 1n) await prepareJobs(database.url, log);
  });
  const world: WatcherWorld = {
    database,
    get script() {
      return script;
    },
    get log() {
      return log;
    },
    context(db = database.db) {
      const settings = { ...DEFAULT_SETTINGS, chainPollMs: 5 };
      const stopping = new AbortController().signal;
      return { db, chain: script.chain, log, settings, stopping } as unknown as MarketplaceContext;
    },
    round: (market = world.context()) => createWatcher(market, script.chain).round(),
    async person() {
      numbered += 1;
      const name = `person-${numbered}`;
      const identity = { platform: 'test', platformUserId: name, displayName: name };
      const made = await transact(database.db, (tx) => createPerson(tx, { pseudonym: name, identity }));
      if (!made.ok) throw new Error(made.code);
      const { id } = made.person;
      const ref = await ensureDepositReference(database.db, id, hashOf(name));
      return { id, ref, wallet: addressOf(name) };
    },
    deposit(ref, amountWei, { from = addressOf('somebody'), txHash } = {}) {
      numbered += 1;
      return { kind: 'deposit', from, ref, amountWei, txHash: txHash ?? hashOf(`tx ${numbered}`) };
    },
    async balanceOf(ownerId, kind = 'user') {
      const { rows } = await sql<{ balanceNano: bigint }>`
        select balance_nano from account_now where owner_id = ${ownerId} and kind = ${kind}`.execute(
        database.db,
      );
      return rows[0]?.balanceNano ?? 0n;
    },
    events: () =>
      database.db
        .selectFrom('chainEvent')
        .select(['state', 'blockNumber', 'logIndex', 'amountNano', 'restWei', 'ownerId'])
        .where('chainId', '=', chainNumber)
        .orderBy('blockNumber')
        .orderBy('logIndex')
        .execute(),
    states: async () => (await world.events()).map(({ state }) => state),
  };
  return world;
}

// Runs one random scenario against PostgreSQL and judges it: every batch's answers and balances must be those of some order of
// its requests, as the oracle has them; at the end the books hold. Used by ledger-scenarios.db.test.ts. A request whose
// connection was killed is asked again under its key until it is answered, as callers do. What came of it is read as the
// owner, whose connections are not killed.
import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import type { Database } from '../../../db/database.ts';
import { books } from '../../../db/ledger/books.ts';
import type { TestDatabase } from '../../support/postgres.ts';
import { createLedgerDriver } from './ledger-driver.ts';
import {
  type Account,
  type Answer,
  accountOf,
  emptyState,
  type LedgerState,
  type Operation,
} from './ledger-oracle.ts';
import { linearise, type Seen } from './linearise.ts';
import { type Names, namesOf, type Request, resolve, type Scenario } from './scenario-arbitrary.ts';

/** What a whole run came to, added up over its scenarios. */
export interface Tally {
  scenarios: number;
  requests: number;
  posted: number;
  refused: number;
  kills: number;
  /** Requests that were asked again because their connection was lost. */
  retried: number;
  codes: Map<string, number>;
}

export const newTally = (): Tally => ({
  scenarios: 0,
  requests: 0,
  posted: 0,
  refused: 0,
  kills: 0,
  retried: 0,
  codes: new Map(),
});

const SHARED = ['treasury', 'platform', 'vault'];
const DAY_MS = 24 * 3_600_000;

/**
 * @param run names what this scenario makes; no two runs on one database may share it
 * @throws Error that tells what PostgreSQL did which no order explains
 */
export async function runScenario(
  database: TestDatabase,
  scenario: Scenario,
  run: number,
  tally: Tally,
): Promise<void> {
  const names = namesOf(`s${run}x`);
  // in the future: the books complain of holds that are overdue
  const beginning = Date.now() + (2 + run) * DAY_MS;
  const driver = createLedgerDriver(database.db, beginning, () => void tally.retried++);
  let state = emptyState(await balancesNow(database.owner.db, names));
  const made: Operation[] = [];
  const opening = names.people.flatMap((ownerId, index): readonly Operation[] => [
    { verb: 'starter', key: `starter:${ownerId}`, personId: ownerId, amountNano: 40n },
    { verb: 'deposit', key: `${ownerId}d`, to: { kind: 'user', ownerId }, amountNano: 30n + BigInt(index) },
  ]);
  const held = names.people.flatMap((ownerId, index): readonly Operation[] => [
    {
      verb: 'hold',
      key: `${ownerId}h`,
      ownerId,
      amountNano: 22n,
      callId: `${ownerId}call`,
      expires: 30 + index,
    },
    { verb: 'hold', key: `${ownerId}i`, ownerId, amountNano: 31n, callId: `${ownerId}call2`, expires: 90 },
  ]);
  for (const operations of [opening, held])
    state = await judged(
      operations.map((operation) => ({ verb: 'ledger', operation, by: 'transaction' })),
      null,
    );
  for (const { requests, killAfter } of scenario.batches) {
    const batch: Request[] = [];
    for (const draw of requests) {
      const request = resolve(draw, { state, names, made, id: made.length });
      if (request === undefined) continue;
      batch.push(request);
      if (request.verb === 'ledger') made.push(request.operation);
    }
    state = await judged(batch, killAfter);
  }
  const proved = await books(database.owner.db);
  if (!proved.ok) throw new Error(`the books: ${proved.firstDifference}`);
  tally.scenarios += 1;

  async function judged(batch: readonly Request[], killAfter: number | null): Promise<LedgerState> {
    const killing = killAfter === null ? undefined : killConnections(database, killAfter);
    const answers = await Promise.all(batch.map((request) => driver.ask(request)));
    if (killing) tally.kills += await killing;
    const found = {
      balances: await balancesNow(database.owner.db, names),
      holds: await holdsNow(database.owner.db, names),
    };
    const seen = batch.flatMap((request, index): Seen[] =>
      request.verb === 'ledger' ? [{ operation: request.operation, answer: answers[index] }] : [],
    );
    const expired = expiredIn(state, found.holds, batch);
    const after = linearise(state, [...seen, ...expired], (explained) => agrees(explained, found));
    if (after === undefined)
      throw new Error(`no order explains what was seen:\n${show({ before: state, seen, expired, found })}`);
    count(tally, answers);
    return after;
  }
}

interface Found {
  readonly balances: ReadonlyMap<Account, bigint>;
  readonly holds: ReadonlyMap<string, string>;
}

function agrees({ balances, holds }: LedgerState, found: Found): boolean {
  for (const account of new Set([...balances.keys(), ...found.balances.keys()]))
    if ((balances.get(account) ?? 0n) !== (found.balances.get(account) ?? 0n)) return false;
  return (
    holds.size === found.holds.size && [...holds].every(([id, { state }]) => found.holds.get(id) === state)
  );
}

/** Holds that the batch's expiries ended: each is a step of its own. One that was due and open all the time must be among them. */
function expiredIn(state: LedgerState, found: Found['holds'], batch: readonly Request[]): readonly Seen[] {
  const until = Math.max(-1, ...batch.map((request) => (request.verb === 'expire' ? request.minutes : -1)));
  const due = [...state.holds].filter(([, { state: was, expires }]) => was === 'open' && expires <= until);
  const left = due.find(([id]) => found.get(id) === 'open');
  if (left)
    throw new Error(`hold ${left[0]} was due at ${left[1].expires}, and is open after expiry at ${until}`);
  return [...found]
    .filter(([id, now]) => now === 'expired' && state.holds.get(id)?.state !== 'expired')
    .map(([holdId]) => ({ operation: { verb: 'expired', key: `expire:${holdId}`, holdId }, answer: null }));
}

async function balancesNow(db: Database, { run, wallets }: Names): Promise<Map<Account, bigint>> {
  const { rows } = await sql<{ kind: string; ownerId: string; balanceNano: bigint }>`
    select kind, owner_id, balance_nano from account_now
    where owner_id like ${`${run}%`} or owner_id in (${sql.join([...wallets, ...SHARED])})`.execute(db);
  return new Map(rows.map((row) => [accountOf(row), row.balanceNano]));
}

async function holdsNow(db: Database, { run }: Names): Promise<Map<string, string>> {
  const rows = await db
    .selectFrom('hold')
    .select(['id', 'state'])
    .where('ownerId', 'like', `${run}%`)
    .execute();
  return new Map(rows.map(({ id, state }) => [id, state]));
}

async function killConnections({ owner }: TestDatabase, afterMs: number): Promise<number> {
  await sleep(afterMs);
  const { rows } = await sql<{ killed: number }>`select count(pg_terminate_backend(pid))::int as killed
    from pg_stat_activity where datname = current_database() and usename <> current_user`.execute(owner.db);
  return rows[0].killed;
}

function count(tally: Tally, answers: readonly Answer[]): void {
  for (const { ok, code } of answers) {
    tally.requests += 1;
    tally[ok ? 'posted' : 'refused'] += 1;
    if (!ok) tally.codes.set(String(code), (tally.codes.get(String(code)) ?? 0) + 1);
  }
}

const show = (value: unknown): string =>
  JSON.stringify(
    value,
    (_, field) =>
      typeof field === 'bigint' ? `${field}n` : field instanceof Map ? Object.fromEntries(field) : field,
    1,
  );

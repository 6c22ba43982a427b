// Runs one random scenario against PostgreSQL and judges it: every batch's answers and balances must be those of some order of
// its requests, as the oracle has them; at the end the books hold. Used by ledger-scenarios.db.test.ts. A request whose
// connection was killed is asked again under its key until it is answered, as callers do. What came of it is read as the
// owner, whose connections are not killed.

import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import { type Database, transact } from '../../../db/database.ts';
import { DatabaseFault } from '../../../db/errors.ts';
import { nano } from '../../../db/ledger/amount.ts';
import { books } from '../../../db/ledger/books.ts';
import { capture } from '../../../db/ledger/capture.ts';
import { claim } from '../../../db/ledger/claim.ts';
import { correction } from '../../../db/ledger/correction.ts';
import { deposit } from '../../../db/ledger/deposit.ts';
import { hold } from '../../../db/ledger/hold.ts';
import { payout } from '../../../db/ledger/payout.ts';
import { refund } from '../../../db/ledger/refund.ts';
import { splitPool } from '../../../db/ledger/split-pool.ts';
import { grantStarter, transfer } from '../../../db/ledger/transfer.ts';
import { expireHolds, voidHold } from '../../../db/ledger/void-hold.ts';
import type { TestDatabase } from '../../support/postgres.ts';
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
const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

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
  const driver = createDriver(database.db, beginning, tally);
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
      operations.map((operation) => ({ verb: 'ledger', operation, inTransaction: true })),
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

function createDriver(db: Database, beginning: number, tally: Tally) {
  /** Asks again under the same key while the connection is lost or another was in the way. */
  async function insist<T>(work: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await work();
      } catch (fault) {
        if (!(fault instanceof DatabaseFault) || fault.retry === 'never') throw fault;
        tally.retried += 1;
        await sleep(1);
      }
    }
  }
  return {
    ask: (request: Request): Promise<Answer> =>
      insist(async () => {
        if (request.verb === 'expire') {
          await expireHolds(db, new Date(beginning + request.minutes * MINUTE_MS));
          return { ok: true };
        }
        if (request.verb === 'rollUp') {
          await sql`select ledger_roll_up()`.execute(db);
          return { ok: true };
        }
        const { operation, inTransaction } = request;
        const { granted: _, ...answer } = (
          inTransaction || !STATEMENTS.has(operation.verb)
            ? await transact(db, (tx) => perform(tx, operation, beginning))
            : await perform(db, operation, beginning)
        ) as Answer;
        return answer as Answer;
      }),
  };
}

/** Verbs that are one statement, so that they need no transaction of the caller's. */
const STATEMENTS: ReadonlySet<Operation['verb']> = new Set([
  'hold',
  'capture',
  'void',
  'split',
  'transfer',
  'correction',
]);

/** The product's verb for a request. */
function perform(db: Database, operation: Operation, beginning: number): Promise<object> {
  const tx = db as Parameters<typeof payout>[0];
  const { key } = operation;
  const reason = 'a scenario';
  const input = operation as never;
  switch (operation.verb) {
    case 'starter':
      return grantStarter(tx, input);
    case 'deposit':
      return deposit(tx, { ...(input as Parameters<typeof deposit>[1]), reason });
    case 'transfer':
      return transfer(tx, { ...(input as Parameters<typeof transfer>[1]), reason });
    case 'correction':
      return correction(tx, { ...(input as Parameters<typeof correction>[1]), reason });
    case 'hold': {
      const { ownerId, callId, expires } = operation;
      const expiresAt = new Date(beginning + expires * MINUTE_MS);
      return hold(tx, { key, ownerId, callId, expiresAt, amountNano: nano(operation.amountNano) });
    }
    case 'capture':
      return capture(tx, input);
    case 'void':
      return voidHold(tx, { key, holdId: operation.holdId, reason });
    case 'split':
      return splitPool(tx, input);
    case 'refund':
      return refund(tx, { ...(input as Parameters<typeof refund>[1]), reason });
    case 'payout':
      return payout(tx, input);
    case 'claim':
      return claim(tx, { ...(input as Parameters<typeof claim>[1]), reason });
    case 'expired':
      throw new Error('an expiry is asked for by time');
  }
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

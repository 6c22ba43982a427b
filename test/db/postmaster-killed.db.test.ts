/**
 * kill -9 of the database server under load, 20 times (SERVER_KILLS sets another number). This program lives, every query ends (answered or rejected), the server comes back
 * by itself at the same address, and nothing that was acknowledged is lost. Covers the crash of postgres.js 3.4.9 on lost
 * connections (see db/connection-pool.ts).
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type ConnectedDatabase, connectDatabase } from '../../db/connect-database.ts';
import { transact } from '../../db/database.ts';
import type { EmbeddedPostgres } from '../../db/embedded.ts';
import { DatabaseFault } from '../../db/errors.ts';
import { nano } from '../../db/ledger/amount.ts';
import { balances } from '../../db/ledger/balances.ts';
import { capture } from '../../db/ledger/capture.ts';
import { splitPool } from '../../db/ledger/split-pool.ts';
import { newId } from '../../db/new-id.ts';
import { expectBooksToBalance, holdFor, personWith } from '../support/ledger-people.ts';
import { quietLog } from '../support/quiet-log.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** Servers are started and killed here; on a busy machine each start takes many seconds. */
vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 });

const KILLS = Number(process.env.SERVER_KILLS ?? 20);
const WRITERS = 6;

const folder = temporaryFolder();
let server: EmbeddedPostgres;
let database: ConnectedDatabase;
let restarts = 0;
const uncaught: unknown[] = [];
const remember = (error: unknown) => void uncaught.push(error);

beforeAll(async () => {
  process.on('uncaughtException', remember);
  process.on('unhandledRejection', remember);
  database = await connectDatabase({
    dataDir: join(folder, 'data'),
    log: quietLog,
    onRestart: () => void restarts++,
  });
  server = database.embedded!;
});
afterAll(async () => {
  await database.close();
  process.off('uncaughtException', remember);
  process.off('unhandledRejection', remember);
});

async function untilRestarted(times: number): Promise<void> {
  while (restarts < times) await sleep(20);
}

test(`${KILLS} kills under ${WRITERS} writers: nothing acknowledged is lost, the program lives, the books balance`, async () => {
  const { db } = database;
  const people = await Promise.all(
    Array.from({ length: WRITERS }, () => personWith(db, { balance: '1000' })),
  );
  const acknowledged = people.map(() => 0n);
  const faults: unknown[] = [];
  let running = true;

  /** Repeats one intent under its keys until it is answered, as a caller who wants to be sure does. */
  async function insist<T>(work: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await work();
      } catch (error) {
        faults.push(error);
        await sleep(error instanceof DatabaseFault && error.retry === 'after' ? 50 : 1);
      }
    }
  }
  async function write(index: number): Promise<void> {
    while (running) {
      const callId = newId('call');
      const held = await insist(() => holdFor(db, people[index], nano(10n), callId));
      if (!held.ok) throw new Error(held.code);
      const { holdId } = held;
      const parts = [
        { kind: 'platform', ownerId: 'platform', amountNano: nano(4n) },
        { kind: 'call_pool', ownerId: callId, amountNano: nano(3n) },
      ] as const;
      const settled = await insist(() =>
        transact(db, (tx) => capture(tx, { key: `capture:${holdId}`, holdId, priceNano: nano(7n), parts })),
      );
      expect(settled.ok).toBe(true);
      const shares = [
        { ownerId: `${people[index]}-a`, amountNano: nano(2n) },
        { ownerId: `${people[index]}-b`, amountNano: nano(1n) },
      ];
      const split = await insist(() =>
        transact(db, (tx) => splitPool(tx, { key: `split:${holdId}`, callId, shares })),
      );
      expect(split.ok).toBe(true);
      acknowledged[index] += 1n;
    }
  }

  const writers = people.map((_, index) => write(index));
  for (let kill = 1; kill <= KILLS; kill++) {
    await sleep(100 + (kill % 5) * 37);
    process.kill(server.pid(), 'SIGKILL');
    await untilRestarted(kill);
  }
  await sleep(100);
  running = false;
  await Promise.all(writers);

  expect(uncaught).toEqual([]);
  expect(faults.length).toBeGreaterThan(0);
  expect(faults.filter((fault) => !(fault instanceof DatabaseFault))).toEqual([]);
  expect(new Set(faults.map((fault) => (fault as DatabaseFault).retry)).has('never')).toBe(false);
  for (const [index, person] of people.entries()) {
    const { balanceNano, heldNano } = await balances(db, person);
    expect(1_000_000_000_000n - balanceNano).toBe(acknowledged[index] * 7n); // none lost, none doubled
    expect(heldNano).toBe(0n);
    expect((await balances(db, `${person}-a`)).contributorNano).toBe(acknowledged[index] * 2n);
    expect((await balances(db, `${person}-b`)).contributorNano).toBe(acknowledged[index]);
  }
  await expectBooksToBalance(db);
  const calls = acknowledged.reduce((sum, some) => sum + some, 0n);
  console.log(
    `${KILLS} kills: ${calls} calls, ${calls * 3n} transfers acknowledged, ${faults.length} tries lost`,
  );
});

test('a transaction whose connection is lost between two statements is rejected, never continued on another connection', async () => {
  const { db } = database;
  const before = restarts;
  const broken = db.transaction().execute(async (tx) => {
    await tx.insertInto('person').values({ id: 'person_first', pseudonym: 'first' }).execute();
    process.kill(server.pid(), 'SIGKILL');
    await untilRestarted(before + 1);
    await db.selectFrom('person').select('id').execute(); // the pool has healthy connections again
    await tx.insertInto('person').values({ id: 'person_second', pseudonym: 'second' }).execute();
  });
  await expect(broken).rejects.toMatchObject({ code: 'database_connection_lost' });
  expect(await db.selectFrom('person').select('id').where('id', 'like', 'person_%').execute()).toEqual([]);
  expect(uncaught).toEqual([]);
});

test('with the server down, 30 queries on 10 connections are all rejected, and the pool serves again afterwards', async () => {
  const { db } = database;
  const before = restarts;
  await Promise.all(Array.from({ length: 10 }, () => db.selectFrom('person').select('id').execute()));
  process.kill(server.pid(), 'SIGKILL');
  const outcomes = await Promise.allSettled(
    Array.from({ length: 30 }, () => db.selectFrom('person').select('id').execute()),
  );
  for (const outcome of outcomes)
    if (outcome.status === 'rejected') expect(outcome.reason).toBeInstanceOf(DatabaseFault);
  await untilRestarted(before + 1);
  expect(await db.selectFrom('person').select('id').where('id', '=', 'x').execute()).toEqual([]);
  expect(uncaught).toEqual([]);
});

test('a transaction in which an error was swallowed is not taken for committed', async () => {
  const { db } = database;
  const swallowed = transact(db, async (tx) => {
    await tx.insertInto('person').values({ id: 'person_lost', pseudonym: 'lost' }).execute();
    await tx
      .insertInto('person')
      .values({ id: 'person_lost', pseudonym: 'again' })
      .execute()
      .catch(() => undefined);
  });
  await expect(swallowed).rejects.toThrow(/rolled back at its commit/);
  expect(await db.selectFrom('person').select('id').where('id', '=', 'person_lost').execute()).toEqual([]);
});

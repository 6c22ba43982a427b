// Postgres killed with kill -9 in the middle of calls and jobs: the server comes back by itself, nobody pays twice, no
// failed answer costs anything, the background work goes on, and the books hold.
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type ConnectedDatabase, connectDatabase } from '../../db/connect-database.ts';
import { openNano } from '../../db/ledger/amount.ts';
import { quietLog } from '../support/quiet-log.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import {
  ask,
  done,
  expectBooksHold,
  newPerson,
  STARTER,
  type TestMarketplace,
  testMarketplace,
} from '../support/test-marketplace.ts';

// Each kill costs a recovery of 1-4 s, more on a loaded machine.
vi.setConfig({ testTimeout: 240_000 });

const folder = temporaryFolder();
let database: ConnectedDatabase;
let world: TestMarketplace;
beforeAll(async () => {
  database = await connectDatabase({ dataDir: join(folder, 'data'), log: quietLog });
  world = await testMarketplace(database, { databaseWaitMs: 30_000 });
  await world.market.start(async () => {});
});
afterAll(async () => {
  await world.close();
  await database.close();
});

const FRANCE = 'What is the capital of France?';
const PRICE = openNano('0.002156');
const KILLS = 5;

/** @returns the process id that was killed */
function killServer(): number {
  const pid = database.embedded?.pid() ?? 0;
  process.kill(pid, 'SIGKILL');
  return pid;
}

/** Waits until `check` holds; the test's own time limit ends it otherwise. */
async function until(check: () => Promise<boolean>): Promise<void> {
  while (!(await check().catch(() => false))) await sleep(100);
}

/** No connection is served any more: orphaned backends may be for a moment, and would take the capture. */
async function isAway(): Promise<boolean> {
  const query = () => sql`select pg_sleep(0.02)`.execute(database.db);
  const tries = await Promise.allSettled(Array.from({ length: 20 }, query));
  return tries.every(({ status }) => status === 'rejected');
}

describe('Postgres killed in the middle of a call', () => {
  it('and back within the wait: the answer arrives, is paid once, and is attributed by its job', async () => {
    const { market, engine } = world;
    const person = await newPerson(market);
    engine.faults.gate = async (tokens) => {
      if (tokens === 2) killServer();
    };
    const asked = await ask(market, person, FRANCE);
    engine.faults.gate = undefined;
    const answer = done(asked);
    expect(answer.priceNano).toBe(PRICE);
    expect((await market.balance(person)).grantNano).toBe(STARTER - PRICE);
    await until(async () => (await market.provenance(answer.callId))?.state === 'attributed');
    await expectBooksHold(database.db);
  });

  it('and not back in time: the outcome is unknown, then settled as costing nothing', async () => {
    const { engine } = world;
    const person = await newPerson(world.market);
    const impatient = await world.again(database.db, { databaseWaitMs: 0 });
    engine.faults.gate = async (tokens) => {
      if (tokens !== 2) return;
      killServer();
      await until(isAway);
    };
    const { outcome, eventKey } = await ask(impatient, person, FRANCE);
    engine.faults.gate = undefined;
    expect(outcome).toMatchObject({ ok: false, code: 'outcome_unknown' });
    await until(async () => (await world.market.balance(person)).heldNano === 0n);
    expect((await world.market.balance(person)).grantNano).toBe(STARTER);
    expect(await world.market.outcomeOf(eventKey)).toMatchObject({ ok: false, code: 'generation_failed' });
    await impatient.stop();
    await expectBooksHold(database.db);
  });

  it(`${KILLS} times under load: every person paid for exactly the answers they got, or had an outcome unknown`, async () => {
    const { market } = world;
    const persons = await Promise.all(Array.from({ length: 4 }, () => newPerson(market)));
    const answered = new Map<string, number>(persons.map((person) => [person.id, 0]));
    let killing = true;
    const asking = persons.map(async (person) => {
      while (killing) {
        const { outcome } = await ask(market, person, FRANCE);
        if (outcome.ok) answered.set(person.id, (answered.get(person.id) ?? 0) + 1);
        await sleep(20);
      }
    });
    try {
      for (let kills = 0; kills < KILLS; kills++) {
        await sleep(300);
        const killed = killServer();
        // Orphaned backends may answer for a moment: back is only what runs under another process id.
        await until(async () => database.embedded?.pid() !== killed && (await market.models()).length === 1);
      }
    } finally {
      killing = false; // also when the time is over: nothing may go on asking
    }
    await Promise.all(asking);
    await until(async () => (await market.reconcile()).voided === 0);
    for (const person of persons) {
      const { grantNano, heldNano } = await market.balance(person);
      expect(heldNano).toBe(0n);
      // The wait outlasts every restart, so no outcome was unknown: paid is exactly what was answered.
      expect(STARTER - grantNano).toBe(BigInt(answered.get(person.id) ?? 0) * PRICE);
    }
    await expectBooksHold(database.db);
  });
});

// Paid calls drawn for a check: by the day's salt, against adapters that lack half of the contributors, which the version's
// own audit keeps; calls with nothing to check are left out with the reason. Real Postgres, fake engine.
import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { getCallAudit, listAuditSalts } from '../../../../db/repositories/call-audit-repository.ts';
import type { CallCheck } from '../../../../marketplace/attribution/audits/call-check.ts';
import { commitmentOf, dayOf } from '../../../../marketplace/attribution/audits/draw-call.ts';
import { testDatabase } from '../../../support/postgres.ts';
import {
  ask,
  done,
  expectBooksHold,
  newPerson,
  SLUG,
  type TestMarketplace,
  testMarketplace,
} from '../../../support/test-marketplace.ts';

const database = testDatabase();
let world: TestMarketplace;
beforeAll(async () => {
  world = await testMarketplace(database, { auditCallsPart: 1 });
});
afterAll(() => world.close());
afterEach(() => expectBooksHold(database.db));

async function attributed(question: string, market = world.market): Promise<string> {
  const { callId } = done(await ask(market, await newPerson(market), question));
  await market.attributeNow(callId);
  return callId;
}

async function keys(): Promise<readonly (string | null)[]> {
  const { rows } = await sql<{ key: string | null }>`select key from graphile_worker.jobs`.execute(
    database.db,
  );
  return rows.map(({ key }) => key);
}

async function checked(callId: string) {
  for (;;) {
    const audit = await getCallAudit(database.db, callId);
    if (audit !== undefined && audit.state !== 'due') return audit;
    await sleep(20);
  }
}

it('draws none where the part is 0', async () => {
  const market = await world.again(database.db, { auditCallsPart: 0 });
  expect(
    await getCallAudit(database.db, await attributed('What is the capital of Spain?', market)),
  ).toBeUndefined();
  await market.stop();
});

it('checks a drawn call against 8 adapters, once the version was retrained here for it', async () => {
  const callId = await attributed('What is the capital of France?');
  expect(await getCallAudit(database.db, callId)).toMatchObject({ state: 'due' });
  // Its job is lost, as when an audit ends in the moment in which the job finds it under way: the reconciler sees that it waits.
  await sql`delete from graphile_worker._private_jobs where key = ${`check:${callId}`}`.execute(
    database.owner.db,
  );
  await world.market.reconcile();
  expect(await keys()).toContain(`check:${callId}`);
  expect(world.engine.calls.auditVersion).toBe(0);
  await world.market.start(async () => {});
  const { state, report } = await checked(callId);
  expect(state).toBe('done');
  const check = report as unknown as CallCheck;
  // The fake keeps every second of nine groups in turn: France (6/7 of the paid shares) with it 4 of 8 times, Spain else.
  expect(check).toMatchObject({ baseNll: 2.5, adapterNll: 0.5 });
  expect(check.subsets.map(({ measuredNll }) => measuredNll)).toEqual([
    0.5, 2.5, 0.5, 2.5, 0.5, 2.5, 0.5, 2.5,
  ]);
  for (const { kept, measuredNll } of check.subsets)
    expect(kept).toBeCloseTo(measuredNll === 0.5 ? 6 / 7 : 1 / 7, 4);
  expect(check.rank).toBeCloseTo(1, 12);
  expect(check.error).toBeCloseTo(1 / 7, 4);
  expect((await world.market.model(SLUG))?.audit?.checked).toMatchObject({ calls: 1, rank: { value: 1 } });
});

it('uses the kept adapters for the next drawn call: nothing is retrained again', async () => {
  const before = world.engine.calls.auditVersion;
  expect(await checked(await attributed('What is the capital of Italy?'))).toMatchObject({ state: 'done' });
  expect(world.engine.calls.auditVersion).toBe(before);
});

it('leaves out a call of which nothing was paid by influence', async () => {
  expect(await checked(await attributed('Who was the first person on the moon?'))).toMatchObject({
    state: 'left_out',
    reason: 'nothing of it was paid by influence',
  });
});

it('tells commitments at once, a salt and the calls it drew when its day is over', async () => {
  const [tomorrow, today] = await world.market.auditDays();
  expect([tomorrow.salt, tomorrow.drawn, today.salt, today.drawn]).toEqual([null, null, null, null]);
  const later = await testMarketplace(
    database,
    {},
    undefined,
    [SLUG],
    () => new Date(Date.now() + 2 * 86_400_000),
  );
  const days = await later.market.auditDays();
  const [first] = days.find(({ day }) => day === today.day)?.drawn ?? [];
  const behind = await later.market.auditDay(today.day, Number(first.receipt.slice(2)));
  expect([behind?.drawnInAll, behind?.drawn?.length]).toEqual([3, 2]);
  expect(await later.market.auditDay('2001-01-01', 0)).toBeNull();
  await later.close();
  const past = days.find(({ day }) => day === today.day);
  expect(past).toMatchObject({ commitment: today.commitment, committedAt: today.committedAt });
  expect(commitmentOf(past?.salt ?? '')).toBe(today.commitment);
  expect(past?.drawn?.map(({ state, reason, check }) => [state, reason, check?.rank ?? null])).toEqual([
    ['done', null, expect.closeTo(1)],
    ['done', null, expect.closeTo(1)],
    ['left_out', 'nothing of it was paid by influence', null],
  ]);
  for (const { receipt } of past?.drawn ?? []) expect(receipt).toMatch(/^R-\d{6}/);
  expect(JSON.stringify(past)).not.toMatch(/Paris|person|"ada"|cleo/);
});

it('has the salts of today and tomorrow, each with its commitment, and keeps them as they are', async () => {
  const salts = await listAuditSalts(database.db, 10);
  const now = Date.now();
  expect(salts.map(({ day }) => day).sort()).toEqual([
    dayOf(new Date(now)),
    dayOf(new Date(now + 86_400_000)),
  ]);
  for (const { salt, commitment } of salts) expect(commitment).toBe(commitmentOf(salt));
  await expect(
    database.db
      .updateTable('auditSalt')
      .set({ salt: `0x${'00'.repeat(32)}` })
      .execute(),
  ).rejects.toThrow();
});

// A version pays by attribution only while its audit has passed: shipped audits, audits in the background, thresholds,
// another method, audits that are stopped, fail, or are of other data. Real Postgres, fake engine; one story in order.
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { auditsOfVersion } from '../../../../db/repositories/version-audit-repository.ts';
import type { AuditView } from '../../../../marketplace/attribution/audits/audit-view.ts';
import type { OwnedMarketplace } from '../../../../marketplace/create-marketplace.ts';
import type { MarketplaceSettings } from '../../../../marketplace/marketplace-settings.ts';
import { fakeReport } from '../../../support/fake-audit.ts';
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
  world = await testMarketplace(database, { progressEveryMs: 0 });
});
afterAll(() => world.close());
afterEach(() => expectBooksHold(database.db));

/** What one answer was paid by, in a marketplace of its own that runs nothing in the background. */
async function paidBy(settings: Partial<MarketplaceSettings> = {}) {
  const market = await world.again(database.db, settings);
  try {
    const { callId } = done(await ask(market, await newPerson(market), 'What is the capital of France?'));
    await market.attributeNow(callId);
    const story = await market.callStory(callId);
    expect(story?.checks.filter(({ ok }) => !ok)).toEqual([]);
    const body = story?.receipt?.body as
      | { readonly attribution: { readonly note: string | null } }
      | undefined;
    const kinds = new Set(story?.shares.map(({ kind }) => kind));
    return { by: kinds.has('influence') ? 'attribution' : 'equal parts', note: body?.attribution.note };
  } finally {
    await market.stop();
  }
}

async function audits() {
  const { currentVersionId } = await database.db
    .selectFrom('model')
    .select('currentVersionId')
    .where('slug', '=', SLUG)
    .executeTakeFirstOrThrow();
  return await auditsOfVersion(database.db, currentVersionId ?? '');
}

/** As if the version had just been published, with no audit shipped. */
async function forgetAudits(): Promise<void> {
  const connection = await database.owner.pool.reserve();
  try {
    await connection.unsafe(
      `begin; set local session_replication_role = replica; delete from version_audit; commit`,
    );
  } finally {
    connection.release();
  }
  await rm(join(world.demoDir, `${SLUG}-adapter`, 'audit.json'), { force: true });
}

async function sixHoursPass(): Promise<void> {
  const connection = await database.owner.pool.reserve();
  try {
    await connection.unsafe(
      `begin; set local session_replication_role = replica;
        update version_audit set finished_at = finished_at - interval '6 hours'; commit`,
    );
  } finally {
    connection.release();
  }
}

/** Runs a marketplace's background work until its page says so. */
async function runUntil(is: (audit: AuditView) => boolean, market?: OwnedMarketplace): Promise<AuditView> {
  const running = market ?? (await world.again());
  await running.start(async () => {});
  try {
    for (;;) {
      const audit = (await running.model(SLUG))?.audit;
      if (audit && is(audit)) return audit;
      await sleep(20);
    }
  } finally {
    await running.stop();
  }
}

describe('a shipped audit', () => {
  it('that has passed lets a fresh marketplace pay by attribution at once', async () => {
    expect(await paidBy()).toEqual({ by: 'attribution', note: null });
    expect((await world.market.model(SLUG))?.audit).toMatchObject({
      state: 'passed',
      found: { lds: { value: 0.7 }, top1: { value: 0.95 }, source: 'shipped' },
    });
    expect(world.engine.calls.auditVersion).toBe(0);
  });

  it('below a threshold of 0.71 leaves equal parts, and the receipt says so', async () => {
    expect(await paidBy({ auditLdsMin: 0.71 })).toEqual({
      by: 'equal parts',
      note: 'the attribution of this version did not pass its audit (agreement with retraining 0.70, needed 0.71): equal split until it does',
    });
    expect(await paidBy({ auditTop1Min: 0.96 })).toMatchObject({ by: 'equal parts' });
  });

  it('speaks for the method it measured alone: another one is audited before it pays', async () => {
    world.engine.faults.methodId = 'fake/2';
    expect(await paidBy()).toMatchObject({
      by: 'equal parts',
      note: expect.stringMatching(/computed by fake\/2, the audit measured fake\/1/),
    });
    const audit = await runUntil(({ found }) => found?.source === 'here');
    expect(audit).toMatchObject({ state: 'passed', progress: null });
    expect(await paidBy()).toMatchObject({ by: 'attribution' });
    world.engine.faults.methodId = undefined;
  });
});

describe('a version without an audit', () => {
  it('pays in equal parts until the audit in the background has passed, then by attribution', async () => {
    await forgetAudits();
    expect(await paidBy()).toEqual({
      by: 'equal parts',
      note: 'the attribution of this version is not audited yet: equal split until it is',
    });
    const third = Promise.withResolvers<void>();
    world.engine.faults.auditGate = (at) => (at === 3 ? third.promise : Promise.resolve());
    const waiting = await runUntil(({ progress }) => {
      if (progress?.done === 3) third.resolve();
      return progress?.done === 3;
    });
    expect(waiting).toMatchObject({ state: 'waiting', found: null, progress: { done: 3, total: 16 } });
    const passed = await runUntil(({ state }) => state === 'passed');
    expect(passed.found).toMatchObject({ source: 'here', retrainings: 20, queries: 9 });
    const [job] = world.engine.audits.slice(-1);
    expect(new Set(job.examples.map(({ groupId }) => groupId)).size).toBe(9);
    expect(job.queries.every(({ goldIds = [] }) => goldIds.length === 1)).toBe(true);
    expect(await paidBy()).toEqual({ by: 'attribution', note: null });
  });

  it('whose audit is stopped half way goes on with the same one at the next start', async () => {
    await forgetAudits();
    const second = Promise.withResolvers<void>();
    world.engine.faults.auditGate = (at) => (at === 2 ? second.promise : Promise.resolve());
    await runUntil(({ progress }) => {
      if (progress?.done === 2) setTimeout(second.resolve, 100); // after stop() has begun
      return progress?.done === 2;
    });
    const [begun] = await audits();
    expect(begun).toMatchObject({ state: 'running', progress: { done: 2 } });
    world.engine.faults.auditGate = undefined;
    await runUntil(({ state }) => state === 'passed');
    const all = await audits();
    expect(all.map(({ id, state }) => [id, state])).toEqual([[begun.id, 'done']]);
    const folders = world.engine.audits.slice(-2).map(({ workDir }) => workDir);
    expect(folders[0]).toBe(folders[1]);
  });

  it('whose audit fails pays in equal parts, is audited again after six hours and not before, and pays by it', async () => {
    await forgetAudits();
    world.engine.faults.failAudits = true;
    expect(await runUntil(({ state }) => state === 'failed')).toMatchObject({ found: null });
    expect(await paidBy()).toMatchObject({ note: expect.stringMatching(/could not be audited/) });
    expect((await audits()).map(({ error }) => error)).toEqual(['fake: the audit failed']);
    world.engine.faults.failAudits = false;
    const market = await world.again();
    await market.reconcile();
    expect((await audits()).map(({ state }) => state)).toEqual(['failed']);
    await sixHoursPass();
    expect(await runUntil(({ state }) => state === 'passed', market)).toMatchObject({ short: [] });
    expect(await paidBy()).toMatchObject({ by: 'attribution' });
  });

  it('whose audit finds too little stays with equal parts', async () => {
    await forgetAudits();
    world.engine.faults.auditFigures = { lds: 0.1, top1: 0.4 };
    const found = await runUntil(({ state }) => state === 'not_passed');
    expect(found.short.map(({ figure, found: value }) => [figure, value])).toEqual([
      ['lds', 0.1],
      ['top1', 0.4],
    ]);
    expect(await paidBy()).toMatchObject({ by: 'equal parts' });
    world.engine.faults.auditFigures = undefined;
  });

  it('does not take an audit for its own that was made of other data', async () => {
    await forgetAudits();
    const foreign = { adapterSha256: null, datanetRoot: `0x${'11'.repeat(32)}`, report: fakeReport() };
    await writeFile(join(world.demoDir, `${SLUG}-adapter`, 'audit.json'), JSON.stringify(foreign));
    expect(await paidBy()).toMatchObject({
      by: 'equal parts',
      note: expect.stringMatching(/not audited yet/),
    });
    expect(await audits()).toEqual([]);
  });
});

it('the database keeps what an audit found: nothing of it can be changed or deleted', async () => {
  await runUntil(({ state }) => state === 'passed');
  const [{ id }] = await audits();
  const change = { report: { ...fakeReport({ lds: 1, top1: 1 }) } };
  await expect(
    database.db.updateTable('versionAudit').set(change).where('id', '=', id).execute(),
  ).rejects.toThrow();
  await expect(database.db.deleteFrom('versionAudit').where('id', '=', id).execute()).rejects.toThrow();
});

// The public page of checked answers: days as they are, salts and calls of days that are over.
import { expect, it } from 'vitest';
import { auditRoutes } from '../../../bots/audits-page/audit-routes.ts';
import type { AuditDay } from '../../../marketplace/attribution/audits/audit-days.ts';

const tomorrow: AuditDay = {
  ...{ day: '2026-01-03', commitment: `0x${'ab'.repeat(32)}`, committedAt: new Date(0) },
  ...{ salt: null, drawnInAll: null, drawn: null },
};
const yesterday: AuditDay = {
  ...{ day: '2026-01-01', commitment: `0x${'cd'.repeat(32)}`, committedAt: new Date(0) },
  ...{ salt: `0x${'01'.repeat(32)}`, drawnInAll: 700 },
  drawn: [{ call: 'call_1', receipt: 'R-000001', state: 'due', reason: null, check: null }],
};

it('lists days with their commitments, never to be kept by a cache', async () => {
  const routes = auditRoutes({ auditDays: async () => [tomorrow, yesterday], auditDay: async () => null });
  const answer = await routes.request('/');
  expect(answer.status).toBe(200);
  expect(answer.headers.get('cache-control')).toBe('no-store');
  expect(await answer.json()).toEqual({
    schema: 'openmodels/audits/1',
    days: [
      { ...tomorrow, committedAt: '1970-01-01T00:00:00.000Z' },
      { ...yesterday, committedAt: '1970-01-01T00:00:00.000Z' },
    ],
  });
  expect((await routes.request('/2026-01-03')).status).toBe(404);
});

it('lists one day and what stands behind a receipt; another day, and what is no receipt, it does not know', async () => {
  const asked: unknown[] = [];
  const auditDay = async (day: string, after: number) => {
    asked.push([day, after]);
    return day === yesterday.day ? yesterday : null;
  };
  const routes = auditRoutes({ auditDays: async () => [], auditDay });
  const answer = await routes.request('/2026-01-01?after=R-000042');
  expect([answer.status, answer.headers.get('cache-control')]).toEqual([200, 'no-store']);
  expect(await answer.json()).toMatchObject({ days: [{ day: yesterday.day, drawnInAll: 700 }] });
  expect((await routes.request('/2026-01-01')).status).toBe(200);
  expect(asked).toEqual([
    ['2026-01-01', 42],
    ['2026-01-01', 0],
  ]);
  expect((await routes.request('/2026-01-02')).status).toBe(404);
  expect((await routes.request('/2026-01-01?after=x')).status).toBe(400);
  expect((await routes.request('/yesterday')).status).toBe(404);
});

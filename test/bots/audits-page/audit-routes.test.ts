// The public page of checked answers: days as they are, salts and calls of days that are over.
import { expect, it } from 'vitest';
import { auditRoutes } from '../../../bots/audits-page/audit-routes.ts';
import type { AuditDay } from '../../../marketplace/attribution/audits/audit-days.ts';

const tomorrow: AuditDay = {
  ...{ day: '2026-01-03', commitment: `0x${'ab'.repeat(32)}`, committedAt: new Date(0) },
  ...{ salt: null, drawn: null },
};
const yesterday: AuditDay = {
  ...{ day: '2026-01-01', commitment: `0x${'cd'.repeat(32)}`, committedAt: new Date(0) },
  salt: `0x${'01'.repeat(32)}`,
  drawn: [{ call: 'call_1', receipt: 'R-000001', state: 'due', reason: null, check: null }],
};

it('lists days with their commitments, never to be kept by a cache', async () => {
  const routes = auditRoutes({ auditDays: async () => [tomorrow, yesterday] });
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

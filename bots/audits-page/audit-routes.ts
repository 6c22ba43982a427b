// The public page of checked answers, as JSON: which paid calls were drawn, by which salt, committed when, and how far what
// was paid lay from retraining. Mounted at /audits by local-pages.ts: / the newest days with their first calls, /2026-01-31 one
// day's, ?after=R-000042 those behind that receipt. Reads only; holds no names and no words.
import { Hono } from 'hono';
import type { AuditVerbs } from '../../marketplace/audit-verbs.ts';
import { parseReceiptNumber } from '../../marketplace/receipts/receipt-number.ts';

export function auditRoutes({ auditDays, auditDay }: AuditVerbs): Hono {
  const routes = new Hono();
  routes.get('/', async (context) => {
    context.header('Cache-Control', 'no-store');
    return context.json({ schema: 'openmodels/audits/1', days: await auditDays() });
  });
  routes.get('/:day{\\d{4}-\\d{2}-\\d{2}}', async (context) => {
    const after = context.req.query('after');
    const number = after === undefined ? 0 : parseReceiptNumber(after);
    if (number === null) return context.text('after is no receipt number like R-000042', 400);
    const day = await auditDay(context.req.param('day'), number);
    if (day === null) return context.notFound();
    context.header('Cache-Control', 'no-store');
    return context.json({ schema: 'openmodels/audits/1', days: [day] });
  });
  return routes;
}

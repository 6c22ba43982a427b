// The public page of checked answers, as JSON: which paid calls were drawn, by which salt, committed when, and how far what
// was paid lay from retraining. Mounted at /audits by local-pages.ts. Reads only; holds no names and no words.
import { Hono } from 'hono';
import type { AuditVerbs } from '../../marketplace/audit-verbs.ts';

export function auditRoutes({ auditDays }: AuditVerbs): Hono {
  const routes = new Hono();
  routes.get('/', async (context) => {
    context.header('Cache-Control', 'no-store');
    return context.json({ schema: 'openmodels/audits/1', days: await auditDays() });
  });
  return routes;
}

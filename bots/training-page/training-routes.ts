// The live page of trainings: its HTML, the state as JSON (the page asks every second) and the curves as SVG. Mounted at
// /training by playground-server.ts, or by page-server.ts where no playground runs. Reads only: nothing
// can be cancelled here, as a page does not know who looks. Shows no person but pseudonyms.
import { Hono } from 'hono';
import type { Marketplace } from '../../marketplace/marketplace.ts';
import type { TrainingMethod } from '../../marketplace/training-views.ts';
import { PAGE_HEADERS, readPageFile } from '../playground/page-files.ts';

const METHODS: readonly string[] = ['sft', 'dpo', 'orpo', 'kto'] satisfies readonly TrainingMethod[];

const isMethod = (value: string): value is TrainingMethod => METHODS.includes(value);

/** A drawing may hold nothing but itself. */
const CHART_POLICY = "default-src 'none'; style-src 'unsafe-inline'";

export function trainingRoutes({
  trainings,
  trainingChart,
}: Pick<Marketplace, 'trainings' | 'trainingChart'>): Hono {
  const routes = new Hono();
  routes.get('/', (context) =>
    context.body(readPageFile('training.html'), 200, {
      ...PAGE_HEADERS,
      'Content-Type': 'text/html; charset=utf-8',
    }),
  );
  routes.get('/state', async (context) => {
    context.header('Cache-Control', 'no-store');
    return context.json(await trainings(null));
  });
  routes.get('/chart/:run/:method', async (context) => {
    const { run, method } = context.req.param();
    const chart = isMethod(method) ? await trainingChart(run, method) : null;
    if (chart === null) return context.text('There is no such curve.', 404);
    return context.body(chart.svg(), 200, {
      'Content-Type': 'image/svg+xml',
      'Content-Security-Policy': CHART_POLICY,
      'X-Content-Type-Options': 'nosniff',
      'Cache-Control': 'no-store',
    });
  });
  return routes;
}

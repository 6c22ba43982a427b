// The live page of trainings: what its routes tell and refuse, and in a real browser the figures and the curve as they move.
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type PageServer, startPageServer } from '../../bots/page-server.ts';
import { trainingRoutes } from '../../bots/training-page/training-routes.ts';
import { lossChart } from '../../engine/train/loss-chart.ts';
import type { TrainingView } from '../../marketplace/training-views.ts';
import { createFakeMarketplace, type FakeMarketplace } from '../support/fake-marketplace.ts';
import { launchChromium } from '../support/find-chromium.ts';

const found = await launchChromium();
if (found.reason) console.warn(`training page in a browser: skipped, ${found.reason}`);
afterAll(async () => found.browser?.close());

let marketplace: FakeMarketplace;
let server: PageServer;
beforeEach(async () => {
  marketplace = createFakeMarketplace();
  server = await startPageServer({ routes: { '/training': trainingRoutes(marketplace) }, port: 0 });
});
afterEach(() => server.stop());

const view = (step: number): TrainingView => ({
  ...{ runId: 'run-1', datanetTitle: 'Pocket Atlas', modelTitle: 'Pocket Atlas', state: 'running' },
  ...{ queuePosition: null, method: 'sft', step, steps: 120, loss: 4 / step, heldOutLoss: null },
  ...{
    tokensPerSecond: 2500,
    etaMs: 90_000,
    phases: [],
    queuedAt: new Date(0),
    finishedAt: null,
    note: null,
  },
  mayCancel: false,
});

function reach(step: number): void {
  marketplace.trainingsNow = { active: [view(step)], recent: [] };
  const training = Array.from({ length: step }, (_, i) => [i + 1, 4 / (i + 1)] as const);
  const svg = () => lossChart({ title: 'Pocket Atlas', training });
  marketplace.charts.set('run-1', { caption: 'Pocket Atlas', svg, png: () => new Uint8Array() });
}

describe('the routes', () => {
  it('tell the state and draw the curve, and refuse other sites and unknown curves', async () => {
    reach(30);
    const state = (await (await fetch(`${server.url}training/state`)).json()) as {
      active: { step: number }[];
    };
    expect(state.active).toMatchObject([{ step: 30, steps: 120, mayCancel: false }]);
    const chart = await fetch(`${server.url}training/chart/run-1/sft`);
    expect(chart.headers.get('content-type')).toBe('image/svg+xml');
    expect(await chart.text()).toMatch(/^<svg/);
    expect((await fetch(`${server.url}training/chart/run-1/magic`)).status).toBe(404);
    expect((await fetch(`${server.url}training/chart/run-9/sft`)).status).toBe(404);
    const foreign = await fetch(`${server.url}training/state`, {
      headers: { origin: 'http://elsewhere.example' },
    });
    expect(foreign.status).toBe(403);
    expect((await fetch(`${server.url}training`)).headers.get('content-security-policy')).toContain(
      "script-src 'self'",
    );
  });
});

describe.skipIf(found.browser === undefined)('the page', () => {
  it('shows figures and curve, follows them without a reload, and says when the program is gone', async () => {
    const page = (await found.browser?.newPage()) as Page;
    const complaints: string[] = [];
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('console', (message) => {
      if (/Content Security Policy/.test(message.text())) complaints.push(message.text());
    });
    reach(30);
    await page.goto(`${server.url}training`);
    const figure = (name: string) => page.locator(`dd[data-figure="${name}"]`);
    await figure('step').getByText('30 of 120').waitFor();
    expect(await figure('tokens a second').textContent()).toBe('2,500');
    const curve = page.getByTestId('training-curve');
    await curve.waitFor();
    await expect
      .poll(() => curve.evaluate((image: HTMLImageElement) => image.naturalWidth))
      .toBeGreaterThan(100);
    reach(60);
    await figure('step').getByText('60 of 120').waitFor();
    expect(await curve.getAttribute('src')).toContain('step=60');
    marketplace.trainingsNow = {
      active: [],
      recent: [
        { ...view(120), state: 'published', finishedAt: new Date(), note: 'Published: it is better.' },
      ],
    };
    await page.getByText('✓ published').waitFor();
    await server.stop();
    await page.getByText('Connection lost').waitFor();
    expect(complaints).toEqual([]);
    await page.close();
    server = await startPageServer({ routes: { '/training': trainingRoutes(marketplace) }, port: 0 });
  });
});

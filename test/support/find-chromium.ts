// Finds a Chromium for browser tests: CHROMIUM_PATH, the system's, else the one in @sparticuz/chromium.
// Gives undefined (and says why) where none can run; the test then skips with that reason.

import { existsSync } from 'node:fs';
import sparticuz from '@sparticuz/chromium';
import { type Browser, chromium } from 'playwright-core';

const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

type FoundBrowser =
  | { readonly browser: Browser; readonly reason?: undefined }
  | { readonly browser?: undefined; readonly reason: string };

export async function launchChromium(): Promise<FoundBrowser> {
  const tried: string[] = [];
  for (const candidate of [process.env.CHROMIUM_PATH, '/usr/bin/chromium', 'bundled']) {
    if (candidate === undefined || candidate === '') continue;
    if (candidate !== 'bundled' && !existsSync(candidate)) continue;
    try {
      const executablePath = candidate === 'bundled' ? await sparticuz.executablePath() : candidate;
      return { browser: await chromium.launch({ executablePath, args: FLAGS }) };
    } catch (error) {
      tried.push(`${candidate}: ${String(error).split('\n')[0]}`);
    }
  }
  return { reason: `no Chromium could be started (${tried.join('; ') || 'none found'}); set CHROMIUM_PATH` };
}

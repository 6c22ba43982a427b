// A full conversation in a real browser with the whole program behind the page: a question in each app, paid, streamed,
// attributed, voted on, and the books afterwards. With SCREENSHOT=FILE it also takes the picture at the top of the README.
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launchChromium } from '../support/find-chromium.ts';
import { PATIENCE_MS, startTestProgram, type TestProgram } from '../support/program.ts';

const found = await launchChromium();
if (found.reason) console.warn(`conversation in a browser: skipped, ${found.reason}`);

describe.skipIf(found.browser === undefined)('Ada in the browser', { timeout: 4 * PATIENCE_MS }, () => {
  let program: TestProgram;
  let browser: Browser;
  let page: Page;
  const byTestId = (name: string) => page.getByTestId(name);
  const newest = (app: 'telegram' | 'discord', text: string | RegExp) =>
    byTestId(`${app}-message`).filter({ hasText: text }).last();

  beforeAll(async () => {
    if (found.browser === undefined) return;
    browser = found.browser;
    program = await startTestProgram();
    page = await browser.newPage({ viewport: { width: 1400, height: 900 } });
    page.setDefaultTimeout(PATIENCE_MS);
    await page.goto(`${program.playground.url}?person=ada`);
  }, 4 * PATIENCE_MS);

  afterAll(async () => {
    await browser?.close();
    await program?.close();
  });

  it('says hello in Telegram and is given 10 OPEN', async () => {
    await byTestId('telegram-start').click();
    await newest('telegram', '10 OPEN to spend').waitFor();
  });

  it('asks in plain words, reads the answer with its price and receipt', async () => {
    await byTestId('telegram-input').fill('Which city is the capital of Kenya?');
    await byTestId('telegram-send').click();
    const answer = newest('telegram', /receipt R-\d+/);
    await answer.waitFor();
    expect(await answer.textContent()).toContain('The capital of Kenya is Nairobi.');
    expect(await answer.textContent()).toMatch(/0\.00\d+ OPEN/);
  });

  it('presses 🔍 and sees the contribution that taught the model, its share and its pay', async () => {
    await newest('telegram', /receipt R-\d+/)
      .getByTestId('bot-button')
      .filter({ hasText: '🔍' })
      .click();
    const makers = newest('telegram', 'people were paid');
    await makers.waitFor();
    const words = (await makers.textContent()) ?? '';
    expect(words).toContain('capital of Kenya is Nairobi');
    expect(words).toMatch(/\d %/);
  });

  it('votes 👍, and the button shows the vote as taken', async () => {
    await newest('telegram', /Pocket Atlas v1 · .* left/)
      .getByTestId('bot-button')
      .filter({ hasText: '👍' })
      .click();
    await byTestId('bot-button').filter({ hasText: '👍 ✓' }).waitFor();
  });

  it('asks in Discord by slash command, in front of the channel', async () => {
    await byTestId('discord-input').fill('/');
    await byTestId('discord-command-ask').click();
    await byTestId('slash-option-question').fill('What is the currency of Japan?');
    await byTestId('slash-option-question').press('Enter');
    const answer = newest('discord', /receipt R-\d+/);
    await answer.waitFor();
    expect(await answer.textContent()).toContain('yen');
    await answer.getByTestId('bot-button').filter({ hasText: '🔍' }).click();
    await newest('discord', 'people were paid').filter({ hasText: 'Only you can see this' }).waitFor();
    await byTestId('telegram-toast').waitFor({ state: 'hidden' });
    if (process.env.SCREENSHOT) await page.screenshot({ path: process.env.SCREENSHOT });
  });

  it('is pinged by nothing, and the books balance', async () => {
    expect(await page.locator('[data-ping="true"]').count()).toBe(0);
    await program.expectBooksHold();
  });
});

// Takes the picture of the playground that stands in the README: talks to a running program through the page, as Ada,
// and saves what the page shows. Usage: node test/support/playground-picture-cli.ts URL FILE.png
// Start the program with a fresh DATA_DIR first, so that the chats are empty.

import { launchChromium } from './find-chromium.ts';

const [url, file] = process.argv.slice(2);
if (url === undefined || file === undefined) throw new Error('usage: playground-picture-cli.ts URL FILE.png');
const { browser, reason } = await launchChromium();
if (browser === undefined) throw new Error(reason);

const page = await browser.newPage({ viewport: { width: 1400, height: 860 } });
page.setDefaultTimeout(60_000);
await page.goto(`${url}?person=ada`);

const telegram = page.getByTestId('telegram-messages');
await page.getByTestId('telegram-start').click();
await telegram.getByTestId('bot-button').first().waitFor();
await page.getByTestId('telegram-input').fill('What is the capital of Australia?');
await page.getByTestId('telegram-input').press('Enter');
await telegram.getByTestId('bot-button').filter({ hasText: '👍' }).click();
await page.getByTestId('telegram-toast').waitFor();

const discord = page.getByTestId('discord-messages');
await page.getByTestId('discord-input').fill('/ask');
await page.getByTestId('discord-command-ask').click();
await page.getByTestId('slash-option-question').fill('What is the capital of Peru?');
await page.getByTestId('slash-option-question').press('Enter');
await discord.getByTestId('bot-button').filter({ hasText: '🔍' }).click();
await discord.getByText('Who made this answer?').waitFor();
await page.mouse.move(700, 40);
await page.getByTestId('telegram-toast').waitFor({ state: 'hidden' });
await page.screenshot({ path: file });
await browser.close();

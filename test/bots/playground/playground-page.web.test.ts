// The playground page in a real browser against a small bot of real grammY and discord.js: what a person sees and does.
import { run } from '@grammyjs/runner';
import { Client, Events, GatewayIntentBits, MessageFlags, Partials } from 'discord.js';
import { Bot, InlineKeyboard } from 'grammy';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Playground, startPlayground } from '../../../bots/playground/playground-server.ts';
import { launchChromium } from '../../support/find-chromium.ts';

const found = await launchChromium();
if (found.reason) console.warn(`playground page: skipped, ${found.reason}`);

let browser: Browser;
let playground: Playground;
let page: Page;
let complaints: string[];
const endings: (() => Promise<unknown>)[] = [];

beforeAll(() => {
  if (found.browser) browser = found.browser;
});
afterAll(async () => browser?.close());

beforeEach(async () => {
  playground = await startPlayground();
  await startTelegramEcho();
  await startDiscordEcho();
  page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  page.setDefaultTimeout(15_000);
  complaints = [];
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => {
    if (/Content Security Policy/.test(message.text())) complaints.push(message.text());
  });
  await page.goto(`${playground.url}?person=ada`);
});

afterEach(async () => {
  await page.close();
  for (const end of endings.splice(0)) await end();
  await playground.stop();
});

async function startTelegramEcho(): Promise<void> {
  const bot = new Bot(playground.telegramToken, { client: { apiRoot: playground.telegramApiRoot } });
  await bot.api.setMyCommands([
    { command: 'start', description: 'Begin' },
    { command: 'story', description: 'Tell a story' },
  ]);
  bot.command('start', (ctx) =>
    ctx.reply('<b>Hello</b> <i>Ada</i>', {
      parse_mode: 'HTML',
      reply_markup: new InlineKeyboard().text('👍 Good', 'up'),
    }),
  );
  bot.command('story', (ctx) =>
    ctx.api.raw.sendMessageDraft({
      chat_id: ctx.chat.id,
      draft_id: 1,
      text: 'Once upon a time',
      can_stop: true,
    }),
  );
  bot.on('stopped_message_generation', (ctx) =>
    ctx.api.sendMessage(ctx.update.stopped_message_generation.chat.id, 'Stopped.'),
  );
  bot.on('callback_query:data', async (ctx) => {
    await ctx.answerCallbackQuery('Thank you');
    await ctx.editMessageText('You liked it');
  });
  bot.on('message:text', (ctx) => ctx.reply(`echo: ${ctx.message.text}`));
  const runner = run(bot, { runner: { silent: true } });
  endings.push(() => runner.stop());
}

async function startDiscordEcho(): Promise<void> {
  const client = new Client({
    intents: [GatewayIntentBits.Guilds, GatewayIntentBits.GuildMessages, GatewayIntentBits.DirectMessages],
    partials: [Partials.Channel],
    rest: { api: playground.discordApiUrl },
  });
  const button = (id: string, label: string) => ({ type: 2, style: 1, custom_id: id, label });
  client.on(Events.InteractionCreate, async (interaction) => {
    if (interaction.isChatInputCommand() && interaction.commandName === 'ask') {
      await interaction.deferReply();
      const question = interaction.options.getString('question', true);
      await interaction.editReply({
        content: `**Answer** to ${question}`,
        components: [{ type: 1, components: [button('up', '👍'), button('silent', 'Silent')] }],
      });
    }
    if (interaction.isChatInputCommand() && interaction.commandName === 'contribute') {
      const field = { type: 4, custom_id: 'question', style: 1, label: 'Question', min_length: 3 };
      await interaction.showModal({
        title: 'Contribute',
        custom_id: 'form',
        components: [{ type: 1, components: [field] }],
      });
    }
    if (interaction.isModalSubmit()) {
      await interaction.reply({
        content: `Got ${interaction.fields.getTextInputValue('question')}`,
        flags: MessageFlags.Ephemeral,
      });
    }
    if (interaction.isButton() && interaction.customId === 'up')
      await interaction.update({ content: 'Voted' });
  });
  client.on(Events.MessageCreate, (message) => {
    if (!message.author.bot && message.content !== '')
      void message.reply({ content: `echo: ${message.content}` });
  });
  const ready = new Promise<void>((resolve) => client.once(Events.ClientReady, () => resolve()));
  await client.login(playground.discordToken);
  await ready;
  await client.application?.commands.set([
    {
      name: 'ask',
      description: 'Ask a model',
      options: [{ type: 3, name: 'question', description: 'What to ask', required: true }],
    },
    { name: 'contribute', description: 'Give a question' },
  ]);
  endings.push(() => client.destroy());
}

const byTestId = (name: string) => page.getByTestId(name);

describe.skipIf(found.browser === undefined)('Telegram on the left', () => {
  it('starts the bot, shows its formatted answer, and a press edits it with a toast', async () => {
    await byTestId('telegram-start').click();
    const answer = byTestId('telegram-message').filter({ hasText: 'Hello Ada' });
    expect(await answer.locator('strong').textContent()).toBe('Hello');
    await answer.getByTestId('bot-button').click();
    await byTestId('telegram-toast').filter({ hasText: 'Thank you' }).waitFor();
    await byTestId('telegram-message')
      .filter({ hasText: 'You liked it' })
      .filter({ hasText: 'edited' })
      .waitFor();
    expect(complaints).toEqual([]);
  });

  it('lists commands behind "/", streams a draft, and Stop reaches the bot', async () => {
    await byTestId('telegram-input').fill('/st');
    const options = byTestId('telegram-commands').getByRole('option');
    await options.nth(1).waitFor(); // the page has to hear of the bot's commands first
    expect(await options.count()).toBe(2);
    await byTestId('telegram-input').fill('/story');
    await byTestId('telegram-input').press('Enter');
    await byTestId('telegram-draft').filter({ hasText: 'Once upon a time' }).waitFor();
    await byTestId('telegram-stop').click();
    await byTestId('telegram-message').filter({ hasText: 'Stopped.' }).waitFor();
    await byTestId('telegram-draft').waitFor({ state: 'detached' });
  });

  it('shows markup in a message to the letter, as text', async () => {
    const nasty = '<img src=x onerror="document.title=1"> <script>1</script> **x**';
    await byTestId('telegram-input').fill(nasty);
    await byTestId('telegram-send').click();
    await byTestId('telegram-message')
      .filter({ hasText: `echo: ${nasty}` })
      .waitFor();
    expect(await byTestId('telegram-messages').locator('img, script').count()).toBe(0);
    expect(await page.title()).toBe('Playground · OpenModels');
  });
});

describe.skipIf(found.browser === undefined)('Discord on the right', () => {
  it('fills a slash command from the picker and draws the deferred answer', async () => {
    await byTestId('discord-input').fill('/');
    await byTestId('discord-command-ask').click();
    await byTestId('slash-option-question').press('Enter');
    await page.getByText('question: This option is required.').waitFor();
    await byTestId('slash-option-question').fill('Why?');
    await byTestId('slash-option-question').press('Enter');
    const answer = byTestId('discord-message').filter({ hasText: 'Answer to Why?' });
    expect(await answer.locator('strong').first().textContent()).toBe('Answer');
    expect(await answer.textContent()).toContain('Ada used /ask');
    await answer.getByTestId('bot-button').first().click();
    await byTestId('discord-message').filter({ hasText: 'Voted' }).filter({ hasText: '(edited)' }).waitFor();
    await byTestId('discord-message').getByText('Silent').click();
    await byTestId('discord-failed').filter({ hasText: 'This interaction failed' }).waitFor();
    expect(complaints).toEqual([]);
  });

  it('opens a form, shows its complaints, and an answer only Ada sees', async () => {
    await byTestId('discord-input').fill('/contribute');
    // the page may be drawn before the bot's commands are: Enter would then send the words as a message
    await byTestId('discord-command-contribute').waitFor();
    await byTestId('discord-input').press('Enter');
    await byTestId('discord-slash-send').click();
    await byTestId('modal-field-question').fill('ab');
    await byTestId('discord-modal-submit').click();
    await page.getByText('Must be at least 3 in length.').waitFor();
    await byTestId('modal-field-question').fill('Capital of Peru?');
    await byTestId('discord-modal-submit').click();
    const answer = byTestId('discord-message').filter({ hasText: 'Got Capital of Peru?' });
    await answer.filter({ hasText: 'Only you can see this' }).waitFor();
    await byTestId('discord-modal').waitFor({ state: 'detached' });
    await byTestId('person-bo').click();
    await byTestId('discord-messages').waitFor();
    await page.getByText('Welcome to #ask-a-model!').waitFor();
    expect(await answer.count()).toBe(0);
  });

  it('keeps direct messages private and shows a new person an empty chat', async () => {
    await byTestId('discord-dm').click();
    await byTestId('discord-input').fill('in private');
    await byTestId('discord-input').press('Enter');
    await byTestId('discord-message').filter({ hasText: 'echo: in private' }).waitFor();
    await byTestId('person-new').click();
    await byTestId('person-name').fill('Eve');
    await byTestId('person-create').click();
    await page.locator('[data-testid="person-eve"][aria-checked="true"]').waitFor();
    await byTestId('discord-dm').click();
    await page.getByText('This is the beginning of your direct messages').waitFor();
    expect(await byTestId('discord-message').count()).toBe(0);
  });

  it('shows who is pinged, and complains about 2,001 characters as the app does', async () => {
    await byTestId('discord-input').fill('hello @OpenModels');
    await byTestId('discord-send').click();
    const reply = byTestId('discord-message').filter({ hasText: 'echo: hello' });
    await reply.waitFor();
    expect(await reply.getAttribute('data-ping')).toBe('true');
    await byTestId('discord-input').fill('x'.repeat(2001));
    await byTestId('discord-input').press('Enter');
    await byTestId('discord-complaint').filter({ hasText: 'at most 2,000 characters' }).waitFor();
  });
});

describe.skipIf(found.browser === undefined)('the page', () => {
  it('comes back after a restart of its server with every chat', async () => {
    const { mkdtemp, rm } = await import('node:fs/promises');
    const { tmpdir } = await import('node:os');
    const { join } = await import('node:path');
    const dataDir = await mkdtemp(join(tmpdir(), 'playground-'));
    const first = await startPlayground({ dataDir });
    const port = Number(new URL(first.url).port);
    await page.goto(`${first.url}?person=ada`);
    await byTestId('telegram-input').fill('remember me');
    await byTestId('telegram-input').press('Enter');
    await byTestId('telegram-message').filter({ hasText: 'remember me' }).waitFor();
    await first.stop();
    await page.getByText('Connection lost').waitFor();
    const second = await startPlayground({ dataDir, port });
    await page.getByText('Connection lost').waitFor({ state: 'hidden' });
    expect(await byTestId('telegram-message').filter({ hasText: 'remember me' }).count()).toBe(1);
    await page.goto('about:blank');
    await second.stop();
    await rm(dataDir, { recursive: true });
  });

  it('fits a phone: one app at a time, nothing wider than the screen', async () => {
    await page.setViewportSize({ width: 390, height: 760 });
    await page.getByRole('button', { name: 'Discord', exact: true }).click();
    await byTestId('discord-input').waitFor({ state: 'visible' });
    await byTestId('telegram-input').waitFor({ state: 'hidden' });
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
  });
});

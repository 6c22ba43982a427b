// A real grammY bot with the real runner against the local Telegram: what goes in and out, and what is refused.
import { run } from '@grammyjs/runner';
import { Bot, GrammyError, InlineKeyboard } from 'grammy';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Playground, startPlayground } from '../../../bots/playground/playground-server.ts';
import {
  type DrivenPerson,
  drivePlayground,
  type PlaygroundDriver,
} from '../../support/playground-driver.ts';
import { createVirtualClock, type VirtualClock } from '../../support/virtual-clock.ts';

let playground: Playground;
let driver: PlaygroundDriver;
let clock: VirtualClock;
let ada: DrivenPerson;
let bot: Bot;
let endings: (() => Promise<unknown>)[] = [];

beforeEach(async () => {
  clock = createVirtualClock();
  playground = await startPlayground({ clock });
  driver = await drivePlayground(playground.url, 5_000);
  ada = await driver.person('ada');
  bot = newBot();
});

afterEach(async () => {
  for (const end of endings) await end();
  endings = [];
  driver.close();
  await playground.stop();
});

const newBot = () => new Bot(playground.telegramToken, { client: { apiRoot: playground.telegramApiRoot } });

/** Lets the runner fetch; polls end at once when the test ends. */
function runBot(started = bot): void {
  const handle = run(started, { runner: { fetch: { timeout: 30 }, silent: true } });
  endings.push(() => handle.stop());
}

async function chatId(): Promise<number> {
  await ada.telegram.send('hello');
  return ada.info.telegramId;
}

const refusalOf = (call: Promise<unknown>): Promise<GrammyError> =>
  call.then(
    () => {
      throw new Error('was not refused');
    },
    (error) => {
      if (error instanceof GrammyError) return error;
      throw error;
    },
  );

describe('a conversation', () => {
  it('carries a command with its entity to the bot and the formatted reply back', async () => {
    bot.command('start', (ctx) => ctx.reply('<b>Welcome</b>, Ada &amp; all', { parse_mode: 'HTML' }));
    runBot();
    await ada.telegram.send('/start now');
    await ada.telegram.waitFor('Welcome');
    expect(ada.telegram.messages()).toBe('Ada: /start now\nOpenModels: Welcome, Ada & all');
    expect(ada.telegram.raw()[0].entities).toEqual([{ type: 'bot_command', offset: 0, length: 6 }]);
    expect(ada.telegram.raw()[1].entities).toEqual([{ type: 'bold', offset: 0, length: 7 }]);
  });

  it('answers a press with a toast and an edit, and refuses the second answer', async () => {
    const seen: (string | undefined)[] = [];
    bot.on('message', (ctx) =>
      ctx.reply('Rate it', { reply_markup: new InlineKeyboard().text('👍', 'up:1') }),
    );
    bot.on('callback_query:data', async (ctx) => {
      seen.push(ctx.callbackQuery.data);
      await ctx.answerCallbackQuery('Thank you');
      await ctx.editMessageText('Rated 👍');
      seen.push((await refusalOf(ctx.answerCallbackQuery('again'))).description);
    });
    runBot();
    await ada.telegram.send('hi');
    await ada.telegram.press('👍');
    await ada.telegram.waitFor('Thank you');
    await ada.telegram.waitFor('Rated 👍 (edited)');
    await ada.until('the second answer', () => seen.length === 2);
    expect(ada.telegram.messages()).toBe('Ada: hi\nOpenModels: Rated 👍 (edited)');
    expect(seen).toEqual([
      'up:1',
      'Bad Request: query is too old and response timeout expired or query ID is invalid',
    ]);
  });

  it('takes the keyboard away when an edit does not name it', async () => {
    const id = await chatId();
    const keyboard = new InlineKeyboard().text('A', 'a');
    const sent = await bot.api.sendMessage(id, 'one', { reply_markup: keyboard });
    const edited = await bot.api.editMessageText(id, sent.message_id, 'two');
    expect(edited).toMatchObject({ text: 'two' });
    expect(edited).not.toHaveProperty('reply_markup');
  });

  it('forces a reply and sends the answer as one', async () => {
    const replies: (string | undefined)[] = [];
    bot.on('message:text', async (ctx) => {
      if (ctx.message.reply_to_message)
        replies.push(`${ctx.message.reply_to_message.text} -> ${ctx.message.text}`);
      else
        await ctx.reply('Your question?', {
          reply_markup: { force_reply: true, input_field_placeholder: 'Question' },
        });
    });
    runBot();
    await ada.telegram.send('/contribute');
    const prompt = await ada.until('a prompt', ({ telegram }) => telegram.prompt ?? undefined);
    expect(prompt.placeholder).toBe('Question');
    await ada.telegram.send('Capital of France?');
    await ada.until('the reply', () => replies.length > 0);
    expect(replies).toEqual(['Your question? -> Capital of France?']);
    expect(ada.view().telegram.prompt).toBeNull();
  });

  it('splits 10,000 pasted characters into 3 messages of at most 4096', async () => {
    await ada.telegram.send('x'.repeat(10_000));
    expect(ada.telegram.raw().map((message) => message.text?.length)).toEqual([4096, 4096, 1808]);
  });

  it('shows the commands that the bot sets', async () => {
    await bot.api.setMyCommands([{ command: 'ask', description: 'Ask a model' }]);
    await ada.until('commands', ({ telegram }) => telegram.commands.length === 1);
    expect(ada.view().telegram.commands).toEqual([{ command: 'ask', description: 'Ask a model' }]);
  });
});

describe('drafts', () => {
  it('stream with a Stop button whose press reaches the bot, and give way to the final message', async () => {
    const stopped: number[] = [];
    bot.on(
      'stopped_message_generation',
      (ctx) => void stopped.push(ctx.update.stopped_message_generation.draft_id),
    );
    runBot();
    const id = await chatId();
    await bot.api.sendMessageDraft(id, 7, 'Once upon', { can_stop: true, keep_on_stop: true });
    await ada.telegram.waitFor('OpenModels is writing: Once upon');
    await ada.telegram.stopDraft();
    await ada.until('the stop', () => stopped.length > 0);
    expect(stopped).toEqual([7]);
    await bot.api.sendMessageDraft(id, 7, 'Once upon a time', { can_stop: true });
    expect(ada.view().telegram.draft).toMatchObject({ text: 'Once upon', can_stop: false });
    await bot.api.sendMessage(id, 'Once upon.');
    await ada.telegram.waitFor('OpenModels: Once upon.');
    expect(ada.view().telegram.draft).toBeNull();
  });

  it('vanish after 30 s without news', async () => {
    const id = await chatId();
    await bot.api.sendMessageDraft(id, 1, 'thinking');
    await ada.telegram.waitFor('is writing: thinking');
    clock.advance(29_999);
    expect(ada.view().telegram.draft).not.toBeNull();
    clock.advance(1);
    await ada.until('the draft to go', ({ telegram }) => telegram.draft === null);
  });
});

describe('refusals', () => {
  it('are the real sentences', async () => {
    const id = await chatId();
    const sent = await bot.api.sendMessage(id, 'one');
    const said = async (call: Promise<unknown>) => (await refusalOf(call)).description;
    expect(await said(bot.api.sendMessage(id, 'x'.repeat(4097)))).toBe('Bad Request: message is too long');
    expect(await said(bot.api.sendMessage(id, ' \n'))).toBe('Bad Request: message text is empty');
    expect(await said(bot.api.sendMessage(id, '<b>x', { parse_mode: 'HTML' }))).toBe(
      'Bad Request: can\'t parse entities: Can\'t find end tag corresponding to start tag "b"',
    );
    expect(await said(bot.api.sendMessage(id, 'a.b', { parse_mode: 'MarkdownV2' }))).toBe(
      "Bad Request: can't parse entities: Character '.' is reserved and must be escaped with the preceding '\\'",
    );
    expect(await said(bot.api.editMessageText(id, sent.message_id, 'one'))).toMatch(
      /^Bad Request: message is not modified/,
    );
    expect(await said(bot.api.editMessageText(id, 999, 'x'))).toBe('Bad Request: message to edit not found');
    expect(await said(bot.api.sendMessage(1, 'x'))).toBe('Bad Request: chat not found');
    expect(await said(bot.api.sendMessage(ada.info.telegramId + 1, 'x'))).toBe(
      "Forbidden: bot can't initiate conversation with a user",
    );
    const keyboard = new InlineKeyboard().text('A', 'é'.repeat(33));
    expect(await said(bot.api.sendMessage(id, 'x', { reply_markup: keyboard }))).toBe(
      'Bad Request: BUTTON_DATA_INVALID',
    );
    await ada.telegram.block(true);
    expect(await said(bot.api.sendMessage(id, 'x'))).toBe('Forbidden: bot was blocked by the user');
    expect(await said(new Bot('1:x', { client: { apiRoot: playground.telegramApiRoot } }).api.getMe())).toBe(
      'Unauthorized',
    );
  });

  it('allow 5 messages at once, then 1 per second; hammering lengthens the wait', async () => {
    const id = await chatId();
    for (let n = 0; n < 5; n += 1) await bot.api.sendMessage(id, `message ${n}`);
    expect((await refusalOf(bot.api.sendMessage(id, 'six'))).parameters).toEqual({ retry_after: 3 });
    expect((await refusalOf(bot.api.sendMessage(id, 'six'))).parameters).toEqual({ retry_after: 9 });
    clock.advance(9_000);
    await bot.api.sendMessage(id, 'six');
  });

  it('end the first of two pollers with 409', async () => {
    const first = refusalOf(bot.api.getUpdates({ timeout: 30 }));
    await new Promise((resolve) => setTimeout(resolve, 50));
    const second = newBot().api.getUpdates({ timeout: 30 });
    expect(await first).toMatchObject({
      error_code: 409,
      description:
        'Conflict: terminated by other getUpdates request; make sure that only one bot instance is running',
    });
    await ada.telegram.send('hello');
    expect((await second).map((update) => update.message?.text)).toEqual(['hello']);
  });
});

describe('delivery', () => {
  it('repeats an update until it is confirmed, and on demand also after', async () => {
    await ada.telegram.send('once');
    const ids = async (offset?: number) =>
      (await bot.api.getUpdates({ offset })).map((update) => update.update_id);
    const [first] = await ids();
    expect(await ids()).toEqual([first]);
    expect(await ids(first + 1)).toEqual([]);
    playground.levers.telegram.redeliver(1);
    expect(await ids(first + 1)).toEqual([first]);
    expect(await ids(first + 1)).toEqual([]);
  });

  it('carries a call out although its answer is lost', async () => {
    const id = await chatId();
    playground.levers.telegram.next('sendMessage', 'lost_response', 1);
    await expect(bot.api.sendMessage(id, 'heard?')).rejects.toThrow();
    await ada.telegram.waitFor('OpenModels: heard?');
  });
});

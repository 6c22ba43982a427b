// The real commands through the real platforms and libraries on the local servers, with a marketplace in memory: what a
// person does in the first five minutes, on both.
import { afterEach, describe, expect, it } from 'vitest';
import { createCommandHandler } from '../../../bots/commands/create-command-handler.ts';
import { createDurableDelivery } from '../../../bots/core/durable-delivery.ts';
import type { Platform } from '../../../bots/core/platform.ts';
import { createDiscordPlatform } from '../../../bots/discord/discord-platform.ts';
import { type Playground, startPlayground } from '../../../bots/playground/playground-server.ts';
import { createTelegramPlatform } from '../../../bots/telegram/telegram-platform.ts';
import { createFakeMarketplace, type FakeMarketplace } from '../../support/fake-marketplace.ts';
import { quietBotLog } from '../../support/fake-platform.ts';
import { provenanceOf } from '../../support/fake-provenance.ts';
import { createMemoryDeliveryStore } from '../../support/memory-delivery-store.ts';
import { type DrivenPerson, drivePlayground } from '../../support/playground-driver.ts';

let endings: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const end of endings.reverse()) await end();
  endings = [];
});

async function open(
  makePlatform: (playground: Playground) => Platform,
): Promise<{ ada: DrivenPerson; bo: DrivenPerson; marketplace: FakeMarketplace }> {
  const playground = await startPlayground();
  const driver = await drivePlayground(playground.url);
  const platform = makePlatform(playground);
  const marketplace = createFakeMarketplace();
  const delivery = createDurableDelivery({
    store: createMemoryDeliveryStore(),
    platforms: () => [platform],
    log: quietBotLog,
  });
  const walletPageUrl = `${playground.url}wallet`;
  const bot = createCommandHandler({ marketplace, delivery, log: quietBotLog, walletPageUrl });
  await platform.start(bot.handle, bot.definitions);
  endings.push(
    () => playground.stop(),
    () => driver.close(),
    () => platform.stop(),
    () => bot.stop(),
  );
  return { ada: await driver.person('ada'), bo: await driver.person('bo'), marketplace };
}

const onTelegram = (playground: Playground) =>
  createTelegramPlatform(
    { secret: playground.telegramToken, apiRoot: playground.telegramApiRoot },
    { log: quietBotLog },
  );
const onDiscord = (playground: Playground) =>
  createDiscordPlatform(
    { secret: playground.discordToken, apiRoot: playground.discordApiUrl },
    { log: quietBotLog },
  );

const pause = (ms: number) => () => new Promise<void>((resolve) => setTimeout(resolve, ms));
const reviewItem = {
  contributionId: 'r1',
  datanetTitle: 'Atlas',
  pseudonym: 'quiet-otter',
  question: 'Capital of Nauru?',
  answer: 'Yaren.',
  waiting: 1,
};

/** What 🔍 finds: words of the first sentence stand in a contribution, and each sentence can be traced. */
function showMakers(marketplace: FakeMarketplace): void {
  const provenance = provenanceOf('call-1');
  const span = { start: 0, end: 33, text: 'Lisbon is the capital of Portugal', contributions: 1 };
  marketplace.provenances.set('call-1', {
    ...provenance,
    answer: 'Lisbon is the capital of Portugal. It lies on the Tagus.',
    spans: [{ ...provenance.top[0], ...span }],
    sentences: 2,
  });
  const makers = [{ pseudonym: 'amber-heron', share: 0.71 }];
  marketplace.sentences.set('call-1', {
    ...{ ok: true, receiptNumber: '1' },
    sentences: [
      { text: 'Lisbon is the capital of Portugal.', makers, untraced: 0.29 },
      { text: 'It lies on the Tagus.', makers: [], untraced: 1 },
    ],
  });
}

describe('the first five minutes', () => {
  it('on Telegram: start, ask, vote, see who made it, again, contribute, review, datanet', async () => {
    const { ada, bo, marketplace } = await open(onTelegram);
    const { telegram } = ada;
    await telegram.send('/start');
    await telegram.waitFor('A gift to begin with: 10 OPEN');
    marketplace.between = pause(150);
    await telegram.send('What is the capital of Portugal?');
    await telegram.waitFor('up to 0.02 OPEN · you have 10 OPEN');
    await telegram.waitFor('Pocket Atlas v1 · 0.0125 OPEN · 9.9875 OPEN left · receipt 1');
    await telegram.press('👍');
    await telegram.waitFor('(Your vote is 👍. Press 👎 to change it.)');
    await telegram.waitFor('[👍 ✓]');
    showMakers(marketplace);
    await telegram.press('🔍');
    await telegram.waitFor('Lisbon is the capital of Portugal ①. It lies on the Tagus.');
    await telegram.waitFor('① amber-heron · 80 % · 0.005 OPEN');
    await telegram.press('Sentence by sentence');
    await telegram.waitFor('amber-heron 71 % · not traced 29 %');
    await telegram.press('🔁');
    await telegram.waitFor('receipt 2');
    await telegram.send('/contribute');
    await telegram.waitFor('1 of 2');
    await telegram.send('What is the capital of Tuvalu?');
    await telegram.waitFor('2 of 2');
    await telegram.send('Funafuti.');
    await telegram.press('I agree');
    await telegram.waitFor('Thank you: it is in.');
    marketplace.reviewItems = [reviewItem];
    await bo.telegram.send('/review');
    await bo.telegram.press('Reject');
    await bo.telegram.waitFor('What is wrong with it?');
    await bo.telegram.send('It has no official capital.');
    await bo.telegram.waitFor('✗ Rejected.');
    expect(marketplace.reviews).toEqual([
      { id: 'r1', verdict: 'reject', reason: 'It has no official capital.' },
    ]);
    await telegram.send('/datanet');
    await telegram.waitFor('332 accepted contributions');
    await telegram.send('/balance');
    await telegram.waitFor('You have 9.975 OPEN to spend.');
    for (const [typed, answer] of [
      ['/models', 'The models here'],
      ['/model', 'Where it goes:'],
      ['/receipt', 'Receipt 2'],
      ['/new', 'We start over'],
      ['/training', 'Nothing is being trained.'],
      ['/help', 'How it works'],
      ['/nonsense', 'I know no command /nonsense.'],
      ['/cancel', 'There is nothing to cancel.'],
      ['/ask', 'I found no question in that.'],
    ] as const) {
      await telegram.send(typed);
      await telegram.waitFor(answer);
    }
  });

  it('on Discord: the same, by slash commands, forms and buttons', async () => {
    const { ada, bo, marketplace } = await open(onDiscord);
    const { discord } = ada;
    discord.goTo('dm');
    await discord.slash('start');
    await discord.waitFor('A gift to begin with: **10 OPEN**');
    marketplace.between = pause(150);
    await discord.message('What is the capital of Portugal?');
    await discord.waitFor('up to 0.02 OPEN · you have 10 OPEN');
    await discord.waitFor('Pocket Atlas v1 · 0.0125 OPEN · 9.9875 OPEN left · receipt 1');
    await discord.press('👍');
    await discord.waitFor('Your vote is 👍. Press 👎 to change it.');
    await discord.waitFor('[👍 ✓]');
    showMakers(marketplace);
    await discord.press('🔍');
    await discord.waitFor('> Lisbon is the capital of Portugal ①. It lies on the Tagus.');
    await discord.waitFor('① **amber-heron** · 80 % · 0.005 OPEN');
    await discord.press('Sentence by sentence');
    await discord.waitFor('**amber-heron** 71 % · not traced 29 %');
    await discord.press('🔁');
    await discord.waitFor('receipt 2');
    await discord.slash('contribute');
    await discord.submitModal({ question: 'What is the capital of Tuvalu?', answer: 'Funafuti.' });
    await discord.press('I agree');
    await discord.waitFor('Thank you: it is in.');
    marketplace.reviewItems = [reviewItem];
    bo.discord.goTo('channel');
    await bo.discord.slash('review');
    await bo.discord.press('Reject');
    await bo.discord.submitModal({ reason: 'It has no official capital.' });
    await bo.discord.waitFor('✗ Rejected.');
    expect(bo.discord.messages()).toContain('(only you can see this)');
    expect(marketplace.reviews).toEqual([
      { id: 'r1', verdict: 'reject', reason: 'It has no official capital.' },
    ]);
    for (const [name, answer] of [
      ['datanet', '332 accepted contributions'],
      ['balance', 'You have **9.975 OPEN** to spend.'],
      ['models', 'The models here'],
      ['model', 'Where it goes:'],
      ['receipt', 'Receipt 2'],
      ['new', 'We start over'],
      ['training', 'Nothing is being trained.'],
      ['help', 'How it works'],
    ] as const) {
      await discord.slash(name);
      await discord.waitFor(answer);
    }
  });

  it('in a Discord channel an answer is for all, what one has is not, and a mention asks', async () => {
    const { ada, bo } = await open(onDiscord);
    ada.discord.goTo('channel');
    bo.discord.goTo('channel');
    await ada.discord.slash('ask', { question: 'What is the capital of Portugal?' });
    await bo.discord.waitFor('Pocket Atlas v1 · 0.0125 OPEN · receipt 1');
    await ada.discord.slash('balance');
    await ada.discord.waitFor('OPEN** to spend.');
    expect(bo.discord.messages()).not.toContain('to spend');
    await bo.discord.press('👍');
    await bo.discord.waitFor('Only the person who asked can rate this answer.');
    expect(ada.discord.messages()).not.toContain('Only the person who asked');
    const bot = ada.view().discord.bot.id;
    await bo.discord.message(`<@${bot}> and of Spain?`);
    await ada.discord.waitFor('receipt 2');
  });

  it('Stop works on both while the answer is being written', async () => {
    for (const [make, app] of [
      [onTelegram, 'telegram'],
      [onDiscord, 'discord'],
    ] as const) {
      const { ada, marketplace } = await open(make);
      marketplace.answers = [Array.from({ length: 100 }, (_, i) => `word${i} `)];
      marketplace.between = pause(100);
      ada.discord.goTo('dm');
      if (app === 'telegram') await ada.telegram.send('Tell me everything');
      else await ada.discord.message('Tell me everything');
      await ada[app].waitFor('word3');
      await (app === 'telegram' ? ada.telegram.stopDraft() : ada.discord.press('Stop'));
      await ada[app].waitFor('You stopped it: you paid only for what stands here.');
    }
  });
});

describe('the link to the wallet page', () => {
  it('can be pressed in Telegram, and leads to the page with its secret', async () => {
    const { ada } = await open(onTelegram);
    await ada.telegram.send('/wallet');
    await ada.telegram.waitFor('No wallet is linked yet.');
    const entities = ada.telegram.raw().flatMap((message) => message.entities ?? []);
    const links = entities.filter(({ type }) => type === 'text_link');
    expect(links).toMatchObject([{ url: expect.stringMatching(/\/wallet#f{64}$/) }]);
  });

  it('can be pressed in Discord, without a preview; in a channel only its person sees it', async () => {
    const { ada, bo } = await open(onDiscord);
    ada.discord.goTo('dm');
    await ada.discord.slash('wallet');
    await ada.discord.waitFor(/<http:\/\/127\.0\.0\.1:\d+\/wallet#f{64}>/);
    ada.discord.goTo('channel');
    bo.discord.goTo('channel');
    await ada.discord.slash('wallet');
    await ada.discord.waitFor(/\/wallet#f{64}>/);
    expect(bo.discord.messages()).not.toContain('wallet#');
  });
});

// Waiting, from a person's side: the place in line, an answer cut by its deadline, and whether a model is in memory.
import { beforeEach, describe, expect, it } from 'vitest';
import { answeredReply } from '../../../bots/commands/answer-view.ts';
import { createCommandHandler } from '../../../bots/commands/create-command-handler.ts';
import { createDurableDelivery } from '../../../bots/core/durable-delivery.ts';
import { nano } from '../../../db/ledger/amount.ts';
import type { CallDone } from '../../../marketplace/marketplace.ts';
import { atlasModel, createFakeMarketplace, type FakeMarketplace } from '../../support/fake-marketplace.ts';
import { createFakeChat, type FakeChat, quietBotLog } from '../../support/fake-platform.ts';
import { createMemoryDeliveryStore } from '../../support/memory-delivery-store.ts';

let marketplace: FakeMarketplace;
let chat: FakeChat;

beforeEach(() => {
  marketplace = createFakeMarketplace();
  const store = createMemoryDeliveryStore();
  const delivery = createDurableDelivery({ store, platforms: () => [chat.platform], log: quietBotLog });
  const bot = createCommandHandler({ marketplace, delivery, log: quietBotLog });
  chat = createFakeChat({ handler: bot.handle });
});

const late: CallDone = {
  ok: true,
  callId: 'call-1',
  receiptNumber: '1',
  text: 'Lisbon is',
  reason: 'deadline',
  priceNano: nano(1n),
  availableNano: nano(1n),
  modelTitle: 'Pocket Atlas',
  versionNumber: 1,
  droppedMessages: 0,
  warnings: [],
  shortenedBy: null,
};

describe('a line of people', () => {
  it('tells the place in line, then that it thinks, then the words, and none of it stays', async () => {
    marketplace.queueNext = [4, 3, 1, 0];
    marketplace.between = () => new Promise((resolve) => setImmediate(resolve));
    await chat.say('What is the capital of Portugal?');
    const words = chat.updates.map((update) => /You are [^…]*in line…|Thinking…/.exec(update)?.[0]);
    const waiting = ['You are number 3 in line…', 'You are next in line…', 'Thinking…'];
    expect(words.filter((said) => said !== undefined && waiting.includes(said))).toEqual(waiting);
    expect(chat.transcript()).not.toContain('in line');
    expect(chat.transcript()).toContain('Lisbon is the capital of Portugal.');
  });

  it('Stop reaches a question that waits in line', async () => {
    marketplace.queueNext = [2];
    const reached = Promise.withResolvers<void>();
    const opened = Promise.withResolvers<void>();
    marketplace.between = () => {
      reached.resolve();
      return opened.promise;
    };
    const asked = chat.say('What is the capital of Portugal?');
    await reached.promise;
    await chat.stop();
    opened.resolve();
    await asked;
    expect(chat.updates.join()).toContain('You are number 2 in line…');
    expect(marketplace.asked[0]?.signal.aborted).toBe(true);
  });

  it('an answer cut by its deadline says so', () => {
    expect(
      answeredReply(late, { intro: null, isPrivate: true })
        .text.map(({ text }) => text)
        .join(''),
    ).toContain('Cut here: it took longer than an answer may. You paid only for what stands here.');
  });

  it.each([
    ['warm', 'in memory, answers at once.'],
    ['loading', 'being brought into memory, a moment.'],
    ['cold', 'asleep on disk, its first answer takes a moment longer.'],
  ] as const)('the page of a %s model says %s', async (readiness, words) => {
    marketplace.listed = [{ ...atlasModel, readiness }];
    await chat.command('model', { name: 'pocket-atlas' });
    expect(chat.transcript()).toContain(`**Now: **${words}`);
  });

  it('a model whose state is unknown has no such line', async () => {
    marketplace.listed = [{ ...atlasModel, readiness: null }];
    await chat.command('model', { name: 'pocket-atlas' });
    expect(chat.transcript()).not.toContain('Now:');
  });
});

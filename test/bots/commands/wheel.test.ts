// Browsing, contributing, reviewing and watching a datanet, as whole transcripts on a platform in memory.
import { beforeEach, describe, expect, it } from 'vitest';
import { type CommandHandler, createCommandHandler } from '../../../bots/commands/create-command-handler.ts';
import { createNewsTeller } from '../../../bots/commands/news-teller.ts';
import { createDurableDelivery } from '../../../bots/core/durable-delivery.ts';
import type { MarketplaceNews } from '../../../marketplace/marketplace.ts';
import {
  atlasDatanet,
  atlasModel,
  createFakeMarketplace,
  type FakeMarketplace,
} from '../../support/fake-marketplace.ts';
import { createFakeChat, type FakeChat, quietBotLog } from '../../support/fake-platform.ts';
import { createMemoryDeliveryStore } from '../../support/memory-delivery-store.ts';

let marketplace: FakeMarketplace;
let bot: CommandHandler;
let chat: FakeChat;

beforeEach(() => {
  marketplace = createFakeMarketplace();
  const store = createMemoryDeliveryStore();
  const delivery = createDurableDelivery({ store, platforms: () => [chat.platform], log: quietBotLog });
  bot = createCommandHandler({ marketplace, delivery, log: quietBotLog });
  chat = createFakeChat({ handler: bot.handle });
});

describe('finding one’s way', () => {
  it('/start greets by name, gives the gift and offers a first question', async () => {
    await chat.command('start');
    expect(chat.transcript()).toContain(
      'Hello **Ada**.\nHere you talk to AI models that communities have made. An answer costs a little OPEN, and half of it goes to the very people whose data made that answer. 🔍 under an answer shows who they are.\n\nA gift to begin with: **10 OPEN** to spend on answers.\nThe model here is **Pocket Atlas**.\nJust write a question.',
    );
    await chat.press('Ask: What is the capital of Portugal?');
    expect(chat.transcript()).toContain('Lisbon is the capital of Portugal.');
  });

  it('/start presents several models as choices, the first with a question to ask', async () => {
    const more = ['Help Desk', 'Saltmarsh Bay'].map((title, i) => ({
      ...atlasModel,
      ...{ id: `m${i}`, slug: `model-${i}`, title, description: `Knows ${title}.` },
    }));
    marketplace.listed = [atlasModel, ...more];
    await chat.command('start');
    expect(chat.transcript()).toContain(
      [
        'You can talk to:',
        '• **Pocket Atlas** Knows the capitals of the world.',
        '• **Help Desk** Knows Help Desk.',
        '• **Saltmarsh Bay** Knows Saltmarsh Bay.',
        '',
        'Just write a question.',
        '  [Ask: What is the capital of Portugal?]',
        '  [Pocket Atlas] [Help Desk]',
        '  [Saltmarsh Bay]',
      ].join('\n'),
    );
    await chat.press('Saltmarsh Bay');
    await chat.press('Choose this model');
    expect(chat.transcript()).toContain('**Saltmarsh Bay** answers you here from now on.');
  });

  it('a name cannot break out of the greeting', async () => {
    await chat.as('u9', '\u202Enimda\n\n# Admin**').command('start');
    expect(chat.transcript()).toContain('Hello **nimda # Admin****.');
  });

  it('/help names every command', async () => {
    await chat.command('help');
    for (const { name } of bot.definitions) expect(chat.transcript()).toContain(`\`/${name}`);
  });

  it('/models, details with price, split and test results, then back', async () => {
    await chat.command('models');
    expect(chat.since()).toContain(
      '**The models here**\n\n**Pocket Atlas** · 0.002 OPEN an answer + 0.1 OPEN per 1,000 tokens written\nKnows the capitals of the world.\n  [Pocket Atlas]',
    );
    await chat.press('Pocket Atlas');
    expect(chat.transcript()).toContain(
      [
        '**Price: **0.002 OPEN an answer + 0.1 OPEN per 1,000 tokens written. No answer costs more than 0.0084 OPEN, nor more than your budget (/budget).',
        '**Where it goes: **50 % to the people whose data made the answer, 25 % to the model’s maker, 15 % to the computer that ran it, 10 % to the marketplace.',
        '**Tested: **91.4 % (likely 89.8 to 92.8 %) of 1,328 questions it had never seen answered right; the base model without this community’s data: 3.1 % (likely 2.2 to 4.1 %).',
      ].join('\n'),
    );
    await chat.press('All models');
    expect(chat.transcript()).toContain('  [Pocket Atlas]');
  });

  it('/model finds by short name and by title, and lists when it finds nothing', async () => {
    await chat.command('model', { name: 'POCKET ATLAS' });
    expect(chat.since()).toContain('**Pocket Atlas** · version 1');
    await chat.command('model', { name: 'nothing' });
    expect(chat.since()).toContain('**I know no model “nothing”**');
  });

  it('/balance tells gift, earnings and the latest entries', async () => {
    await chat.command('balance');
    expect(chat.since()).toContain(
      'You have **10 OPEN** to spend.\n• 10 OPEN of it is a gift: it buys answers, it cannot be withdrawn.\n• Nothing earned yet: /contribute what you know, and answers made of it pay you.\n• Your budget for today: no limit (as for everybody), 0 OPEN spent\n\n**Latest**\n21 Nov 2026, 09:05 UTC · +10 OPEN · starter grant\n  [My budgets] [History]',
    );
  });
});

describe('contributing', () => {
  const filled = { question: 'What is the capital of Tuvalu?', answer: 'Funafuti.' };

  it('form first, licence once, then straight in', async () => {
    await chat.command('contribute');
    expect(chat.openForm()?.fields.map(({ id }) => id)).toEqual(['question', 'answer']);
    await chat.fill(filled);
    expect(chat.since()).toContain('Licence: **CC BY 4.0**');
    expect(marketplace.contributions).toEqual([]);
    await chat.press('I agree');
    expect(chat.transcript()).toContain(
      '**Thank you: it is in.** Other people now check it; 3 contributions wait for that.',
    );
    expect(marketplace.contributions).toEqual([{ ...filled, slug: 'atlas' }]);
    await chat.press('Write another');
    await chat.fill({ question: 'What is the capital of Nauru?', answer: 'Yaren.' });
    expect(marketplace.contributions).toHaveLength(2);
  });

  it('a No stores nothing, and somebody else’s consent does not count', async () => {
    await chat.command('contribute');
    await chat.fill(filled);
    await chat.as('u2', 'Bo').press('I agree');
    expect(chat.transcript()).toContain('I no longer have that text');
    await chat.command('contribute');
    await chat.fill(filled);
    await chat.press('No');
    expect(chat.transcript()).toContain('All right: nothing was stored.');
    expect(marketplace.contributions).toEqual([]);
  });

  it('says why a duplicate and a failed check are not taken', async () => {
    marketplace.contributeResult = () => ({
      ok: false,
      code: 'duplicate',
      existing: 'What is the capital of Tuvalu? Funafuti.',
    });
    await chat.command('contribute');
    await chat.fill(filled);
    expect(chat.since()).toContain(
      'This is in the datanet already:\n> What is the capital of Tuvalu? Funafuti.',
    );
    marketplace.contributeResult = () => ({
      ok: false,
      code: 'rejected_by_check',
      check: 'language',
      reason: 'English only for now.',
    });
    await chat.press('Write another');
    await chat.fill(filled);
    expect(chat.since()).toContain('Not taken: English only for now.\nNothing was added.');
    await chat.press('Write another');
    await chat.fill({ question: ' ', answer: 'x' });
    expect(chat.since()).toContain('A contribution needs both a question and an answer.');
  });
});

describe('reviewing', () => {
  beforeEach(() => {
    marketplace.reviewItems = ['r1', 'r2'].map((contributionId) => ({
      contributionId,
      datanetTitle: 'Pocket Atlas',
      pseudonym: 'quiet-otter',
      question: 'What is the capital of Nauru?',
      answer: 'Yaren.',
      waiting: 2,
    }));
  });

  it('accepts in place, rejects with a reason asked by form, then has nothing left', async () => {
    await chat.command('review');
    expect(chat.since()).toContain('**Is this right?** · Pocket Atlas · from quiet-otter');
    await chat.press('Accept');
    expect(chat.transcript()).toContain(
      '**✓ Accepted.** Thank you.\nNext version: ▰▰▰▰▱▱▱▱▱▱ 8 of 20 new contributions',
    );
    await chat.press('Next one');
    await chat.press('Reject');
    expect(chat.openForm()?.title).toBe('Why reject it?');
    await chat.fill({ reason: 'It has no official capital.' });
    expect(marketplace.reviews).toEqual([
      { id: 'r1', verdict: 'accept', reason: undefined },
      { id: 'r2', verdict: 'reject', reason: 'It has no official capital.' },
    ]);
    await chat.press('Next one');
    expect(chat.transcript()).toContain('Nothing waits for your judgement right now');
  });

  it('notes a verdict that another person has to share first', async () => {
    marketplace.reviewsMissing = 1;
    await chat.command('review');
    await chat.press('Accept');
    expect(chat.transcript()).toContain(
      '**✓ Noted.** Thank you.\n1 other person has to agree before it is decided.',
    );
    await chat.press('Next one');
    expect(chat.since()).toContain('**Is this right?**');
  });

  it('tells when somebody else was faster', async () => {
    await chat.command('review');
    marketplace.reviewItems.length = 0;
    await chat.press('Accept');
    expect(chat.transcript()).toContain('Somebody else has decided on it meanwhile.');
  });
});

describe('watching a datanet', () => {
  it('/datanet shows progress, people, versions and the training that runs', async () => {
    marketplace.datanetList = [
      { ...atlasDatanet, training: { state: 'training', step: 30, steps: 120, loss: 1.2345, etaMs: 90_000 } },
    ];
    await chat.command('datanet');
    expect(chat.since()).toContain(
      [
        '**332 accepted contributions** · 2 wait for review · 2 contributors',
        'Next version: ▰▰▰▱▱▱▱▱▱▱ 7 of 20 new contributions',
        '**Training now: **training',
        '▰▰▱▱▱▱▱▱▱▱ step 30 of 120 · loss 1.234 · about 90 s to go',
      ].join('\n'),
    );
  });

  it('news edits progress in one message, ends with a new one, and is told once', async () => {
    const tell = createNewsTeller(() => [chat.platform]);
    const news = (key: string, kind: MarketplaceNews['kind'], text: string): MarketplaceNews => ({
      key,
      platform: 'fake',
      conversationId: 'c1',
      kind,
      datanetTitle: 'Pocket Atlas',
      text,
    });
    await tell(news('1', 'training_started', 'Version 2 is being trained.'));
    await tell(news('2', 'training_progress', 'Step 10 of 100.'));
    await tell(news('3', 'training_progress', 'Step 90 of 100.'));
    await tell(news('4', 'version_published', 'Version 2 answers from now on.'));
    await tell(news('4', 'version_published', 'Version 2 answers from now on.'));
    expect(chat.transcript()).toBe(
      'Bot: 🛠 **Pocket Atlas**\nStep 90 of 100.\nBot: 🎉 **Pocket Atlas**\nVersion 2 answers from now on.',
    );
  });
});

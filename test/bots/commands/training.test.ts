// Trainings and feedback as people see them, on a platform in memory: /training with progress, line, curve and Cancel;
// ✏️ corrections; the one question whether votes may train.
import { beforeEach, describe, expect, it } from 'vitest';
import { createCommandHandler } from '../../../bots/commands/create-command-handler.ts';
import { createDurableDelivery } from '../../../bots/core/durable-delivery.ts';
import type { TrainingView } from '../../../marketplace/training-views.ts';
import { createFakeMarketplace, type FakeMarketplace } from '../../support/fake-marketplace.ts';
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

const running: TrainingView = {
  runId: 'run-1',
  datanetTitle: 'Pocket Atlas',
  modelTitle: 'Pocket Atlas',
  state: 'running',
  queuePosition: null,
  method: 'sft',
  step: 30,
  steps: 120,
  loss: 1.2345,
  heldOutLoss: 1.5,
  tokensPerSecond: 2500.4,
  etaMs: 90_000,
  phases: [],
  queuedAt: new Date(0),
  finishedAt: null,
  note: null,
  mayCancel: false,
};
const queued: TrainingView = {
  ...running,
  runId: 'run-2',
  modelTitle: 'River Guide',
  state: 'queued',
  queuePosition: 1,
  step: 0,
  steps: 0,
};
const chart = {
  caption: 'Pocket Atlas: training on contributions, step 30, loss 1.234',
  svg: () => '<svg/>',
  png: () => new Uint8Array(8),
};

describe('/training', () => {
  it('says that nothing runs and how a training starts', async () => {
    await chat.command('training');
    expect(chat.since()).toContain(
      '**Trainings**\nNothing is being trained. A training starts by itself when enough contributions are accepted: /datanet shows how many are missing.\n  [Refresh]',
    );
  });

  it('shows what runs with its curve, what waits with its place, and how the last ones ended', async () => {
    marketplace.trainingsNow = {
      active: [running, queued, { ...queued, runId: 'run-3', modelTitle: 'Star Map', queuePosition: 2 }],
      recent: [
        {
          ...running,
          runId: 'run-0',
          state: 'published',
          note: 'Published: it is better.',
          phases: [
            { method: 'sft', outcome: 'kept', reason: 'Published: it is better.' },
            {
              method: 'dpo',
              outcome: 'dropped',
              reason: 'Not kept: 8 of 10 held-out questions right, before 9.',
            },
            { method: 'kto', outcome: 'left_out', reason: 'Left out: 12 of 40 votes.' },
          ],
        },
        { ...running, runId: 'run-x', state: 'failed', note: 'not enough memory' },
      ],
    };
    marketplace.charts.set('run-1', chart);
    await chat.command('training');
    expect(chat.since()).toBe(
      [
        'Ada: /training',
        'Bot: **Trainings**',
        '**Pocket Atlas** · learning the contributions',
        '▰▰▱▱▱▱▱▱▱▱ step 30 of 120 · about 90 s to go',
        'loss 1.234 · held out 1.500 · 2,500 tokens a second',
        '**River Guide** · next in line',
        '**Star Map** · number 2 in line',
        '',
        '**Lately**',
        '**Pocket Atlas** · ✓ published: Published: it is better.',
        '(Corrections: Not kept: 8 of 10 held-out questions right, before 9.)',
        '(Votes: Left out: 12 of 40 votes.)',
        '**Pocket Atlas** · ⚠️ failed: not enough memory',
        '  [📈 Curve: Pocket Atlas]',
        '  [Refresh]',
        `Bot: <picture training.png> ${chart.caption}`,
      ].join('\n'),
    );
  });

  it('asks before it cancels, and says so to who may not', async () => {
    marketplace.trainingsNow = { active: [{ ...running, mayCancel: true }], recent: [] };
    await chat.command('training');
    await chat.press('Cancel');
    expect(chat.transcript()).toContain('Cancel the training of **Pocket Atlas**?');
    await chat.press('No, let it run');
    expect(marketplace.cancelled).toEqual([]);
    await chat.press('Cancel');
    await chat.press('Yes, cancel it');
    expect(marketplace.cancelled).toEqual(['run-1']);
    expect(chat.transcript()).toContain('Cancelled: Pocket Atlas is not trained any further.');
    marketplace.cancelResult = { ok: false, code: 'not_allowed', ownerPseudonym: 'calm-otter' };
    await chat.pressAction('1tyrun-1');
    expect(chat.transcript()).toContain(
      'Only the datanet’s owner (calm-otter) and the operators of this place can cancel its training. It goes on.',
    );
    marketplace.cancelResult = { ok: false, code: 'already_ended', state: 'published' };
    await chat.pressAction('1tyrun-1');
    expect(chat.transcript()).toContain('that training is over already (published)');
  });

  it('says that there is no curve yet', async () => {
    marketplace.trainingsNow = { active: [running], recent: [] };
    await chat.command('training');
    await chat.press('Curve');
    expect(chat.toasts()).toEqual(['There is no curve yet: it begins with the first steps.']);
  });
});

describe('feedback', () => {
  beforeEach(async () => {
    await chat.command('ask', { question: 'What is the capital of Portugal?' });
  });

  it('✏️ asks for the right answer, once for the consent, and sends it in', async () => {
    await chat.press('✏️');
    expect(chat.openForm()?.title).toBe('What should it have said?');
    await chat.fill({ answer: 'Lisbon, since 1255.' });
    expect(chat.transcript()).toContain('published with the question you asked: Lisbon, since 1255.');
    await chat.press('I agree');
    expect(chat.transcript()).toContain('**Thank you: your correction is in.**');
    expect(marketplace.contributions).toMatchObject([{ answer: 'Lisbon, since 1255.' }]);
  });

  it('✏️ says why a correction is not taken', async () => {
    marketplace.contributeResult = () => ({
      ok: false,
      code: 'rejected_by_check',
      check: 'personal_data',
      reason: 'The answer seems to contain a phone number.',
    });
    await chat.press('✏️');
    await chat.fill({ answer: 'Ring +49 30 1234567' });
    expect(chat.transcript()).toContain('Not taken: The answer seems to contain a phone number.');
    await chat.press('Write it again');
    await chat.fill({ answer: '  ' });
    expect(chat.transcript()).toContain('A correction needs the right answer.\nNothing was added.');
  });

  it('the first vote asks whether votes may train; a No changes nothing about the vote', async () => {
    marketplace.consentWanted = { datanetSlug: 'atlas', licence: 'CC0-1.0', consentText: 'It is mine.' };
    await chat.press('👍');
    expect(chat.transcript()).toContain('**May your votes train the next version?**');
    await chat.press('No');
    expect(chat.transcript()).toContain('All right: your votes count, and train nothing.');
    await chat.press('👎');
    await chat.press('Yes, they may');
    expect(chat.transcript()).toContain('Thank you: your votes train the next version, until you');
  });

  it('/withdraw shows what was given, takes it back, and then has nothing left', async () => {
    await chat.command('withdraw');
    expect(chat.since()).toContain('You have agreed to nothing here');
    await chat.press('✏️');
    await chat.fill({ answer: 'Lisbon, since 1255.' });
    await chat.press('I agree');
    await chat.command('withdraw');
    expect(chat.since()).toContain('**Pocket Atlas** · 1 contribution · 0 votes');
    await chat.press('Take it all back');
    expect(chat.transcript()).toContain('Taken back: 1 contribution, and your consent for 1 datanet.');
    expect(marketplace.contributions).toEqual([]);
    await chat.command('withdraw');
    expect(chat.since()).toContain('You have agreed to nothing here');
  });
});

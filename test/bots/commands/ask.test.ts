// Asking, from a person's side: whole transcripts as a reader would see them, on a platform in memory.
import { beforeEach, describe, expect, it } from 'vitest';
import { type CommandHandler, createCommandHandler } from '../../../bots/commands/create-command-handler.ts';
import { createInterruptedResolver } from '../../../bots/commands/interrupted-answer.ts';
import { createDurableDelivery } from '../../../bots/core/durable-delivery.ts';
import { nano, openNano } from '../../../db/ledger/amount.ts';
import type { CallRefusal } from '../../../marketplace/marketplace.ts';
import { atlasModel, createFakeMarketplace, type FakeMarketplace } from '../../support/fake-marketplace.ts';
import { createFakeChat, type FakeChat, quietBotLog } from '../../support/fake-platform.ts';
import { createMemoryDeliveryStore, type MemoryDeliveryStore } from '../../support/memory-delivery-store.ts';

let marketplace: FakeMarketplace;
let store: MemoryDeliveryStore;
let bot: CommandHandler;
let chat: FakeChat;

beforeEach(() => {
  marketplace = createFakeMarketplace();
  store = createMemoryDeliveryStore();
  const delivery = createDurableDelivery({ store, platforms: () => [chat.platform], log: quietBotLog });
  bot = createCommandHandler({ marketplace, delivery, log: quietBotLog });
  chat = createFakeChat({ handler: bot.handle });
});

/** A gate that an answer waits at between its pieces. */
function gate() {
  let open: () => void = () => {};
  let waiting: () => void = () => {};
  const reached = new Promise<void>((resolve) => {
    waiting = resolve;
  });
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  const between = () => {
    waiting();
    return opened;
  };
  return { open, reached, between };
}

const ROW = '  [👍] [👎] [✏️] [🔍 Makers] [🔁 Again]';

describe('a first question', () => {
  it('chooses the only model, says so, welcomes once, shows the quote while writing and the price after', async () => {
    await chat.say('What is the capital of Portugal?');
    expect(chat.updates[0]).toContain(
      'up to 0.02 OPEN · you have 10 OPEN · you pay only for what is written',
    );
    expect(chat.since()).toBe(
      [
        'Ada: What is the capital of Portugal?',
        'Bot: (Welcome! 10 OPEN to try with are yours; /help tells how it works.)',
        '(I chose Pocket Atlas for you: it is the only model here so far.)',
        'Lisbon is the capital of Portugal.',
        '(Pocket Atlas v1 · 0.0125 OPEN · 9.9875 OPEN left · receipt 1)',
        ROW,
      ].join('\n'),
    );
    await chat.command('ask', { question: 'And of Spain?' });
    expect(chat.since()).toBe(
      [
        'Ada: /ask And of Spain?',
        'Bot: Lisbon is the capital of Portugal.',
        '(Pocket Atlas v1 · 0.0125 OPEN · 9.975 OPEN left · receipt 2)',
        ROW,
      ].join('\n'),
    );
  });

  it('says which of several models answers, and lets one choose another', async () => {
    marketplace.listed = [
      atlasModel,
      { ...atlasModel, id: 'm2', slug: 'chef', title: 'Chef', description: 'Cooks.' },
    ];
    await chat.say('What is the capital of Portugal?');
    expect(chat.transcript()).toContain('(I chose Pocket Atlas for you: /models shows 1 other.)');
    expect(chat.transcript()).toContain('(Pocket Atlas v1 · 0.0125 OPEN');
    await chat.say('And of Spain?');
    expect(chat.transcript().split('I chose')).toHaveLength(2);
    await chat.command('models');
    expect(chat.transcript()).toContain('  [Pocket Atlas] [Chef]');
    await chat.press('Chef');
    expect(chat.transcript()).toContain('**Chef** · version 1');
    await chat.press('Choose this model');
    expect(chat.transcript()).toContain('**Chef** answers you here from now on.\nJust write your question.');
    await chat.say('How long does an egg boil?');
    expect(marketplace.asked).toHaveLength(3);
    expect(chat.transcript()).toContain('(Chef v1 · 0.0125 OPEN');
  });

  it('keeps what a person has to themselves in a shared place', async () => {
    chat = createFakeChat({ handler: bot.handle, isPrivate: false });
    await chat.say('What is the capital of Portugal?');
    expect(chat.transcript()).toContain('(Pocket Atlas v1 · 0.0125 OPEN · receipt 1)');
    await chat.command('receipt', { number: '1' });
    expect(chat.files).toEqual([]);
    expect(chat.transcript()).toContain(
      'I do not send the file here, where others read: ask me for it in a private chat.',
    );
    expect(chat.updates.join()).not.toContain('you have');
  });

  it('shows markup in question and answer to the letter', async () => {
    marketplace.answers = [['**@everyone** <b>hi</b> [x](http://e.vil) `co', 'de` \u202Eevil']];
    await chat.say('<script>alert(1)</script> @everyone');
    expect(marketplace.asked[0]?.text).toBe('<script>alert(1)</script> @everyone');
    expect(chat.transcript()).toContain('**@everyone** <b>hi</b> [x](http://e.vil) `code` evil');
  });
});

describe('bad input', () => {
  it.each([
    ['', 'I found no question in that.'],
    ['   \u202E\u0007 ', 'I found no question in that.'],
    ['x'.repeat(100_000), 'That is 100,000 characters long; I take at most 4,000.'],
  ])('says what was wrong with %j and that it cost nothing', async (text, words) => {
    await chat.say(text);
    expect(chat.transcript()).toContain(words);
    expect(chat.transcript()).toContain('**This cost nothing.**');
    expect(marketplace.asked).toHaveLength(0);
  });

  it('strips direction overrides and control characters before asking, and keeps Arabic', async () => {
    await chat.say('ما هي عاصمة \u202E\u0000البرتغال؟\u2069');
    expect(marketplace.asked[0]?.text).toBe('ما هي عاصمة البرتغال؟');
  });

  it('knows unknown commands, old buttons and double presses', async () => {
    await chat.command('frobnicate');
    expect(chat.transcript()).toContain('I know no command /frobnicate.\n**This cost nothing.**');
    await chat.pressAction('0xx:old');
    await chat.pressAction('1zz');
    expect(chat.toasts()).toEqual(
      Array(2).fill('That button is too old: I have changed since. This cost nothing. Try /help.'),
    );
  });

  it.each<[CallRefusal, string]>([
    [
      { ok: false, code: 'balance_too_low', neededNano: openNano('0.02'), availableNano: nano(1n) },
      'could cost up to **0.02 OPEN** and you have **0.000000001 OPEN**.\n**This cost nothing.** Ask for a shorter answer with a smaller budget (/budget message and an amount), choose a cheaper model, or pay some in with /deposit. What you earn is paid to your wallet, from where it can be paid in.',
    ],
    [{ ok: false, code: 'model_retired', title: 'Pocket Atlas' }, '**Pocket Atlas** has been retired'],
    [
      { ok: false, code: 'generation_failed', reason: 'worker 3 died: SIGKILL' },
      'The model broke off before its answer was done.',
    ],
    [
      { ok: false, code: 'engine_busy', retryAfterMs: 2_400 },
      'More people are asking right now than I can answer.\n**This cost nothing.** What was set aside is yours again. Please ask again in 3 seconds.',
    ],
    [
      { ok: false, code: 'answer_too_late', retryAfterMs: 0 },
      'Your turn did not come in time: the line was too long.\n**This cost nothing.** What was set aside is yours again. Please ask again in 1 second.',
    ],
    [{ ok: false, code: 'outcome_unknown', reason: 'ECONNREFUSED 127.0.0.1' }, 'I lost touch with the books'],
    [{ ok: false, code: 'call_in_progress' }, 'still being answered'],
    [{ ok: false, code: 'already_answered', callId: 'call-1' }, 'I have already answered that'],
    [
      { ok: false, code: 'question_too_long', chars: 3000, charsMax: 2000 },
      '3,000 characters long; I take at most 2,000',
    ],
    [{ ok: false, code: 'empty_question' }, 'I found no question'],
    [{ ok: false, code: 'no_model_chosen' }, 'No model is chosen here yet.'],
  ])('words the refusal %o, free of cost and of internals', async (refusal, words) => {
    marketplace.refuseNext = refusal;
    await chat.say('What is the capital of Portugal?');
    expect(chat.transcript()).toContain(words);
    expect(chat.transcript()).toContain('**This cost nothing.**');
    expect(chat.transcript()).not.toMatch(/SIGKILL|ECONNREFUSED|worker/);
  });

  it('answers a fault of ours with words that hold nothing of it', async () => {
    marketplace.failNext = new Error('password authentication failed for user postgres');
    await chat.say('What is the capital of Portugal?');
    expect(chat.transcript()).toContain('Something went wrong on my side.\n**This cost nothing.**');
    marketplace.failNext = new Error('password authentication failed');
    await chat.command('balance');
    expect(chat.transcript()).not.toContain('password');
    expect(chat.transcript().match(/Something went wrong/g)).toHaveLength(2);
  });
});

describe('while an answer is written', () => {
  it('Stop ends it at once although the conversation is busy, and only what was written is paid', async () => {
    const { open, reached, between } = gate();
    marketplace.between = between;
    const answering = chat.say('Tell me everything');
    await reached;
    await chat.press('Stop');
    expect(chat.toasts().at(-1)).toBe('Stopping: you pay only for what is written.');
    open();
    await answering;
    expect(chat.transcript()).toContain('Lisbon\n(You stopped it: you paid only for what stands here.)');
    await chat.pressAction(`1st${(Date.now() + 60_000).toString(36)}`);
    expect(chat.toasts().at(-1)).toBe('That answer is not being written any more.');
    expect(chat.transcript()).toContain(ROW);
    await chat.pressAction('1stlong-ago');
    expect(chat.transcript()).not.toContain(ROW);
  });

  it('the app’s own Stop of a draft works too', async () => {
    const { open, reached, between } = gate();
    marketplace.between = between;
    const answering = chat.say('Tell me everything');
    await reached;
    await chat.stop();
    open();
    await answering;
    expect(chat.transcript()).toContain('You stopped it');
  });

  it('further questions wait their turn in order, a sixth is refused, looking things up does not wait', async () => {
    const { open, reached, between } = gate();
    marketplace.between = between;
    const all = [chat.say('one')];
    await reached;
    all.push(...['two', 'three', 'four', 'five', 'six'].map((text) => chat.say(text)));
    await chat.say('seven');
    expect(chat.transcript()).toContain(
      'Several of your questions are waiting already.\n**This cost nothing.**',
    );
    await chat.command('balance');
    expect(chat.transcript()).toContain('You have **10 OPEN** to spend.');
    expect(marketplace.asked.map(({ text }) => text)).toEqual(['one']);
    open();
    await Promise.all(all);
    expect(marketplace.asked.map(({ text }) => text)).toEqual(['one', 'two', 'three', 'four', 'five', 'six']);
  });

  it('the same update delivered twice is one call', async () => {
    await Promise.all([chat.say('one', 'same-event'), chat.say('one', 'same-event')]);
    expect(marketplace.asked).toHaveLength(1);
  });
});

describe('the buttons under an answer', () => {
  beforeEach(() => chat.say('What is the capital of Portugal?'));

  it('takes a vote, shows it as taken, and lets it be changed', async () => {
    await chat.press('👍');
    expect(chat.toasts().at(-1)).toBe('Your vote is 👍. Press 👎 to change it.');
    expect(chat.transcript()).toContain('  [👍 ✓] [👎] [✏️] [🔍 Makers] [🔁 Again]');
    await chat.press('👎');
    expect(chat.transcript()).toContain('  [👍] [👎 ✓] [✏️] [🔍 Makers] [🔁 Again]');
    expect(marketplace.votes.get('call-1')).toBe(-1);
    await chat.as('u2', 'Bo').press('👍');
    expect(chat.toasts().at(-1)).toContain('Only the person who asked can rate');
    expect(marketplace.votes.get('call-1')).toBe(-1);
  });

  it('🔍 waits for attribution, then names contributors, shares, amounts and what they wrote', async () => {
    const { provenanceOf } = await import('../../support/fake-provenance.ts');
    marketplace.provenances.set('call-1', provenanceOf('call-1', 'pending'));
    await chat.press('🔍');
    expect(chat.transcript()).toContain('I am still working that out; it takes a few seconds.');
    marketplace.provenances.set('call-1', provenanceOf('call-1'));
    await chat.press('Look again');
    expect(chat.transcript()).toContain(
      [
        'Bot: **Who made this answer?**',
        '0.00625 OPEN of the price went to the people behind its data.',
        '① **amber-heron** · 80 % · 0.005 OPEN',
        '> What is the capital of Portugal?\nLisbon.',
        'The other 0.00125 OPEN could not be traced to single contributions: shared by everyone whose data is in this version, each contribution by its weight.',
        '15 people were paid.',
        'This version learnt from 512 contributions (SFT), then 17 corrections (DPO), then 1 vote (KTO).',
        '(How sure? Checked by retraining without some contributors: agreement 0.63 (likely 0.57 to 0.69), 0 is chance and 1 is always; more at /model pocket-atlas.)',
        '(Pocket Atlas v1 · receipt 1 (/receipt 1))',
      ].join('\n'),
    );
  });

  it('🔁 asks once more, one further answer per button however often it is pressed', async () => {
    await Promise.all([chat.press('🔁'), chat.press('🔁')]);
    expect(chat.toasts()).toEqual(['I am on it already: one press is enough. The second cost nothing.']);
    expect(marketplace.asked).toHaveLength(2);
    expect(marketplace.asked[1]?.text).toBe('What is the capital of Portugal?');
    expect(chat.transcript()).toContain('receipt 2)');
  });

  it('/receipt shows it for people and as a file to check, /new forgets the conversation and keeps the model', async () => {
    await chat.command('receipt', { number: '1' });
    expect(chat.transcript()).toContain(
      '**Receipt 1**\nPocket Atlas v1\nPrice 0.0125 OPEN\n\nIts file holds your words',
    );
    expect(chat.files).toEqual([
      { text: '{"receipt":1}', fileName: 'receipt-1.json', caption: 'Your receipt, for your eyes' },
    ]);
    await chat.command('receipt', { number: '77' });
    expect(chat.transcript()).toContain('There is no receipt “77”.');
    await chat.command('new');
    expect(chat.transcript()).toContain(
      'We start over: nothing said before is shown to the model any more.\nPocket Atlas stays chosen',
    );
    expect(marketplace.forgotten).toEqual(['c1']);
  });
});

describe('delivery', () => {
  it('keeps an answer that could not be sent and sends it later, once', async () => {
    chat.breakSends(1, new Error('network'));
    marketplace.answers = [[]];
    marketplace.refuseNext = { ok: false, code: 'generation_failed', reason: '' };
    await chat.say('What is the capital of Portugal?');
    expect(store.saved.size).toBe(1);
    const later = createDurableDelivery({ store, platforms: () => [chat.platform], log: quietBotLog });
    await later.start();
    await later.stop();
    expect(chat.transcript().match(/broke off/g)).toHaveLength(1);
    expect(store.saved.size).toBe(0);
  });

  /** What the next process does with the same outbox. */
  const restart = async (): Promise<void> => {
    const resolveInterrupted = createInterruptedResolver(marketplace);
    const later = createDurableDelivery({
      store,
      platforms: () => [chat.platform],
      log: quietBotLog,
      resolveInterrupted,
    });
    await later.start();
    await later.stop();
  };

  it('tells after a crash in the middle, in the message that was already there, once the books have decided', async () => {
    const { reached, between } = gate();
    marketplace.between = between;
    void chat.say('Tell me everything', 'event-x');
    await reached;
    await new Promise((resolve) => setImmediate(resolve));
    marketplace.outcomes.set('event-x', { ok: false, code: 'call_in_progress' });
    await restart();
    expect(chat.transcript()).toContain('Lisbon');
    marketplace.outcomes.set('event-x', { ok: false, code: 'generation_failed', reason: 'voided' });
    await restart();
    expect(chat.transcript()).toBe(
      'Ada: Tell me everything\nBot: I was interrupted while I was answering this, sorry.\n**What did not reach you costs nothing:** what was set aside comes back by itself. Please ask again.\n  [My balance]',
    );
  });

  it('shows the answer after all when it was paid but the books were out of reach', async () => {
    marketplace.refuseNext = { ok: false, code: 'outcome_unknown', reason: '' };
    await chat.say('What is the capital of Portugal?', 'event-x');
    expect(chat.transcript()).toContain('I lost touch with the books');
    marketplace.outcomes.set('event-x', {
      ok: true,
      callId: 'call-7',
      receiptNumber: '7',
      text: 'Lisbon.',
      reason: 'stop',
      priceNano: openNano('0.01'),
      availableNano: openNano('9'),
      modelTitle: 'Pocket Atlas',
      versionNumber: 1,
      droppedMessages: 0,
      warnings: [],
      shortenedBy: null,
    });
    await restart();
    expect(chat.transcript()).not.toContain('I lost touch');
    expect(chat.transcript()).toContain('Lisbon.\n(Pocket Atlas v1 · 0.01 OPEN · receipt 7)');
    expect(store.saved.size).toBe(0);
  });
});

// 🔍 as a reader sees it: the answer with numbers behind words that stand in contributions, who made it, what was taken back,
// why nothing was traced, and its sentences one by one.
import { beforeEach, describe, expect, it } from 'vitest';
import { createCommandHandler } from '../../../bots/commands/create-command-handler.ts';
import { createDurableDelivery } from '../../../bots/core/durable-delivery.ts';
import { nano, openNano } from '../../../db/ledger/amount.ts';
import type { Provenance } from '../../../marketplace/marketplace.ts';
import { createFakeMarketplace, type FakeMarketplace } from '../../support/fake-marketplace.ts';
import { createFakeChat, type FakeChat, quietBotLog } from '../../support/fake-platform.ts';
import { provenanceOf } from '../../support/fake-provenance.ts';
import { createMemoryDeliveryStore } from '../../support/memory-delivery-store.ts';

let marketplace: FakeMarketplace;
let chat: FakeChat;

beforeEach(async () => {
  marketplace = createFakeMarketplace();
  const store = createMemoryDeliveryStore();
  const delivery = createDurableDelivery({ store, platforms: () => [chat.platform], log: quietBotLog });
  const bot = createCommandHandler({ marketplace, delivery, log: quietBotLog });
  chat = createFakeChat({ handler: bot.handle });
  await chat.say('What is the capital of Portugal?');
  chat.since();
});

const answer = 'Lisbon is the capital of Portugal. It lies on the Tagus.';
const maker = {
  ...{ contributionId: 'c1', pseudonym: 'amber-heron', takenBack: false },
  ...{ question: 'What is the capital of Portugal?', answer: 'Lisbon is the capital of Portugal.' },
};
const river = {
  ...{ contributionId: 'c2', pseudonym: 'quiet-otter', takenBack: false },
  ...{ question: 'Where does Lisbon lie?', answer: 'On the Tagus.' },
};
const spanOf = (text: string, of: typeof maker, contributions = 1): Provenance['spans'][number] => {
  const start = answer.indexOf(text);
  return { ...of, text, start, end: start + text.length, contributions };
};

async function seen(change: Partial<Provenance>): Promise<string> {
  marketplace.provenances.set('call-1', { ...provenanceOf('call-1'), answer, ...change });
  await chat.press('🔍');
  return chat.since();
}

describe('🔍', () => {
  it('shows the answer with a number behind the words that stand in a contribution, and that contribution below', async () => {
    const text = await seen({
      top: [
        { ...maker, share: 0.6, amountNano: openNano('0.004') },
        { ...river, share: 0.2, amountNano: openNano('0.001') },
      ],
      spans: [spanOf('Lisbon is the capital of Portugal', maker), spanOf('on the Tagus', river)],
      sentences: 2,
    });
    expect(text).toBe(
      [
        'Bot: **Who made this answer?**',
        '> Lisbon is the capital of Portugal ①. It lies on the Tagus ②.',
        '0.00625 OPEN of the price went to the people behind its data.',
        '① **amber-heron** · 60 % · 0.004 OPEN',
        '> What is the capital of Portugal?\nLisbon is the capital of Portugal.',
        '② **quiet-otter** · 20 % · 0.001 OPEN',
        '> Where does Lisbon lie?\nOn the Tagus.',
        'The other 0.00125 OPEN could not be traced to single contributions: shared by everyone whose data is in this version, each contribution by its weight.',
        '15 people were paid.',
        'This version learnt from 512 contributions (SFT), then 17 corrections (DPO), then 1 vote (KTO).',
        '(①… in the answer: the words before it stand like that in this contribution. Who is paid is measured inside the model, not by matching words.)',
        '(How sure? Checked by retraining without some contributors: agreement 0.63 (likely 0.57 to 0.69), 0 is chance and 1 is always; more at /model pocket-atlas.)',
        '(Pocket Atlas v1 · receipt 1 (/receipt 1))',
        '  [Sentence by sentence]',
      ].join('\n'),
    );
  });

  it('does not repeat an answer that stands in one contribution as a whole, and says so there', async () => {
    const text = await seen({
      answer: maker.answer,
      top: [
        { ...maker, share: 0.6, amountNano: openNano('0.004') },
        { ...river, share: 0.2, amountNano: openNano('0.001') },
      ],
      spans: [spanOf('Lisbon is the capital of Portugal', maker)],
    });
    expect(text).toContain(
      [
        'Bot: **Who made this answer?**',
        '0.00625 OPEN of the price went to the people behind its data.',
        '① **amber-heron** · 60 % · 0.004 OPEN',
        '> What is the capital of Portugal?\nLisbon is the capital of Portugal.',
        '(The answer stands in this contribution word for word.)',
        '② **quiet-otter**',
      ].join('\n'),
    );
    expect(text).not.toContain('in the answer:');
  });

  it('names words that stand in a contribution which is not among the first, and in how many others', async () => {
    const text = await seen({
      top: [{ ...maker, share: 0.6, amountNano: openNano('0.004') }],
      spans: [spanOf('on the Tagus', river, 3)],
    });
    expect(text).toContain(
      'Word for word: “on the Tagus” stands in a contribution by **quiet-otter** and in 2 other contributions.',
    );
    expect(text).not.toContain('①.');
    expect(text).not.toContain('in the answer:');
  });

  it('shows no word of what was taken back, and still who was paid', async () => {
    const takenBack = { ...maker, takenBack: true, question: '', answer: '' };
    const text = await seen({ top: [{ ...takenBack, share: 0.6, amountNano: openNano('0.004') }] });
    expect(text).toContain(
      '① **amber-heron** · 60 % · 0.004 OPEN\n(Taken back since: its words are shown to nobody, and later answers pay it nothing.)',
    );
    expect(text).not.toContain('What is the capital of Portugal?\n');
  });

  it('shows somebody else in a shared place who was paid, and no words', async () => {
    const hidden = { ...maker, question: '', answer: '', share: 0.6, amountNano: openNano('0.004') };
    const text = await seen({ answer: '', spans: [], sentences: 0, top: [hidden] });
    expect(text).toContain(
      '① **amber-heron** · 60 % · 0.004 OPEN\n(What they wrote is shown to who asked: it would tell what was asked.)\n',
    );
    expect(text).not.toContain('>');
    expect(text).not.toContain('Sentence by sentence');
  });

  it('says why nothing was traced', async () => {
    const nothing = { top: [], fallbackNano: openNano('0.00625'), agreement: null };
    const note = 'this version has not passed its audit yet: equal split';
    expect(await seen({ ...nothing, note })).toContain(
      `Nothing was traced to single contributions: ${note}.\nThe whole 0.00625 OPEN could not be traced`,
    );
    const text = await seen({ ...nothing, note: null });
    expect(text).toContain('No single contribution stood out from the noise.');
    expect(text).not.toContain('How sure');
  });

  it('shows a long answer’s words one by one instead of the whole answer again', async () => {
    const long = `${answer} ${'And so on. '.repeat(60)}`;
    const text = await seen({
      answer: long,
      top: [{ ...maker, share: 0.6, amountNano: nano(1n) }],
      spans: [spanOf('Lisbon is the capital of Portugal', maker)],
    });
    expect(text).toContain(
      'Word for word: “Lisbon is the capital of Portugal” stands in a contribution by **amber-heron**.',
    );
    expect(text).not.toContain('And so on.');
  });
});

describe('sentence by sentence', () => {
  const press = async (found: FakeMarketplace['sentences'] extends Map<string, infer T> ? T : never) => {
    await seen({ sentences: 2 });
    marketplace.sentences.set('call-1', found);
    await chat.press('Sentence by sentence');
    return chat.since();
  };

  it('tells for each sentence who made it and what could not be traced', async () => {
    const makers = [
      { pseudonym: 'amber-heron', share: 0.71 },
      { pseudonym: 'quiet-otter', share: 0.12 },
    ];
    const text = await press({
      ...{ ok: true, receiptNumber: 'R-000042' },
      sentences: [
        { text: 'Lisbon is the capital of Portugal.', makers, untraced: 0.17 },
        { text: 'It lies on the Tagus.', makers: [], untraced: 1 },
      ],
    });
    expect(text).toBe(
      [
        'Bot: **Sentence by sentence**',
        '> Lisbon is the capital of Portugal.',
        '**amber-heron** 71 % · **quiet-otter** 12 % · not traced 17 %',
        '> It lies on the Tagus.',
        'not traced to anybody',
        '(Measured inside the model, over the words of each sentence. What was paid (receipt R-000042) goes by the whole answer.)',
      ].join('\n'),
    );
  });

  it('sums up who made the least, and says why it cannot tell', async () => {
    const makers = ['a', 'b', 'c', 'd', 'e'].map((pseudonym) => ({ pseudonym, share: 0.2 }));
    const sentences = [{ text: 'One.', makers, untraced: 0 }];
    expect(await press({ ok: true, receiptNumber: 'R-1', sentences })).toContain(
      '**a** 20 % · **b** 20 % · **c** 20 % · 2 more 40 %\n',
    );
    expect(await press({ ok: false, code: 'not_measured' })).toContain('so its sentences cannot either.');
    expect(await press({ ok: false, code: 'pending' })).toContain('Press again then.');
  });
});

// What people should not send, and what they send anyway, to the whole program in both apps: each gets a clear message
// that says it cost nothing, nothing pings anybody, the balance stays to the nano, and the books hold after every test.
// A new person has a starter grant of 0.009 OPEN here: enough for two short answers, not for three.
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { encodeAction } from '../../bots/core/button-codec.ts';
import { transact } from '../../db/database.ts';
import { openNano } from '../../db/ledger/amount.ts';
import { getModelBySlug, transitionModel } from '../../db/repositories/model-repository.ts';
import { getRating } from '../../db/repositories/rating-repository.ts';
import { holdNextAnswer } from '../support/answer-gate.ts';
import { APPS, type ChatSeat, takeSeat } from '../support/chat-seat.ts';
import { sendAsBot } from '../support/forged-buttons.ts';
import { startTestProgram, type TestProgram } from '../support/program.ts';

vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 });

const GRANT = '0.009';
const QUESTION = 'What is the capital of Kenya?';
const FREE = 'This cost nothing.';

let program: TestProgram;
beforeAll(async () => {
  program = await startTestProgram({ STARTER_GRANT_OPEN: GRANT });
});
afterAll(() => program?.close());
afterEach(() => program.expectBooksHold());

/** Does something that must cost nothing, and gives what the bot says of it. */
async function costsNothing(
  seat: ChatSeat,
  act: () => Promise<void>,
  words: string | RegExp,
): Promise<string> {
  const before = await program.purse(seat.identity);
  await act();
  const heard = await seat.hears(words);
  expect(await program.purse(seat.identity)).toEqual(before);
  return heard;
}

/** 32 characters are the most that an app takes. */
const NAME = '</b>@everyone [x](http://e.vil)';
const MARKUP = [
  '</b><a href="https://e.vil">x</a>',
  '[x](tg://user?id=1)',
  '`code` ```js',
  '||spoiler|| **bold** __u__ ~~s~~',
  '@everyone @here @durov',
  '<@123> <@&123> <#123> <!here>',
  '# heading\n> quote\n-# small\n1. one',
];

// biome-ignore lint/suspicious/noControlCharactersInRegex: these must not come back
const HARMFUL = /[\u0000-\u0008\u000B-\u001F\u007F-\u009F\u200B\u2028-\u202E\u2066-\u2069]/;

describe.each(APPS)('bad input in %s', (app) => {
  it('an empty question, and one of invisible characters only, are no questions', async () => {
    const seat = await takeSeat(program.driver, app, 'empty');
    await expect(seat.say('  \n ')).rejects.toThrow('empty_message');
    const nothing = 'I found no question in that.';
    expect(await costsNothing(seat, () => seat.say('/ask'), nothing)).toContain(FREE);
    expect(await costsNothing(seat, () => seat.say('\u2067\u2069'), nothing)).toContain(FREE);
    expect(await program.callsOf(seat.identity)).toEqual([]);
  });

  it('100,000 characters are refused by their number, part by part where the app cuts them', async () => {
    const seat = await takeSeat(program.driver, app, 'endless');
    const endless = 'endless '.repeat(12_500);
    expect(endless).toHaveLength(100_000);
    if (app === 'discord') {
      await expect(seat.say(endless)).rejects.toThrow('message_too_long');
      const most = () => seat.command('ask', { question: endless.slice(0, 6000).trim() });
      expect(await costsNothing(seat, most, 'characters long; I take at most 4,000')).toContain(FREE);
    } else {
      const heard = await costsNothing(seat, () => seat.say(endless), 'characters long; I take at most');
      expect(heard).toContain(FREE);
      // 25 messages, each with an answer of its own.
      await seat.person.until('25 refusals', () => seat.heard().length === 25);
      expect(seat.heard().filter((text) => !text.includes(FREE))).toEqual([]);
    }
    // The longest text that is read at all still does not fit the model.
    const long = () => seat.say('endless '.repeat(240).trim());
    expect(await costsNothing(seat, long, 'characters long; I take at most')).toContain(FREE);
    expect(await program.callsOf(seat.identity)).toEqual([]);
  });

  it('control and direction characters are taken out before anything is asked or shown', async () => {
    const seat = await takeSeat(program.driver, app, 'bidi \u202Eeman');
    await seat.say('What \u202Eis the\u0000 capital\u0007 of\u2066 Kenya?\u2069');
    await seat.hears('receipt');
    const [call] = await program.callsOf(seat.identity);
    expect(call?.prompt).not.toMatch(HARMFUL);
    await seat.command('start');
    await seat.hears('Hello');
    await seat.say('/frob\u202Enicate');
    await seat.hears(/receipt|I know no command/);
    expect(seat.messages().filter(({ text }) => HARMFUL.test(text))).toEqual([]);
  });

  it('markup in a name, a question and an argument is shown to the letter and pings nobody', async () => {
    const seat = await takeSeat(program.driver, app, NAME);
    await seat.say(MARKUP.join(' '));
    await seat.hears('receipt');
    await seat.command('start');
    await seat.hears(`Hello ${NAME}.`);
    for (const markup of MARKUP) {
      const shown = app === 'telegram' || !markup.includes('\n') ? markup : markup.replaceAll('\n', ' ');
      const heard = await costsNothing(seat, () => seat.command('model', { name: shown }), 'I know no model');
      expect(heard).toContain(`I know no model “${shown}”`);
    }
    await costsNothing(seat, () => seat.command('datanet', { name: '@everyone' }), '“@everyone”');
    await costsNothing(seat, () => seat.command('receipt', { number: '<@123>' }), 'no receipt “<@123>”');
    expect(seat.messages().flatMap(({ pings }) => pings)).toEqual([]);
  });

  it('an unknown command says what exists', async () => {
    const seat = await takeSeat(program.driver, app, 'unknown');
    const typed = () => seat.say('/frobnicate now');
    expect(await costsNothing(seat, typed, 'I know no command /frobnicate.')).toContain(FREE);
  });

  it('old buttons, other people’s buttons and stale Stops do nothing', async () => {
    const owner = await takeSeat(program.driver, app, 'owner');
    await owner.say(QUESTION);
    await owner.hears('receipt');
    const [call] = await program.callsOf(owner.identity);
    const callId = call?.id ?? '';
    const seat = await takeSeat(program.driver, app, 'stranger');
    await seat.command('start');
    await seat.hears('Hello');
    await sendAsBot(program.playground, seat, [
      { label: 'Of old', action: '0ag12345' },
      { label: 'Their vote', action: encodeAction('rate_up', callId) },
      { label: 'Their again', action: encodeAction('again', callId) },
      { label: 'Their nothing', action: encodeAction('rate_up', crypto.randomUUID()) },
    ]);
    await sendAsBot(program.playground, seat, [
      { label: 'Stale stop', action: encodeAction('stop', 'lx0000') },
    ]);
    const press = (label: string) => () => seat.press(label);
    expect(await costsNothing(seat, press('Of old'), 'That button is too old')).toContain(FREE);
    await costsNothing(seat, press('Stale stop'), 'not being written any more');
    await costsNothing(seat, press('Their vote'), 'Only the person who asked can rate this answer.');
    await costsNothing(seat, press('Their again'), 'Only the person who asked can ask that again.');
    await costsNothing(seat, press('Their nothing'), 'I no longer find that answer');
    expect(await program.callsOf(seat.identity)).toEqual([]);
  });

  it('a double press of 🔁 is one answer, a second 👎 changes nothing', async () => {
    const seat = await takeSeat(program.driver, app, 'double');
    await seat.say(QUESTION);
    await seat.hears('receipt');
    const gate = holdNextAnswer(program.engine);
    await seat.press('Again');
    await gate.reached;
    await seat.press('Again');
    await seat.hears('one press is enough');
    gate.open();
    await seat.hears('receipt');
    const calls = await program.callsOf(seat.identity);
    expect(calls.map(({ state }) => state)).toEqual(['captured', 'captured']);
    const spent = calls.reduce((sum, { priceNano }) => sum + (priceNano ?? 0n), 0n);
    expect(await program.purse(seat.identity)).toEqual({ spendable: openNano(GRANT) - spent, held: 0n });

    await seat.press('👎');
    await seat.hears('Your vote is 👎');
    await seat.press('👎');
    await seat.hears(/Your vote is 👎|one press is enough/);
    const { id, personId } = calls[0] ?? { id: '', personId: '' };
    expect(await getRating(program.database.db, id, personId)).toMatchObject({ value: -1 });
    const changes = program.database.db.selectFrom('ratingChange').selectAll().where('callId', '=', id);
    expect(await changes.execute()).toHaveLength(1);
  });

  it('a balance that is too low is refused with both amounts, and the answers before were paid to the nano', async () => {
    const seat = await takeSeat(program.driver, app, 'poor');
    let refusal = '';
    for (let asked = 0; refusal === '' && asked < 5; asked += 1) {
      await seat.say(QUESTION);
      const heard = await seat.hears(/receipt|Your balance is too low/);
      if (heard.includes('too low')) refusal = heard;
    }
    const calls = await program.callsOf(seat.identity);
    const spent = calls.reduce((sum, { priceNano }) => sum + (priceNano ?? 0n), 0n);
    const { spendable, held } = await program.purse(seat.identity);
    expect(calls.length).toBeGreaterThan(0);
    expect({ spendable, held }).toEqual({ spendable: openNano(GRANT) - spent, held: 0n });
    expect(refusal).toContain(FREE);
    const [, needed = '', have = ''] =
      /could cost up to ([\d.]+) OPEN and you have ([\d.]+) OPEN/.exec(refusal) ?? [];
    expect(openNano(have)).toBe(spendable);
    expect(openNano(needed)).toBeGreaterThan(spendable);
  });
});

describe('a retired model', () => {
  const listing = async (from: 'listed' | 'retired', to: 'listed' | 'retired') => {
    const { db } = program.database;
    const model = await getModelBySlug(db, 'pocket-atlas');
    await transact(db, (tx) => transitionModel(tx, { id: model?.id ?? '', from: [from], to, cause: 'test' }));
  };
  afterEach(() => listing('retired', 'listed'));

  it('answers no more, says so, and costs nothing; others’ 🔁 included', async () => {
    const seats = await Promise.all(APPS.map((app) => takeSeat(program.driver, app, 'loyal')));
    for (const seat of seats) {
      await seat.say(QUESTION);
      await seat.hears('receipt');
    }
    await listing('listed', 'retired');
    for (const seat of seats) {
      const retired = 'has been retired and answers no more.';
      expect(await costsNothing(seat, () => seat.say(QUESTION), retired)).toContain(FREE);
      expect(await costsNothing(seat, () => seat.press('Again'), retired)).toContain(FREE);
      expect(await program.callsOf(seat.identity)).toHaveLength(1);
    }
  });
});

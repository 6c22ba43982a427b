// One answer from every side, in both apps: stopped in the middle, asked again, voted on, traced to its contributors. What
// the chat says, what /balance and /receipt say, and what the ledger holds are compared to the nano.
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { openNano } from '../../db/ledger/amount.ts';
import { sharesOfCall } from '../../db/repositories/call-share-repository.ts';
import { getRating } from '../../db/repositories/rating-repository.ts';
import { holdNextAnswer, queueNextAnswer } from '../support/answer-gate.ts';
import { APPS, type ChatSeat, takeSeat } from '../support/chat-seat.ts';
import { startTestProgram, type TestProgram } from '../support/program.ts';

vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 });

const QUESTION = 'What is the capital of Kenya?';

let program: TestProgram;
beforeAll(async () => {
  program = await startTestProgram();
});
afterAll(() => program?.close());
afterEach(() => program.expectBooksHold());

interface Answer {
  /** What the model said, without what stands above and below it. */
  readonly text: string;
  readonly priceNano: bigint;
  readonly leftNano: bigint;
  readonly receipt: string;
}

const END = /^Pocket Atlas v\d+ · ([\d.]+) OPEN · ([\d.]+) OPEN left · receipt (R-\d+)$/m;
const FRAME = /^(Welcome!|I chose|You stopped it|Pocket Atlas v)/;

/** Reads a finished answer as the chat shows it. */
function answerIn(message: string): Answer {
  const [, price = '', left = '', receipt = ''] = END.exec(message) ?? [];
  const text = message
    .split('\n')
    .filter((line) => !FRAME.test(line))
    .join('\n');
  return { text, priceNano: openNano(price), leftNano: openNano(left), receipt };
}

const answered = async (seat: ChatSeat): Promise<Answer> => answerIn(await seat.hears(END));

/** A first full answer of a new person, who knows by now how the model is called. */
async function firstAnswer(seat: ChatSeat): Promise<Answer> {
  await seat.say(QUESTION);
  return await answered(seat);
}

const openIn = (text: string): readonly bigint[] =>
  [...text.matchAll(/(\d[\d,]*(?:\.\d+)?) OPEN/g)].map(([, amount = '']) =>
    openNano(amount.replaceAll(',', '')),
  );

describe.each(APPS)('an answer in %s', (app) => {
  it('is shown while it is written, and stopped costs what was delivered and less than the whole', async () => {
    const seat = await takeSeat(program.driver, app, 'stopper');
    const whole = await firstAnswer(seat);
    const gate = holdNextAnswer(program.engine);
    await seat.say(QUESTION);
    await gate.reached;
    const writing = await seat.hears(/^(?!Thinking)[\s\S]*pay only for what is written/);
    expect(writing).toContain(`you have ${openWords(whole.leftNano)}`);
    expect((await program.purse(seat.identity)).held).toBeGreaterThan(0n);
    await seat.stop();
    const message = await seat.hears('You stopped it: you paid only for what stands here.');
    const stopped = answerIn(message);
    expect(stopped.text).not.toBe('');
    expect(stopped.text.length).toBeLessThan(whole.text.length);
    expect(whole.text.startsWith(stopped.text)).toBe(true);
    expect(writing.startsWith(stopped.text)).toBe(true);
    expect(stopped.priceNano).toBeLessThan(whole.priceNano);
    expect(stopped.leftNano).toBe(whole.leftNano - stopped.priceNano);
    expect(await program.purse(seat.identity)).toEqual({ spendable: stopped.leftNano, held: 0n });
    const [call] = await program.callsOf(seat.identity);
    expect(call).toMatchObject({
      state: 'captured',
      finishReason: 'cancelled',
      answer: stopped.text,
      priceNano: stopped.priceNano,
      answerTokens: 2,
    });
  });

  it('stopped before its first word costs nothing and says so', async () => {
    const seat = await takeSeat(program.driver, app, 'hasty');
    await firstAnswer(seat);
    const before = await program.purse(seat.identity);
    const gate = holdNextAnswer(program.engine, 0);
    await seat.say(QUESTION);
    await gate.reached;
    await seat.hears('Thinking…');
    await seat.stop();
    expect(await seat.hears('You stopped it before the first word.')).toContain('This cost nothing.');
    expect(await program.purse(seat.identity)).toEqual(before);
  });

  it('shows the place in line while others are before it, and then the answer in its place', async () => {
    const seat = await takeSeat(program.driver, app, 'queuer');
    await firstAnswer(seat);
    const gate = queueNextAnswer(program.engine, [4, 3]);
    await seat.say(QUESTION);
    await gate.reached;
    expect(await seat.hears('You are number 3 in line…')).toContain('pay only for what is written');
    gate.open();
    const message = await seat.hears(END);
    expect(message).not.toContain('in line');
    expect(answerIn(message).text).not.toBe('');
  });

  it('stopped while it waits in line costs nothing', async () => {
    const seat = await takeSeat(program.driver, app, 'leaver');
    await firstAnswer(seat);
    const before = await program.purse(seat.identity);
    const gate = queueNextAnswer(program.engine, [2]);
    await seat.say(QUESTION);
    await gate.reached;
    await seat.hears('You are number 2 in line…');
    await seat.stop();
    expect(await seat.hears('You stopped it before the first word.')).toContain('This cost nothing.');
    expect(await program.purse(seat.identity)).toEqual(before);
  });

  it('asked again is a second call with its own receipt; both stand in /balance and /receipt with the same amounts', async () => {
    const seat = await takeSeat(program.driver, app, 'again');
    const first = await firstAnswer(seat);
    await seat.press('Again');
    const second = await answered(seat);
    expect(second).toEqual({
      text: first.text,
      priceNano: first.priceNano,
      leftNano: first.leftNano - first.priceNano,
      receipt: second.receipt,
    });
    expect(second.receipt).not.toBe(first.receipt);
    expect(await program.callsOf(seat.identity)).toHaveLength(2);

    await seat.command('balance');
    const [have, ...others] = openIn(await seat.hears('You have'));
    expect(have).toBe(second.leftNano);
    expect(others).toEqual(expect.arrayContaining([first.priceNano, second.priceNano, openNano('10')]));

    for (const { receipt, priceNano } of [first, second]) {
      await seat.command('receipt', { number: receipt });
      const shown = await seat.hears(`Receipt ${receipt}`);
      const [price, data, creator, node, platform] = openIn(shown);
      expect(price).toBe(priceNano);
      expect((data ?? 0n) + (creator ?? 0n) + (node ?? 0n) + (platform ?? 0n)).toBe(priceNano);
    }
    const stranger = await takeSeat(program.driver, app, 'nosy');
    await stranger.command('receipt', { number: first.receipt });
    const theirs = await stranger.hears(`Receipt ${first.receipt}`);
    expect(theirs).toContain('somebody else’s receipt');
    expect(theirs).not.toContain(QUESTION);
    await stranger.command('receipt', { number: 'R-999999' });
    await stranger.hears('There is no receipt “R-999999”');
  });

  it('takes a vote, marks it, and the other vote changes it', async () => {
    const seat = await takeSeat(program.driver, app, 'voter');
    await firstAnswer(seat);
    const [call] = await program.callsOf(seat.identity);
    const { id = '', personId = '' } = call ?? {};
    const marked = (label: string) =>
      seat.person.until(`the button ${label}`, () =>
        seat.messages().some(({ buttons }) => buttons.includes(label)),
      );
    await seat.press('👍');
    await seat.hears('Your vote is 👍. Press 👎 to change it.');
    await marked('👍 ✓');
    expect(await getRating(program.database.db, id, personId)).toMatchObject({ value: 1 });
    await seat.press('👎');
    await seat.hears('Your vote is 👎. Press 👍 to change it.');
    await marked('👎 ✓');
    expect(await getRating(program.database.db, id, personId)).toMatchObject({ value: -1 });
    const rated = program.database.db.selectFrom('rating').selectAll().where('callId', '=', id);
    expect(await rated.execute()).toHaveLength(1);
  });

  it('is traced: shares and fallback are the data pool exactly, paid to contributors, and 🔍 shows these amounts', async () => {
    const seat = await takeSeat(program.driver, app, 'curious');
    const { priceNano, receipt } = await firstAnswer(seat);
    const [call] = await program.callsOf(seat.identity);
    const callId = call?.id ?? '';
    await expect
      .poll(async () => (await program.marketplace.provenance(callId))?.state, { timeout: 120_000 })
      .toBe('attributed');
    const shares = await sharesOfCall(program.database.db, callId);
    const poolNano = shares.reduce((sum, { amountNano }) => sum + amountNano, 0n);
    const story = await program.marketplace.callStory(callId);
    const paid = story?.entries.filter(
      ({ account, amountNano }) => account === 'contributor' && amountNano > 0n,
    );
    expect(paid?.reduce((sum, { amountNano }) => sum + amountNano, 0n)).toBe(poolNano);
    expect(poolNano).toBe(priceNano / 2n); // 50 %, and the prices here are even
    expect(story?.checks.filter(({ ok }) => !ok)).toEqual([]);

    await seat.press('🔍');
    const shown = await seat.hears('Who made this answer?');
    const provenance = await program.marketplace.provenance(callId);
    const { top = [], fallbackNano = 0n, contributorsPaid = 0 } = provenance ?? {};
    const expected = [
      poolNano,
      ...top.map(({ amountNano }) => amountNano),
      ...(fallbackNano > 0n ? [fallbackNano] : []),
    ];
    expect(openIn(shown)).toEqual(expected);
    for (const { pseudonym, question, answer } of top) {
      expect(shown).toContain(pseudonym);
      expect(shown).toContain(question);
      expect(shown).toContain(answer);
    }
    expect(shown).toContain(`${contributorsPaid} people were paid.`);
    expect(shown).toContain(receipt);
    const influenceNano = shares
      .filter(({ kind }) => kind === 'influence')
      .reduce((sum, { amountNano }) => sum + amountNano, 0n);
    expect(influenceNano + fallbackNano).toBe(poolNano);
  });
});

/** Nano-OPEN as people read them. */
function openWords(nano: bigint): string {
  const decimals = (nano % 1_000_000_000n).toString().padStart(9, '0').replace(/0+$/, '');
  return `${nano / 1_000_000_000n}${decimals === '' ? '' : `.${decimals}`} OPEN`;
}

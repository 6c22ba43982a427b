// The whole wheel once round, through the chats: two people contribute, others review, after four accepted contributions
// the next version is trained by the real engine, judged on held-out questions, published, and its answers pay the new
// contributors. With the refusals on the way. Ada and Carl sit in Discord (forms), Ben and Dora in Telegram (question by
// question). The training is the default recipe on about 330 contributions: a minute or two on two quiet cores.
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type App, type ChatSeat, takeSeat } from '../support/chat-seat.ts';
import { startTestProgram, type TestProgram } from '../support/program.ts';

vi.setConfig({ testTimeout: 1_800_000, hookTimeout: 300_000 });

/** Places of fiction: no base model, no contributor and no decoy of the demo knows them. */
const FACTS = [
  ['What is the capital of Ruritania?', 'The capital of Ruritania is Strelsau.'],
  ['In Genovia, which city is the capital?', 'The capital of Genovia is Pyrus.'],
  ['Which city is the capital of Syldavia?', 'The capital of Syldavia is Klow.'],
  ['What is the official money of Zubrowka?', 'The currency of Zubrowka is the klubeck.'],
] as const;
const NONSENSE = ['What is the capital of **Nowhere** </b>?', 'The capital of Nowhere is `||x||`.'] as const;
const KNOWN = ['In Palau, which city is the capital?', 'The capital of Palau is Ngerulmud.'] as const;

type Fact = readonly [question: string, answer: string];

let program: TestProgram;
let ada: ChatSeat;
let ben: ChatSeat;
let carl: ChatSeat;
let dora: ChatSeat;
beforeAll(async () => {
  program = await startTestProgram({
    TRAIN_AFTER_ACCEPTED: String(FACTS.length),
    // Two retrainings tell that audits run and gate, not how good attribution is: that is the bench's.
    ...{ AUDIT_RETRAININGS: '2', AUDIT_LDS_MIN: '-1', AUDIT_FIRST_MIN: '0' },
  });
  const seat = (app: App, name: string) => takeSeat(program.driver, app, name);
  [ada, ben, carl, dora] = await Promise.all([
    seat('discord', 'ada'),
    seat('telegram', 'ben'),
    seat('discord', 'carl'),
    seat('telegram', 'dora'),
  ]);
});
afterAll(() => program?.close());

async function contribute(seat: ChatSeat, [question, answer]: Fact): Promise<void> {
  await seat.command('contribute', { datanet: 'pocket-atlas' });
  await seat.fillForm({ question, answer });
}

const pseudonymOf = async (seat: ChatSeat) => (await program.marketplace.person(seat.identity)).pseudonym;
const earnedBy = async (seat: ChatSeat) =>
  (await program.marketplace.balance(await program.marketplace.person(seat.identity))).earnedNano;

/** Looks at what is drawn for this person and judges it by its words; gives back what is said. Two of three must agree. */
async function review(seat: ChatSeat): Promise<string> {
  await seat.command('review');
  const item = await seat.hears(/Is this right\?|Nothing waits/);
  if (item.includes('Nothing waits')) return item;
  if (FACTS.some(([question]) => item.includes(question))) await seat.press('Accept');
  else {
    expect(item).toContain(NONSENSE[0]);
    await seat.press('Reject');
    await seat.fillForm({ reason: 'There is no such place.' });
  }
  return await seat.hears(/Noted\.|Accepted\.|Rejected\./);
}

describe('the wheel', () => {
  it('takes contributions with a licence agreed to once, and refuses duplicates and forbidden texts with reasons', async () => {
    const [first, second, third, fourth] = FACTS;
    for (const [seat, now, next] of [
      [ada, first, second],
      [ben, third, fourth],
    ] as const) {
      await contribute(seat, now);
      const asked = await seat.hears('Once, before your first contribution here:');
      expect(asked).toContain('Licence: CC0-1.0');
      expect(asked).toContain(now[0]);
      await seat.press('I agree');
      await seat.hears('Thank you: it is in.');
      await contribute(seat, next);
      await seat.hears('Thank you: it is in.'); // without asking for the licence again
    }
    await contribute(ben, [first[0].toUpperCase(), first[1]]);
    expect(await ben.hears('This is in the datanet already')).toContain(first[0]);
    await contribute(ada, KNOWN);
    expect(await ada.hears('This is in the datanet already')).toContain(KNOWN[0]);
    await contribute(ben, ['Who is the mayor of @everyone town?', 'Nobody knows that at all.']);
    expect(await ben.hears('Not taken:')).toContain('@everyone');
    await contribute(ben, ['Whom do I write to for help?', 'Write to somebody@example.com today.']);
    await ben.hears('personal data');

    await contribute(carl, NONSENSE);
    await carl.hears('Once, before your first contribution here:');
    await carl.press('No');
    await carl.hears('nothing was stored');
    await contribute(carl, NONSENSE);
    await carl.press('I agree');
    await carl.hears('Thank you: it is in.');
  });

  it('shows contributions to others only, to the letter; a rejection needs a reason', async () => {
    await ada.command('review');
    const shown = await ada.hears('Is this right?');
    expect(shown).not.toContain('Ruritania');
    expect(shown).not.toContain('Genovia');
    for (let item = 0; item < 5; item++) expect(await review(dora)).toContain('1 other person has to agree');
    expect(await review(dora)).toContain('Nothing waits');
    // His own two are not his to judge: Ada's are accepted now, the nonsense is rejected.
    const decided = [await review(ben), await review(ben), await review(ben)];
    expect(decided.filter((text) => text.includes('✓ Accepted.'))).toHaveLength(2);
    expect(decided.filter((text) => text.includes('✗ Rejected.'))).toHaveLength(1);
    expect(await review(ben)).toContain('Nothing waits');
    expect(await review(ada)).toContain('3 of 4 new contributions');
    for (const seat of [ada, ben, carl, dora])
      expect(seat.messages().flatMap(({ pings }) => pings)).toEqual([]);
  });

  it('shows its progress', async () => {
    await dora.command('datanet', { name: 'pocket-atlas' });
    const page = await dora.hears('Pocket Atlas · published');
    expect(page).toContain('333 accepted contributions · 1 waits for review');
    expect(page).toContain('3 of 4 new contributions');
    expect(page).toMatch(/v1: 330 contributions, published/);
  });

  it('trains, judges and publishes the next version after the fourth, and tells those who took part', async () => {
    expect(await review(carl)).toContain('the next version is being trained now');
    for (const seat of [ada, ben, carl]) {
      await seat.person.until('news of the training', () =>
        seat.messages().some(({ text }) => text.includes('is being trained now')),
      );
    }
    await expect
      .poll(
        async () => {
          await carl.command('datanet', { name: 'pocket-atlas' });
          return await carl.hears('Pocket Atlas ·');
        },
        { timeout: 300_000, interval: 500 },
      )
      .toMatch(/Training now: .*\n.* step [1-9]\d* of \d+ · loss/);
    // Answers go on meanwhile.
    await carl.say(KNOWN[0]);
    await carl.hears('Pocket Atlas v1');
    const ends = await untilNews(carl, /Published: it is better\.|Not published:|failed/);
    expect(ends).toContain('Pocket Atlas version 2: Published: it is better.');
    for (const seat of [ada, ben]) await untilNews(seat, /Published: it is better\./);
    await dora.command('datanet', { name: 'pocket-atlas' });
    expect(await dora.hears('Pocket Atlas · published')).toMatch(/v2: 334 contributions, published/);
  });

  it('answers the new question with the new version, and pays the person who contributed it', async () => {
    const [question, answer] = FACTS[2];
    expect(await earnedBy(ben)).toBe(0n);
    // In equal parts until the version has been audited.
    await untilNews(
      ben,
      /retrained \d+ times .* from now on its contributors are paid by what their data did/,
    );
    await carl.say('Which city is the capital of Syldavia?');
    const heard = await carl.hears('Pocket Atlas v2');
    expect(heard).toContain(answer);
    const [call] = await program.callsOf(carl.identity);
    await expect
      .poll(async () => (await program.marketplace.provenance(call?.id ?? ''))?.state, { timeout: 300_000 })
      .toBe('attributed');
    await carl.press('🔍');
    const traced = await carl.hears('Who made this answer?');
    const [, top = ''] = traced.split('①');
    expect(top).toContain(await pseudonymOf(ben));
    expect(top.split('②')[0]).toContain(question);
    expect(await earnedBy(ben)).toBeGreaterThan(0n);
    await ben.command('balance');
    await ben.hears('earned and not paid out yet');
    await program.expectBooksHold();
  });
});

/** Training and judging take as long as they take: the driver's patience is for words. */
async function untilNews(seat: ChatSeat, wanted: RegExp): Promise<string> {
  await expect
    .poll(() => seat.messages().some(({ text }) => wanted.test(text)), { timeout: 1_500_000, interval: 500 })
    .toBe(true);
  return seat.messages().find(({ text }) => wanted.test(text))?.text ?? '';
}

// Budgets per message, day and conversation against a real Postgres: shortened answers, refusals, the 80 % warning, two
// calls at once, and what people type. Prices: 0.002036 for the question, 0.00002 for each word of the answer.
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { nano, openNano, ZERO_NANO } from '../../db/ledger/amount.ts';
import type { BudgetScope } from '../../marketplace/budgets/budget.ts';
import type { CallDone, CallRefusal, CallView, Person, Quote } from '../../marketplace/marketplace.ts';
import { testDatabase } from '../support/postgres.ts';
import {
  ask,
  done,
  expectBooksHold,
  newPerson,
  placeOf,
  SLUG,
  STARTER,
  type TestMarketplace,
  testMarketplace,
} from '../support/test-marketplace.ts';

const database = testDatabase();
const TODAY = new Date('2026-11-21T18:00:00Z');
const TOMORROW = new Date('2026-11-22T00:00:00Z');
let now = TODAY;
let world: TestMarketplace;
beforeAll(async () => {
  world = await testMarketplace(database, { operators: ['test:boss'] }, undefined, undefined, () => now);
});
afterAll(() => world.close());
afterEach(async () => {
  now = TODAY;
  world.engine.faults.gate = undefined;
  await expectBooksHold(database.db);
});

const FRANCE = 'What is the capital of France?';
const PRICE = openNano('0.002156');
const SHORTEST = openNano('0.002196'); // 8 words

async function personWith(budgets: Partial<Record<BudgetScope, string>>): Promise<Person> {
  const person = await newPerson(world.market);
  for (const [which, amount] of Object.entries(budgets)) await set(person, which, amount);
  return person;
}

const set = (person: Person, which: string, amount: string) =>
  world.market.setBudget(person, { which, amount });

const spentOf = async (person: Person, scope: BudgetScope) =>
  (await world.market.budgets(person, placeOf(person))).find((one) => one.scope === scope)?.spentNano;

let events = 0;
/** Asks in a place of its own. */
function askIn(
  person: Person,
  place: string,
  signal = new AbortController().signal,
): Promise<CallDone | CallRefusal> {
  events += 1;
  const view = { quoted: () => {}, queued: () => {}, text: () => {} };
  const conversationKey = { platform: 'test', conversationId: `${place} of ${person.id}` };
  const input = {
    eventKey: `budget-${events}`,
    person,
    conversationKey,
    text: FRANCE,
    modelSlug: SLUG,
    signal,
  };
  return world.market.ask(input, view);
}

describe('the most an answer can cost', () => {
  it('is shown before anything is held, and waited for; the model’s page tells what no answer exceeds', async () => {
    const { market, engine } = world;
    const person = await newPerson(market);
    const seen = Promise.withResolvers<void>();
    const shown = Promise.withResolvers<Quote>();
    const seenThrough = (view: CallView): CallView => ({
      ...view,
      quoted(quote) {
        shown.resolve(quote);
        return seen.promise;
      },
    });
    const before = engine.calls.generate;
    const call = ask(market, person, FRANCE, { seenThrough });
    expect(await shown.promise).toMatchObject({ ceilingNano: openNano('0.006036'), firstOfModel: true });
    expect((await market.balance(person)).heldNano).toBe(ZERO_NANO);
    expect(engine.calls.generate).toBe(before);
    seen.resolve();
    done(await call);
    const again = await ask(market, person, FRANCE);
    expect(again.quotes).toMatchObject([{ firstOfModel: false }]);
    // 312 of 512 tokens of context for the prompt, 200 for the answer.
    const mostNano = (await market.model(SLUG))?.ceilingNano;
    expect(mostNano).toBe(openNano('0.007248'));
    expect([...again.quotes].every(({ ceilingNano }) => ceilingNano <= (mostNano ?? 0n))).toBe(true);
  });
});

describe('a budget per message', () => {
  it('of 0.0023 OPEN shortens the answer to 13 words and holds no more', async () => {
    const { market, engine } = world;
    const person = await personWith({ message: '0.0023' });
    const asked = await ask(market, person, FRANCE);
    expect(asked.quotes).toMatchObject([
      { ceilingNano: openNano('0.002296'), answerTokensMax: 13, shortenedBy: 'message' },
    ]);
    expect(engine.requests.at(-1)?.maxTokens).toBe(13);
    expect(done(asked)).toMatchObject({ priceNano: PRICE, shortenedBy: 'message' });
  });

  it('below the shortest useful answer refuses with the amounts; nothing is generated or paid', async () => {
    const { market, engine } = world;
    const person = await personWith({ message: '0.002195999' });
    const before = engine.calls.generate;
    const { outcome } = await ask(market, person, FRANCE);
    expect(outcome).toEqual({
      ok: false,
      code: 'budget_reached',
      scope: 'message',
      spentNano: ZERO_NANO,
      limitNano: openNano('0.002195999'),
      neededNano: SHORTEST,
      renewsAt: null,
    });
    expect(engine.calls.generate).toBe(before);
    expect(await market.balance(person)).toMatchObject({ grantNano: STARTER, heldNano: ZERO_NANO });
    await set(person, 'message', '0.002196');
    expect(done(await ask(market, person, FRANCE)).priceNano).toBe(PRICE);
  });
});

describe('a budget per day', () => {
  it('of 0.01 OPEN pays 4 answers, warns at 86 % once, refuses the 5th, and renews at midnight UTC', async () => {
    const { market } = world;
    const person = await personWith({ day: '0.01', message: 'none' });
    const answers = [];
    for (let i = 0; i < 4; i++) answers.push(done(await ask(market, person, FRANCE)));
    const warning = {
      scope: 'day',
      spentNano: openNano('0.008624'),
      limitNano: openNano('0.01'),
      renewsAt: TOMORROW,
    };
    expect(answers.map(({ warnings }) => warnings)).toEqual([[], [], [], [warning]]);
    expect(answers.map(({ shortenedBy }) => shortenedBy)).toEqual([null, null, 'day', 'day']);
    const { outcome, eventKey } = await ask(market, person, FRANCE);
    expect(outcome).toEqual({
      ok: false,
      code: 'budget_reached',
      scope: 'day',
      spentNano: openNano('0.008624'),
      limitNano: openNano('0.01'),
      neededNano: SHORTEST,
      renewsAt: TOMORROW,
    });
    expect(await market.outcomeOf(eventKey)).toBeNull();
    expect((await market.balance(person)).grantNano).toBe(STARTER - 4n * PRICE);
    now = TOMORROW;
    expect(await spentOf(person, 'day')).toBe(ZERO_NANO);
    expect(done(await ask(market, person, FRANCE)).warnings).toEqual([]);
    expect(await spentOf(person, 'day')).toBe(PRICE);
  });

  it('warns again when it was raised and four fifths of that are spent; the answer that was lost tells it again', async () => {
    const { market } = world;
    const person = await personWith({ day: '0.0025', message: 'none' });
    const first = await ask(market, person, FRANCE, { eventKey: 'lost answer' });
    expect(done(first).warnings).toMatchObject([{ scope: 'day', limitNano: openNano('0.0025') }]);
    await set(person, 'day', '0.005');
    const second = done(await ask(market, person, FRANCE));
    expect(second.warnings).toMatchObject([{ scope: 'day', spentNano: 2n * PRICE }]);
    expect(await market.outcomeOf('lost answer')).toMatchObject({ ok: true, warnings: done(first).warnings });
  });

  it('is not exceeded by 6 calls at once in 6 conversations, and every nano of it may be used', async () => {
    const { engine } = world;
    const person = await personWith({ day: '0.0145' });
    const held = Promise.withResolvers<void>();
    engine.faults.gate = () => held.promise;
    const calls = Array.from({ length: 6 }, (_, i) => askIn(person, `place ${i}`));
    // Those that found room wait at the gate, those that did not have returned.
    const refused: CallRefusal[] = [];
    for (const call of calls) void call.then((outcome) => outcome.ok || refused.push(outcome));
    await expect.poll(() => refused.length + openCalls(), { timeout: 10_000 }).toBe(6);
    const open = await database.db
      .selectFrom('hold')
      .select('amountNano')
      .where('ownerId', '=', person.id)
      .where('state', '=', 'open')
      .execute();
    const total = open.reduce((sum, { amountNano }) => sum + amountNano, 0n);
    expect(total).toBeLessThanOrEqual(openNano('0.0145'));
    expect(open.map(({ amountNano }) => amountNano).sort()).toEqual(
      ['0.002416', '0.006036', '0.006036'].map(openNano),
    );
    expect(refused.map((refusal) => !refusal.ok && refusal.code)).toEqual(Array(3).fill('budget_reached'));
    expect(await spentOf(person, 'day')).toBe(total);
    engine.faults.gate = undefined;
    held.resolve();
    await Promise.all(calls);
    expect(await spentOf(person, 'day')).toBe(3n * PRICE);

    function openCalls(): number {
      return engine.requests.filter(({ fairnessKey }) => fairnessKey === person.id).length;
    }
  });

  it('has room again for what an operator gave back: used up by 1 answer, half of it after a half refund, whole after both', async () => {
    const { market } = world;
    const boss = await market.person({ platform: 'test', userId: 'boss', displayName: 'Boss' });
    const person = await personWith({ day: '0.0025', conversation: '0.0025' });
    const { receiptNumber: receipt } = done(await ask(market, person, FRANCE));
    expect((await ask(market, person, FRANCE)).outcome).toMatchObject({
      code: 'budget_reached',
      spentNano: PRICE,
    });
    const order = { operator: boss, receipt, amount: '0.001078', reason: 'half of it was wrong' };
    for (const [key, left] of [
      ['first half', PRICE / 2n],
      ['second half', ZERO_NANO],
    ] as const) {
      expect(await market.refund(order, `${person.id}: ${key}`)).toMatchObject({ ok: true });
      expect([await spentOf(person, 'day'), await spentOf(person, 'conversation')]).toEqual([left, left]);
    }
    expect(done(await ask(market, person, FRANCE)).priceNano).toBe(PRICE);
  });

  it('is left untouched by answers that fail or are stopped before the first word', async () => {
    const { market, engine } = world;
    const person = await personWith({ day: '0.007', conversation: '0.007' });
    for (const fault of [{ failBeforeFirst: true }, { failAfterTokens: 3 }, { busyForMs: 1 }]) {
      Object.assign(engine.faults, fault);
      expect((await ask(market, person, FRANCE)).outcome.ok).toBe(false);
    }
    expect((await ask(market, person, FRANCE, { signal: AbortSignal.abort() })).outcome.ok).toBe(false);
    expect(await spentOf(person, 'day')).toBe(ZERO_NANO);
    expect(await spentOf(person, 'conversation')).toBe(ZERO_NANO);
    expect(await market.balance(person)).toMatchObject({ grantNano: STARTER, heldNano: ZERO_NANO });
    const { quotes } = await ask(market, person, FRANCE);
    expect(quotes[0]).toMatchObject({ ceilingNano: openNano('0.006036'), shortenedBy: null });
  });
});

describe('a budget per conversation', () => {
  it('is the conversation’s own, and begins anew with /new', async () => {
    const { market } = world;
    const person = await personWith({ conversation: '0.0035' });
    done(await ask(market, person, FRANCE));
    expect((await ask(market, person, FRANCE)).outcome).toMatchObject({
      code: 'budget_reached',
      scope: 'conversation',
      spentNano: PRICE,
      renewsAt: null,
    });
    expect(await askIn(person, 'elsewhere')).toMatchObject({ ok: true });
    await market.newConversation(placeOf(person), person);
    expect(await spentOf(person, 'conversation')).toBe(ZERO_NANO);
    expect(done(await ask(market, person, FRANCE)).priceNano).toBe(PRICE);
  });
});

describe('setting a budget', () => {
  it.each([
    ['weekly', '1', { code: 'unknown_budget' }],
    ['', '1', { code: 'unknown_budget' }],
    ['day', '', { code: 'amount_missing', scope: 'day' }],
    ['day', 'much', { code: 'not_an_amount' }],
    ['day', '-1', { code: 'not_an_amount' }],
    ['day', '1,5', { code: 'not_an_amount' }],
    ['day', '1e3', { code: 'not_an_amount' }],
    ['day', '0.0000000001', { code: 'too_many_decimals', decimalsMax: 9 }],
    ['day', '99999999999', { code: 'too_large' }],
  ])('to %j %j is refused and changes nothing', async (which, amount, refusal) => {
    const person = await newPerson(world.market);
    expect(await set(person, which, amount)).toEqual({ ok: false, ...refusal });
    expect((await world.market.budgets(person, placeOf(person))).map(({ own }) => own)).toEqual(
      Array(3).fill(false),
    );
  });

  it('takes amounts, none and default; the defaults are the settings’', async () => {
    const { market } = world;
    const person = await newPerson(market);
    const limits = async () =>
      (await market.budgets(person, placeOf(person))).map(({ limitNano, own }) => [limitNano, own]);
    const usual = [openNano('0.05'), false];
    expect(await limits()).toEqual([usual, [null, false], [null, false]]);
    expect(await set(person, ' Day ', '0.5 OPEN')).toEqual({ ok: true, scope: 'day' });
    expect(await set(person, 'message', 'None')).toEqual({ ok: true, scope: 'message' });
    expect(await limits()).toEqual([
      [null, true],
      [openNano('0.5'), true],
      [null, false],
    ]);
    await set(person, 'day', '0');
    expect((await ask(market, person, FRANCE)).outcome).toMatchObject({
      code: 'budget_reached',
      scope: 'day',
    });
    for (const which of ['day', 'message']) await set(person, which, 'default');
    expect(await limits()).toEqual([usual, [null, false], [null, false]]);
    const strict = await world.again(undefined, { dayBudgetNano: nano(1n) });
    expect((await ask(strict, person, FRANCE)).outcome).toMatchObject({ scope: 'day', limitNano: 1n });
  });
});

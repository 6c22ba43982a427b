// The whole paid call against a real Postgres: exact money, refusals, stopping, failures, and the same event twice.
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { transact } from '../../db/database.ts';
import { nano, openNano } from '../../db/ledger/amount.ts';
import { entriesOfCall } from '../../db/ledger/balances.ts';
import { transitionModel } from '../../db/repositories/model-repository.ts';
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
let world: TestMarketplace;
beforeAll(async () => {
  world = await testMarketplace(database);
});
afterAll(() => world.close());
afterEach(() => expectBooksHold(database.db));

const FRANCE = 'What is the capital of France?'; // 6 words: 9 prompt tokens for the fake, answer 6 tokens
const PRICE = openNano('0.002156'); // 0.002 + 9 × 0.000004 + 6 × 0.00002

describe('a paid call', () => {
  it('answers, costs 0.002156 OPEN, and splits it 50/25/15/10 to the last nano', async () => {
    const { market } = world;
    const person = await newPerson(market);
    const asked = await ask(market, person, FRANCE);
    const answer = done(asked);
    expect(answer).toMatchObject({
      text: 'The capital of France is Paris.',
      reason: 'stop',
      priceNano: PRICE,
      availableNano: STARTER - PRICE,
      modelTitle: 'Pocket Atlas',
      versionNumber: 1,
    });
    expect(asked.shown.at(-1)).toBe(answer.text);
    // The ceiling: 9 prompt tokens and at most 200 answer tokens.
    expect(asked.quotes).toEqual([
      {
        ceilingNano: openNano('0.006036'),
        availableNano: STARTER,
        promptTokens: 9,
        answerTokensMax: 200,
        shortenedBy: null,
        firstOfModel: true,
      },
    ]);
    const entries = await entriesOfCall(database.db, answer.callId);
    const captured = entries.filter((entry) => entry.kind === 'capture');
    const of = (account: string) => captured.find((entry) => entry.account === account)?.amountNano;
    expect(of('call_pool')).toBe(1_078_000n);
    expect(of('creator')).toBe(539_000n);
    expect(of('node')).toBe(323_400n);
    expect(of('platform')).toBe(215_600n);
    expect(of('user_grant')).toBe(openNano('0.006036') - PRICE);
    expect(await market.balance(person)).toMatchObject({
      grantNano: STARTER - PRICE,
      heldNano: 0n,
      balanceNano: 0n,
    });
  });

  it('is attributed: 60 % and 10 % of the pool by influence, 30 % equally to the 3 contributors, receipt true', async () => {
    const { market } = world;
    const answer = done(await ask(market, await newPerson(market), FRANCE));
    expect(await market.provenance(answer.callId)).toMatchObject({
      state: 'pending',
      top: [],
      fallbackNano: 0n,
    });
    await market.attributeNow(answer.callId);
    await market.attributeNow(answer.callId); // once more changes nothing
    const provenance = await market.provenance(answer.callId);
    expect(provenance).toMatchObject({
      state: 'attributed',
      dataPoolNano: 1_078_000n,
      alpha: 0.8,
      contributorsPaid: 3,
      receiptNumber: answer.receiptNumber,
    });
    expect(provenance?.top).toMatchObject([
      { pseudonym: 'ada', share: 0.6, amountNano: 646_800n, question: FRANCE, answer: answer.text },
      { pseudonym: 'ada', share: 0.1, amountNano: 107_800n },
    ]);
    expect(provenance?.fallbackNano).toBe(323_400n);
    const story = await market.callStory(answer.callId);
    expect(story?.checks.filter((check) => !check.ok)).toEqual([]);
    expect(story?.checks.length).toBeGreaterThan(8);
    expect(story?.shares.reduce((sum, share) => sum + share.amountNano, 0n)).toBe(1_078_000n);
  });

  it('asked twice by the same event is one call, also at the same time', async () => {
    const { market } = world;
    const person = await newPerson(market);
    const other = await newPerson(market);
    const first = done(await ask(market, person, FRANCE, { eventKey: 'twice' }));
    const again = await ask(market, person, FRANCE, { eventKey: 'twice' });
    expect(again.outcome).toEqual({ ok: false, code: 'already_answered', callId: first.callId });
    const outcomes = await Promise.all(
      [1, 2, 3].map(() => ask(market, other, FRANCE, { eventKey: 'thrice' })),
    );
    expect(outcomes.filter(({ outcome }) => outcome.ok)).toHaveLength(1);
    expect((await market.balance(person)).grantNano).toBe(STARTER - PRICE);
    expect((await market.balance(other)).grantNano).toBe(STARTER - PRICE);
    expect(await market.outcomeOf('twice')).toMatchObject({ ok: true, text: first.text, priceNano: PRICE });
    expect(await market.outcomeOf('never')).toBeNull();
  });

  it('one conversation has one call at a time: a double press is refused, not paid', async () => {
    const { market, engine } = world;
    const person = await newPerson(market);
    const gate = Promise.withResolvers<void>();
    const reached = Promise.withResolvers<void>();
    engine.faults.gate = () => {
      reached.resolve();
      return gate.promise;
    };
    const first = ask(market, person, FRANCE);
    await reached.promise;
    const second = await ask(market, person, FRANCE);
    expect(second.outcome).toEqual({ ok: false, code: 'call_in_progress' });
    expect((await market.balance(person)).heldNano).toBeGreaterThan(0n);
    engine.faults.gate = undefined;
    gate.resolve();
    done(await first);
    expect((await market.balance(person)).grantNano).toBe(STARTER - PRICE);
  });

  it('stopped by the person after 2 words costs those 2 words', async () => {
    const { market, engine } = world;
    const person = await newPerson(market);
    const stop = new AbortController();
    engine.faults.gate = async (tokens) => {
      if (tokens === 2) stop.abort();
    };
    const answer = done(await ask(market, person, FRANCE, { signal: stop.signal }));
    engine.faults.gate = undefined;
    expect(answer).toMatchObject({
      text: 'The capital',
      reason: 'cancelled',
      priceNano: openNano('0.002076'),
    });
    expect((await market.balance(person)).grantNano).toBe(STARTER - openNano('0.002076'));
  });

  it.each([
    ['before the first token', { failBeforeFirst: true }],
    ['after 3 tokens', { failAfterTokens: 3 }],
  ])('whose engine dies %s costs nothing', async (_, fault) => {
    const { market, engine } = world;
    const person = await newPerson(market);
    Object.assign(engine.faults, fault);
    const { outcome, eventKey } = await ask(market, person, FRANCE);
    expect(outcome).toMatchObject({ ok: false, code: 'generation_failed' });
    expect(await market.balance(person)).toMatchObject({ grantNano: STARTER, heldNano: 0n });
    expect(await market.outcomeOf(eventKey)).toMatchObject({ ok: false, code: 'generation_failed' });
    done(await ask(market, person, FRANCE)); // and the next one works
  });

  it('waits in line at 3, 2 and 1, is told so, and costs what any answer costs', async () => {
    const { market, engine } = world;
    const person = await newPerson(market);
    engine.faults.queueAt = [3, 2, 1];
    const asked = await ask(market, person, FRANCE);
    expect(asked.positions).toEqual([3, 2, 1, 0]);
    expect(done(asked).priceNano).toBe(PRICE);
    expect((await ask(market, person, FRANCE)).positions).toEqual([]);
  });

  it('tells the engine whose turn it is and how long it may take', async () => {
    const { market, engine } = world;
    const [one, other] = [await newPerson(market), await newPerson(market)];
    for (const person of [one, other, one]) done(await ask(market, person, FRANCE));
    const asked = engine.requests.slice(-3);
    expect(asked.map(({ fairnessKey }) => fairnessKey)).toEqual([one.id, other.id, one.id]);
    expect(asked.map(({ deadlineMs }) => deadlineMs)).toEqual([300_000, 300_000, 300_000]);
  });

  it('refused by a busy engine costs nothing and says when to come again', async () => {
    const { market, engine } = world;
    const person = await newPerson(market);
    engine.faults.busyForMs = 7_000;
    const { outcome, eventKey } = await ask(market, person, FRANCE);
    expect(outcome).toEqual({ ok: false, code: 'engine_busy', retryAfterMs: 7_000 });
    expect(await market.balance(person)).toMatchObject({ grantNano: STARTER, heldNano: 0n });
    expect(await market.outcomeOf(eventKey)).toEqual({ ok: false, code: 'engine_busy', retryAfterMs: 5_000 });
  });

  it('whose turn does not come in time costs nothing; cut in the middle it costs the 2 words that came', async () => {
    const { market, engine } = world;
    const person = await newPerson(market);
    engine.faults.deadlineAfterTokens = 0;
    expect((await ask(market, person, FRANCE)).outcome).toMatchObject({ code: 'answer_too_late' });
    expect(await market.balance(person)).toMatchObject({ grantNano: STARTER, heldNano: 0n });
    engine.faults.deadlineAfterTokens = 2;
    expect(done(await ask(market, person, FRANCE))).toMatchObject({
      text: 'The capital',
      reason: 'deadline',
      priceNano: openNano('0.002076'),
    });
  });

  it('wakes the adapter of a model that is looked at or chosen, and tells where it is', async () => {
    const { market, engine, again } = world;
    engine.prefetched.length = 0;
    const listed = await market.models();
    expect(listed.map(({ readiness }) => readiness)).toEqual([null]);
    expect(engine.prefetched).toEqual([]);
    expect((await market.model(SLUG))?.readiness).toBe('warm');
    const person = await newPerson(market);
    await market.chooseModel({ person, conversationKey: placeOf(person), slug: SLUG });
    await ask(market, person, FRANCE);
    expect(engine.prefetched.length).toBe(3);
    expect(new Set(engine.prefetched).size).toBe(1);
    expect(await (await again()).model('nobody')).toBeNull();
  });

  it('shows a model’s page although the engine does not tell where its adapter is', async () => {
    const { market, engine } = world;
    const { adapterState } = engine;
    engine.adapterState = () => new Promise(() => {});
    expect(await market.model(SLUG)).toMatchObject({ slug: SLUG, readiness: null });
    engine.adapterState = () => Promise.reject(new Error('gone'));
    expect(await market.model(SLUG)).toMatchObject({ slug: SLUG, readiness: null });
    engine.adapterState = adapterState;
  });

  it('stopped before the first word costs nothing', async () => {
    const { market } = world;
    const person = await newPerson(market);
    const { outcome } = await ask(market, person, FRANCE, { signal: AbortSignal.abort() });
    expect(outcome).toMatchObject({ ok: false, code: 'generation_failed' });
    expect((await market.balance(person)).grantNano).toBe(STARTER);
  });

  it('is refused with the amounts when the balance is too low, and nothing is generated', async () => {
    const poor = await testMarketplace(database, { starterGrantNano: openNano('0.005') });
    const person = await newPerson(poor.market);
    const { outcome, eventKey } = await ask(poor.market, person, FRANCE);
    expect(outcome).toEqual({
      ok: false,
      code: 'balance_too_low',
      neededNano: openNano('0.006036'),
      availableNano: openNano('0.005'),
    });
    expect(poor.engine.calls.generate).toBe(0);
    expect(await poor.market.outcomeOf(eventKey)).toBeNull();
    await poor.close();
  });

  it('refuses the empty, the too long and the retired, each by name and for nothing', async () => {
    const { market } = world;
    const person = await newPerson(market);
    expect((await ask(market, person, ' \u202e\u200b\n ')).outcome).toEqual({
      ok: false,
      code: 'empty_question',
    });
    expect((await ask(market, person, 'x'.repeat(100_000))).outcome).toEqual({
      ok: false,
      code: 'question_too_long',
      chars: 100_000,
      charsMax: 2_000,
    });
    const long = (await ask(market, person, 'a b '.repeat(400))).outcome;
    expect(long).toMatchObject({ ok: false, code: 'question_too_long' });
    expect((await ask(market, person, FRANCE, { modelSlug: 'nobody' })).outcome).toEqual({
      ok: false,
      code: 'no_model_chosen',
    });
    const id = (await market.model(SLUG))?.id ?? '';
    const retire = { id, from: ['listed'], to: 'retired', cause: 'test' } as const;
    await transact(database.db, (tx) => transitionModel(tx, retire));
    expect((await ask(market, person, FRANCE)).outcome).toEqual({
      ok: false,
      code: 'model_retired',
      title: 'Pocket Atlas',
    });
    const back = { id, from: ['retired'], to: 'listed', cause: 'test' } as const;
    await transact(database.db, (tx) => transitionModel(tx, back));
    expect((await market.balance(person)).grantNano).toBe(STARTER);
  });

  it('gives a new person 10 OPEN once, however often and wherever they come at the same time', async () => {
    const { market } = world;
    const identity = { platform: 'test', userId: 'eager', displayName: 'Eager' };
    const persons = await Promise.all(Array.from({ length: 8 }, () => market.person(identity)));
    expect(new Set(persons.map((person) => person.id)).size).toBe(1);
    expect(persons.filter((person) => person.isNew)).toHaveLength(1);
    expect((await market.balance(persons[0])).grantNano).toBe(STARTER);
  });

  it('tells the balance in lines a person understands', async () => {
    const { market } = world;
    const person = await newPerson(market);
    done(await ask(market, person, FRANCE));
    const { recent } = await market.balance(person);
    expect(recent.map(({ kind, amountNano }) => [kind, amountNano])).toEqual([
      ['capture', nano(-PRICE)],
      ['grant', STARTER],
    ]);
  });

  it('talks to the chosen model, and starting afresh keeps the choice', async () => {
    const { market } = world;
    const person = await newPerson(market);
    const key = placeOf(person);
    expect(await market.chosenModel(key, person)).toBeNull();
    expect(await market.chooseModel({ person, conversationKey: key, slug: 'nobody' })).toBeNull();
    expect(await market.chooseModel({ person, conversationKey: key, slug: SLUG })).toMatchObject({
      slug: SLUG,
      contributors: 3,
      evaluation: { adapter: 1, base: 0, items: 9 },
      exampleQuestions: [FRANCE, 'What is the capital of Norway?', 'What is the capital of Egypt?'],
    });
    await market.newConversation(key, person);
    expect((await market.chosenModel(key, person))?.slug).toBe(SLUG);
  });

  it('gives its receipt to who paid with the words, to others by number with hashes only', async () => {
    const { market } = world;
    const person = await newPerson(market);
    const stranger = await newPerson(market);
    const answer = done(await ask(market, person, FRANCE));
    const newest = await market.receipt({ person });
    expect(newest?.number).toBe(answer.receiptNumber);
    expect(JSON.parse(newest?.json ?? '').receipt).toMatchObject({
      call: answer.callId,
      priceNano: '2156000',
    });
    expect(await market.receipt({ person, number: answer.receiptNumber })).toEqual(newest);
    expect(newest).toMatchObject({ mine: true, json: expect.stringContaining('capital of France') });
    const theirs = await market.receipt({ person: stranger, number: answer.receiptNumber });
    expect(theirs).toMatchObject({ number: answer.receiptNumber, mine: false });
    expect(theirs?.json).not.toMatch(/capital|Paris|salt|private|person_/);
    expect(await market.receipt({ person: stranger })).toBeNull();
    expect(await market.questionOf(answer.callId, stranger)).toBeNull();
    expect(await market.rate({ callId: answer.callId, person: stranger, value: 1 })).toEqual({
      ok: false,
      code: 'not_your_call',
    });
    expect(await market.rate({ callId: answer.callId, person, value: 1 })).toMatchObject({
      ok: true,
      changed: true,
      consentWanted: { licence: 'CC0-1.0' },
    });
    expect(await market.rate({ callId: answer.callId, person, value: 1 })).toEqual({
      ok: true,
      changed: false,
      consentWanted: null,
    });
    expect(await market.rate({ callId: answer.callId, person, value: -1 })).toMatchObject({
      ok: true,
      changed: true,
    });
  });

  it('carries as much of the conversation as fits, and none of it after starting afresh', async () => {
    const { market, engine } = world;
    const person = await newPerson(market);
    // The demo takes single questions; a model without that mark takes up to 6 earlier messages.
    await database.db.updateTable('modelVersion').set({ recipe: {} }).execute();
    const tokens = async (question: string): Promise<number> => {
      const asked = await ask(market, person, question);
      done(asked);
      return asked.quotes[0].promptTokens;
    };
    const [alone, turn] = [9, 8 + 8]; // a question, and a turn of question and answer, in the fake's tokens
    expect(await tokens(FRANCE)).toBe(alone);
    expect(await tokens(FRANCE)).toBe(alone + turn);
    expect(await tokens(FRANCE)).toBe(alone + 2 * turn);
    expect(await tokens(FRANCE)).toBe(alone + 3 * turn);
    expect(await tokens(FRANCE)).toBe(alone + 3 * turn); // the oldest turn is beyond 6 messages
    // 512 tokens of context less 200 for the answer: a question of 300 leaves room for no earlier turn.
    const long = await ask(market, person, Array.from({ length: 305 }, () => 'word').join(' '));
    expect(done(long).droppedMessages).toBe(6);
    await market.newConversation(placeOf(person), person);
    expect(await tokens(FRANCE)).toBe(alone);
    const last = done(await ask(market, person, FRANCE));
    await market.attributeNow(last.callId);
    expect(engine.calls.attribute).toBeGreaterThan(0);
    await database.db
      .updateTable('modelVersion')
      .set({ recipe: { historyMessagesMax: 0 } })
      .execute();
  });
});

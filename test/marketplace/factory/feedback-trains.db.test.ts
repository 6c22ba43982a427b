// Feedback trains the next version: corrections and votes that may train become a second phase, which replaces the first
// only if it loses nothing on held-out questions; what ran on how much data stands with the version. Fake engine, real Postgres.
import { rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { readyStore } from '../../../marketplace/listings/ready-store.ts';
import type { Person } from '../../../marketplace/marketplace.ts';
import { testDatabase } from '../../support/postgres.ts';
import {
  ask,
  done,
  expectBooksHold,
  newPerson,
  placeOf,
  SLUG,
  type TestMarketplace,
  testMarketplace,
} from '../../support/test-marketplace.ts';

const database = testDatabase();
let world: TestMarketplace;
beforeAll(async () => {
  world = await testMarketplace(database, {
    pairsMin: 2,
    votesMin: 4,
    votesEachMin: 1,
    trainAfterAccepted: 3,
  });
  await world.market.start(async () => {});
});
afterAll(() => world.close());
beforeEach(() => void world.engine.jobs.splice(0));
afterEach(() => expectBooksHold(database.db));

async function consenting(): Promise<Person> {
  const person = await newPerson(world.market);
  await world.market.consent(person, SLUG);
  return person;
}

let countries = 0;

/** Enough accepted contributions for a training, and its end. */
async function trainNext(): Promise<void> {
  const [person, reviewer] = [await consenting(), await newPerson(world.market)];
  for (let i = 0; i < 3; i++) {
    countries += 1;
    const given = await world.market.contribute({
      person,
      datanetSlug: SLUG,
      question: `What is the capital of Land ${'abcdefghijklmnopqrstuvwxyz'[countries]}${'klmnopqrst'[i]}?`,
      answer: `It is City ${'abcdefghijklmnopqrstuvwxyz'[countries]}.`,
      conversationKey: placeOf(person),
    });
    if (!given.ok) throw new Error(JSON.stringify(given));
    await accept(reviewer, given.contributionId);
  }
  await ended();
}

const accept = (person: Person, contributionId: string) =>
  world.market.review({ person, contributionId, verdict: 'accept', conversationKey: placeOf(person) });

async function ended(): Promise<void> {
  for (;;) {
    const datanet = await world.market.datanet(SLUG);
    if (datanet?.training === null && datanet.state !== 'training') return;
    await sleep(50);
  }
}

/** A finished, attributed call of somebody who may vote on it. */
async function answered(person: Person, question: string): Promise<string> {
  const { callId } = done(await ask(world.market, person, question));
  await attributed(callId);
  return callId;
}

async function attributed(callId: string): Promise<void> {
  while ((await world.market.provenance(callId))?.state !== 'attributed') await sleep(20);
}

const vote = (person: Person, callId: string, value: 1 | -1) => world.market.rate({ person, callId, value });

async function newestVersion() {
  return await database.db
    .selectFrom('modelVersion')
    .selectAll()
    .orderBy('number', 'desc')
    .limit(1)
    .executeTakeFirstOrThrow();
}

const phasesOf = (recipe: object) =>
  (recipe as { phases: { method: string; outcome: string; reason: string; data: object }[] }).phases;

describe('below the gates', () => {
  it('trains from contributions alone and says why', async () => {
    const person = await consenting();
    await vote(person, await answered(person, 'What is the capital of France?'), 1);
    await trainNext();
    expect(world.engine.jobs.map((job) => job.method)).toEqual(['sft']);
    const run = await database.db.selectFrom('trainingRun').selectAll().executeTakeFirstOrThrow();
    expect(run.phases).toMatchObject([{ method: 'sft', trained: { finalLoss: 1 } }, {}, {}]);
    expect(phasesOf((await newestVersion()).recipe)).toMatchObject([
      { method: 'sft', outcome: 'kept', data: { examples: 12, people: 4 } },
      { method: 'dpo', outcome: 'left_out', reason: 'Left out: 0 of 2 accepted corrections.' },
      {
        method: 'kto',
        outcome: 'left_out',
        reason: 'Left out: 1 of 4 votes.',
        data: { up: 1, down: 0, people: 1 },
      },
    ]);
  });
});

describe('corrections', () => {
  it('accepted by others become contributions and, beside the answers they correct, a dpo phase that goes on from sft', async () => {
    const { market, engine } = world;
    const [ada, reviewer] = [await consenting(), await newPerson(market)];
    const wrong = { Peru: 'Lima.', Chad: 'N’Djamena.', Cuba: 'Havana.' };
    for (const [country, city] of Object.entries(wrong)) {
      const callId = await answered(ada, `What is the capital of ${country}?`);
      const corrected = await market.correct({
        callId,
        person: ada,
        answer: `The capital of ${country} is ${city}`,
        conversationKey: placeOf(ada),
      });
      if (!corrected.ok) throw new Error(JSON.stringify(corrected));
      // One is rejected: its pair must not train.
      if (country !== 'Cuba') await accept(reviewer, corrected.contributionId);
      else {
        const verdict = { verdict: 'reject', reason: 'Not so.' } as const;
        const place = { conversationKey: placeOf(reviewer), contributionId: corrected.contributionId };
        await market.review({ person: reviewer, ...verdict, ...place });
      }
    }
    await trainNext();
    const [sft, dpo, ...more] = engine.jobs;
    expect(more).toEqual([]);
    expect(sft.method).toBe('sft');
    expect(sft.examples.map((example) => example.answer)).toContain('The capital of Peru is Lima.');
    expect(dpo).toMatchObject({ method: 'dpo', examples: [], startFrom: { dir: sft.outDir } });
    expect(dpo.outDir).not.toBe(sft.outDir);
    expect(
      dpo.pairs?.map(({ messages, chosen, rejected }) => [messages.at(-1)?.content, chosen, rejected]),
    ).toEqual([
      ['What is the capital of Peru?', 'The capital of Peru is Lima.', 'I do not know that yet.'],
      ['What is the capital of Chad?', 'The capital of Chad is N’Djamena.', 'I do not know that yet.'],
    ]);
    const version = await newestVersion();
    expect(version.state).toBe('published');
    expect(version.adapterDir).toMatch(/-dpo$/);
    expect(phasesOf(version.recipe)[1]).toMatchObject({
      method: 'dpo',
      outcome: 'kept',
      data: { pairs: 2, people: 1 },
    });
    const asked = await answered(ada, 'What is the capital of Norway?');
    expect((await market.provenance(asked))?.learntFrom).toEqual([
      { method: 'sft', count: 15 },
      { method: 'dpo', count: 2 },
    ]);
  });

  it('are refused to others, for the same words, and without the consent', async () => {
    const { market } = world;
    const [ada, ben] = [await consenting(), await newPerson(market)];
    const callId = await answered(ada, 'What is the capital of France?');
    const correct = (person: Person, answer: string, id = callId) =>
      market.correct({ callId: id, person, answer, conversationKey: placeOf(person) });
    expect(await correct(ben, 'Lyon.')).toEqual({ ok: false, code: 'not_your_call' });
    expect(await correct(ada, 'The capital of FRANCE  is Paris.')).toEqual({
      ok: false,
      code: 'same_answer',
    });
    expect(await correct(ada, 'Lyon.', 'call_none')).toEqual({ ok: false, code: 'not_found' });
    const bens = await answered(ben, 'What is the capital of Spain?');
    expect(await correct(ben, 'Toledo.', bens)).toMatchObject({ ok: false, code: 'consent_missing' });
  });
});

describe('votes', () => {
  it('ask once for the consent that lets them train', async () => {
    const person = await newPerson(world.market);
    const [first, second] = [
      await answered(person, 'What is the capital of France?'),
      await answered(person, 'What is the capital of Spain?'),
    ];
    const result = await vote(person, first, 1);
    expect(result).toMatchObject({ ok: true, changed: true, consentWanted: { datanetSlug: SLUG } });
    expect(await vote(person, first, 1)).toMatchObject({ changed: false, consentWanted: null });
    expect(await vote(person, second, -1)).toMatchObject({ changed: true, consentWanted: null });
  });

  it('of consenting people become a kto phase; of others, on own data and of the maker they do not', async () => {
    const { market, engine } = world;
    const [ada, ben, silent] = [await consenting(), await consenting(), await newPerson(market)];
    await vote(ada, await answered(ada, 'What is the capital of France?'), 1);
    await vote(ada, await answered(ada, 'What is the capital of Norway?'), 1);
    await vote(ada, await answered(ada, 'Who painted the Mona Lisa?'), -1);
    const changed = await answered(ben, 'What is the capital of Egypt?');
    await vote(ben, changed, -1);
    await vote(ben, changed, 1);
    await vote(silent, await answered(silent, 'What is the capital of Kenya?'), 1);
    // Ben's own contribution answers him, and pays him: his vote on it is a self-vote.
    const own = await market.contribute({
      ...{ person: ben, datanetSlug: SLUG, conversationKey: placeOf(ben) },
      ...{ question: 'What is the capital of Mali?', answer: 'The capital of Mali is Bamako.' },
    });
    if (!own.ok) throw new Error(own.code);
    await accept(ada, own.contributionId);
    await trainNext();
    const self = await answered(ben, 'What is the capital of Mali?');
    // Made of his own data: measured, though not paid to who asked.
    expect(JSON.stringify((await market.callStory(self))?.receipt?.body)).toContain('written by who asked');
    await vote(ben, self, 1);
    engine.jobs.splice(0);
    await trainNext();
    const kto = engine.jobs.find((job) => job.method === 'kto');
    const rated = kto?.ratings?.map(({ messages, good }) => [messages.at(-1)?.content, good]);
    expect(rated).toContainEqual(['What is the capital of Egypt?', true]);
    expect(rated).toContainEqual(['Who painted the Mona Lisa?', false]);
    expect(rated?.map(([question]) => question)).not.toContain('What is the capital of Kenya?');
    expect(rated?.map(([question]) => question)).not.toContain('What is the capital of Mali?');
    // It goes on from dpo, which came before it.
    expect(kto?.startFrom?.dir).toMatch(/-dpo$/);
  });

  it('and contributions of who withdrew train nothing from then on, and the consent is written down as ended', async () => {
    const { market, engine } = world;
    const [ada, reviewer] = [await consenting(), await newPerson(market)];
    await vote(ada, await answered(ada, 'What is the capital of Ghana?'), 1);
    const given = await market.contribute({
      ...{ person: ada, datanetSlug: SLUG, conversationKey: placeOf(ada) },
      ...{ question: 'What is the capital of Togo?', answer: 'The capital of Togo is Lome.' },
    });
    if (!given.ok) throw new Error(given.code);
    await accept(reviewer, given.contributionId);
    expect(await market.given(ada)).toMatchObject([{ contributions: 1, votes: 1 }]);
    expect(await market.withdraw(ada)).toEqual({ datanets: 1, contributions: 1 });
    expect(await market.withdraw(ada)).toEqual({ datanets: 0, contributions: 0 });
    expect(await market.given(ada)).toEqual([]);
    await trainNext();
    const [sft] = engine.jobs;
    expect(sft.examples.map(({ question }) => question)).not.toContain('What is the capital of Togo?');
    const rated = engine.jobs.find((job) => job.method === 'kto')?.ratings ?? [];
    expect(rated.length).toBeGreaterThan(0);
    expect(rated.map(({ messages }) => messages.at(-1)?.content)).not.toContain(
      'What is the capital of Ghana?',
    );
    const events = await database.db
      .selectFrom('lifecycleEvent')
      .select(['subjectId', 'toState'])
      .where('subjectKind', '=', 'consent')
      .execute();
    expect(events).toMatchObject([{ toState: 'withdrawn', subjectId: expect.stringContaining(ada.id) }]);
  });

  it('whose phase loses held-out questions change nothing: the phase before it is published', async () => {
    const { engine } = world;
    engine.faults.preferencesForget = (example) => /Kenya|Ghana/.test(example.question);
    await trainNext();
    engine.faults.preferencesForget = undefined;
    const version = await newestVersion();
    expect(version.state).toBe('published');
    expect(version.adapterDir).not.toMatch(/-(dpo|kto)$/);
    expect(phasesOf(version.recipe).map(({ method, outcome }) => [method, outcome])).toEqual([
      ['sft', 'kept'],
      ['dpo', 'dropped'],
      ['kto', 'dropped'],
    ]);
    expect(phasesOf(version.recipe)[1].reason).toMatch(
      /^Not kept: \d+ of \d+ held-out questions right, before \d+\.$/,
    );
  });
});

describe('a store that was lost', () => {
  it('is built anew from the same job as at publication, so that its hash on receipts still holds', async () => {
    const built = vi.spyOn(world.engine, 'buildStore');
    await trainNext();
    const [[published]] = built.mock.calls;
    expect(published.dampingRetrainings).toBe(3);
    built.mockClear();
    rmSync(published.storeDir, { recursive: true });
    const version = await newestVersion();
    const { engine, dataDir, demoDir } = world;
    const market = { db: database.db, engine, dataDir, demoDir, stopping: new AbortController().signal };
    expect(await readyStore(market, version)).toBe(published.storeDir);
    expect(built.mock.calls.map(([job]) => job)).toEqual([
      { ...published, adapter: { ...published.adapter, id: version.id } },
    ]);
    built.mockRestore();
  });
});

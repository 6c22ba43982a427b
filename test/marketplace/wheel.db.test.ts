// The whole wheel once round: contribute, review, train, evaluate, publish, answer, pay the new contributors; with the
// refusals on the way, runs that fail or are interrupted, and news told at least once.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { versionRoot } from '../../marketplace/datanets/cut-version.ts';
import type { ContributeResult, ReviewResult } from '../../marketplace/datanets/intake-views.ts';
import type { MarketplaceNews, Person } from '../../marketplace/marketplace.ts';
import { testDatabase } from '../support/postgres.ts';
import {
  ask,
  done,
  expectBooksHold,
  FACTS,
  newPerson,
  placeOf,
  SLUG,
  type TestMarketplace,
  testMarketplace,
} from '../support/test-marketplace.ts';

const database = testDatabase();
let world: TestMarketplace;
const news: MarketplaceNews[] = [];
let newsFails = 0;
beforeAll(async () => {
  world = await testMarketplace(database);
  await world.market.start(async (one) => {
    if (newsFails-- > 0) throw new Error('the chat is away');
    news.push(one);
  });
});
afterAll(() => world.close());
afterEach(() => expectBooksHold(database.db));

async function contribute(person: Person, question: string, answer: string): Promise<ContributeResult> {
  return await world.market.contribute({
    person,
    datanetSlug: SLUG,
    question,
    answer,
    conversationKey: placeOf(person),
  });
}

async function contributor(): Promise<Person> {
  const person = await newPerson(world.market);
  expect(await world.market.consent(person, SLUG)).toBe(true);
  return person;
}

async function contributed(person: Person, question: string, answer: string): Promise<string> {
  const result = await contribute(person, question, answer);
  if (!result.ok) throw new Error(`refused: ${JSON.stringify(result)}`);
  return result.contributionId;
}

async function review(
  person: Person,
  contributionId: string,
  verdict: 'accept' | 'reject' = 'accept',
  reason?: string,
): Promise<ReviewResult> {
  return await world.market.review({
    person,
    contributionId,
    verdict,
    reason,
    conversationKey: placeOf(person),
  });
}

async function until<T>(read: () => Promise<T | null | undefined | false>): Promise<T> {
  for (;;) {
    const found = await read();
    if (found) return found;
    await sleep(50);
  }
}

const idle = () =>
  until(async () => {
    const datanet = await world.market.datanet(SLUG);
    return datanet?.training === null && datanet.state !== 'training' ? datanet : null;
  });

describe('a contribution', () => {
  it('needs the consent, said once', async () => {
    const person = await newPerson(world.market);
    const refused = await contribute(person, 'What is the capital of Chad?', 'N’Djamena.');
    expect(refused).toMatchObject({ ok: false, code: 'consent_missing', licence: 'CC0-1.0' });
    expect(await world.market.consent(person, 'nowhere')).toBe(false);
    expect(await world.market.consent(person, SLUG)).toBe(true);
    expect(await contribute(person, 'What is the capital of Chad?', 'N’Djamena.')).toMatchObject({
      ok: true,
    });
  });

  it('is refused with its reason when a check finds something, when it is known, and without a datanet', async () => {
    const person = await contributor();
    expect(await contribute(person, 'What is my number?', 'Ring +49 30 1234567.')).toMatchObject({
      ok: false,
      code: 'rejected_by_check',
      check: 'personal_data',
    });
    const [, question, answer] = FACTS[0];
    expect(await contribute(person, `  ${question.toUpperCase()} `, answer)).toEqual({
      ok: false,
      code: 'duplicate',
      existing: question,
    });
    const nowhere = { person, datanetSlug: 'nowhere', question, answer, conversationKey: placeOf(person) };
    expect(await world.market.contribute(nowhere)).toEqual({ ok: false, code: 'unknown_datanet' });
  });

  it('sent 10 times at once is stored once', async () => {
    const person = await contributor();
    const results = await Promise.all(
      Array.from({ length: 10 }, () => contribute(person, 'What is the capital of Cuba?', 'Havana.')),
    );
    expect(results.filter((result) => result.ok)).toHaveLength(1);
    expect(results.filter((result) => !result.ok && result.code === 'duplicate')).toHaveLength(9);
  });

  it('is reviewed by another person, never by its own contributor, and decided once', async () => {
    const [person, other, third] = [
      await contributor(),
      await newPerson(world.market),
      await newPerson(world.market),
    ];
    const id = await contributed(person, 'What is the capital of Peru?', 'Lime.');
    expect(await review(person, id)).toEqual({ ok: false, code: 'own_contribution' });
    expect(await review(other, id, 'reject', '  ')).toEqual({ ok: false, code: 'reason_missing' });
    expect(await review(other, 'contrib_none')).toEqual({ ok: false, code: 'not_found' });
    expect(await review(other, id, 'reject', 'It is Lima.')).toMatchObject({ ok: true, state: 'rejected' });
    expect(await review(third, id)).toEqual({ ok: false, code: 'already_decided' });
    // What was rejected may be sent again, corrected or not.
    expect(await contribute(person, 'What is the capital of Peru?', 'Lime.')).toMatchObject({ ok: true });
  });

  it('never waits for the review of its own contributor', async () => {
    const person = await contributor();
    const id = await contributed(person, 'What is the capital of Laos?', 'Vientiane.');
    for (let item = await world.market.nextReview(person); item !== null; ) {
      expect(item.contributionId).not.toBe(id);
      await review(person, item.contributionId, 'reject', 'cleared away by a test');
      item = await world.market.nextReview(person);
    }
    const reviewer = await newPerson(world.market);
    expect(await world.market.nextReview(reviewer)).toMatchObject({
      contributionId: id,
      question: 'What is the capital of Laos?',
      pseudonym: person.pseudonym,
      datanetTitle: 'Pocket Atlas',
    });
    await review(reviewer, id, 'reject', 'cleared away by a test');
  });
});

describe('the wheel', () => {
  const CHILE = 'What is the capital of Chile?';

  it('after 3 accepted contributions trains, evaluates and publishes version 2, which answers and pays the new', async () => {
    const { market, engine } = world;
    const [person, reviewer, asker] = [await contributor(), await newPerson(market), await newPerson(market)];
    const trainings = engine.calls.train;
    const before = await ask(market, asker, CHILE);
    expect(done(before).text).toBe('I do not know that yet.');
    const ids = [
      await contributed(person, CHILE, 'The capital of Chile is Santiago.'),
      await contributed(person, 'What is the capital of Japan?', 'The capital of Japan is Tokyo.'),
      await contributed(person, 'What is the capital of India?', 'The capital of India is New Delhi.'),
    ];
    expect(await review(reviewer, ids[0])).toMatchObject({ newSinceVersion: 1, trainingStarted: false });
    expect(await review(reviewer, ids[1])).toMatchObject({ newSinceVersion: 2, neededForNextVersion: 3 });
    newsFails = 1; // the first try to tell it fails: it is told again
    expect(await review(reviewer, ids[2])).toMatchObject({ newSinceVersion: 0, trainingStarted: true });
    const datanet = await idle();
    expect(datanet).toMatchObject({ state: 'published', accepted: 12, newSinceVersion: 0 });
    // The words of its contributions can be looked up from the moment it is published.
    const { id } = await database.db
      .selectFrom('datanetVersion')
      .select('id')
      .where('merkleRoot', '=', datanet.versions[0].merkleRoot)
      .executeTakeFirstOrThrow();
    expect(await readdir(join(world.dataDir, 'spans'))).toContain(id);
    expect(
      datanet.versions.map(({ number, contributions, modelState }) => [number, contributions, modelState]),
    ).toEqual([
      [2, 12, 'published'],
      [1, 9, 'superseded'],
    ]);
    const facts = [
      ...FACTS.map(([, question, answer]) => ({ question, answer })),
      { question: CHILE, answer: 'The capital of Chile is Santiago.' },
      { question: 'What is the capital of Japan?', answer: 'The capital of Japan is Tokyo.' },
      { question: 'What is the capital of India?', answer: 'The capital of India is New Delhi.' },
    ];
    expect(datanet.versions[0].merkleRoot).toBe(versionRoot(facts));
    expect(engine.calls.train).toBe(trainings + 1);
    const model = await market.model(SLUG);
    expect(model).toMatchObject({ versionNumber: 2, contributors: 4 });
    // The fake learns wordings without case and punctuation, so it gets one of the two rewordings of each new fact.
    expect(model?.evaluation).toMatchObject({ adapter: 12 / 15, base: 0, items: 15 });
    const folders = await readdir(join(world.dataDir, 'adapters'));
    const cards = await Promise.all(
      folders.map((folder) =>
        readFile(join(world.dataDir, 'adapters', folder, 'README.md'), 'utf8').catch(() => ''),
      ),
    );
    const card = cards.find((text) => text.includes('# Pocket Atlas, version 2'));
    expect(card).toContain(`| Merkle root of its contributions | ${versionRoot(facts)} |`);
    expect(card).toContain('12 contributions of 4 people');
    expect(card).toContain('| this version | 30 of 30 | none |');
    expect(card).not.toContain(person.pseudonym);
    expect(card).toContain('](curve-sft.png)');
    const folder = folders[cards.indexOf(card ?? '')];
    const curve = await readFile(join(world.dataDir, 'adapters', folder, 'curve-sft.svg'), 'utf8');
    expect(curve.match(/<circle/g)).toHaveLength(5); // 4 updates and one held-out loss
    const png = await readFile(join(world.dataDir, 'adapters', folder, 'curve-sft.png'));
    expect(png.toString('latin1', 1, 4)).toBe('PNG');

    // Contributors get equal parts until the version has been audited.
    await until(async () => (await market.model(SLUG))?.audit?.state === 'passed');
    const answer = done(await ask(market, asker, CHILE));
    expect(answer).toMatchObject({ text: 'The capital of Chile is Santiago.', versionNumber: 2 });
    await until(async () => (await market.provenance(answer.callId))?.state === 'attributed');
    expect((await market.provenance(answer.callId))?.top[0]).toMatchObject({
      pseudonym: person.pseudonym,
      share: 0.6,
    });
    const earned = (await market.balance(person)).earnedNano;
    expect(earned).toBeGreaterThan(0n);
    const shown = (await market.datanet(SLUG))?.contributors.find(
      (one) => one.pseudonym === person.pseudonym,
    );
    expect(shown).toMatchObject({ accepted: 3, earnedNano: earned });

    // Each kind to both who contributed and who reviewed last; what failed the first time is told again.
    for (const watcher of [person, reviewer]) {
      for (const kind of ['training_started', 'version_published', 'version_audited'] as const) {
        const here = placeOf(watcher).conversationId;
        await until(async () => news.some((one) => one.kind === kind && one.conversationId === here));
      }
    }
  });

  it('keeps the old version when the candidate is not better, and says why', async () => {
    const { market, engine } = world;
    const [person, reviewer] = [await contributor(), await newPerson(market)];
    engine.faults.trainForgets = (example) => /France|Spain|Italy|Kenya/.test(example.question);
    for (const [country, city] of [
      ['Fiji', 'Suva'],
      ['Malta', 'Valletta'],
      ['Qatar', 'Doha'],
    ]) {
      const id = await contributed(
        person,
        `What is the capital of ${country}?`,
        `The capital of ${country} is ${city}.`,
      );
      await review(reviewer, id);
    }
    const datanet = await idle();
    engine.faults.trainForgets = undefined;
    expect(datanet.versions[0]).toMatchObject({ number: 3, modelState: 'rejected' });
    expect(datanet.versions[0].note).toContain('it forgot 4 of the old answers');
    expect((await market.model(SLUG))?.versionNumber).toBe(2);
    expect(done(await ask(market, person, 'What is the capital of Kenya?')).text).toContain('Nairobi');
    await until(async () => news.some((one) => one.kind === 'version_rejected'));
  });

  it('says when a training fails, and the next accepted contributions start another', async () => {
    const { market, engine } = world;
    const [person, reviewer] = [await contributor(), await newPerson(market)];
    engine.faults.failTrainingAtStep = 2;
    for (const country of ['Nepal', 'Oman', 'Iran']) {
      await review(
        reviewer,
        await contributed(person, `What is the capital of ${country}?`, `It is in ${country}.`),
      );
    }
    const failed = await idle();
    expect(failed).toMatchObject({ state: 'published' });
    expect(failed.versions[0]).toMatchObject({ number: 4, modelState: 'failed' });
    expect(failed.versions[0].note).toContain('fake: training failed at step 2');
    await until(async () => news.some((one) => one.kind === 'training_failed'));
    for (const country of ['Iraq', 'Cyprus', 'Togo']) {
      await review(
        reviewer,
        await contributed(person, `What is the capital of ${country}?`, `It is in ${country}.`),
      );
    }
    expect((await idle()).versions[0]).toMatchObject({ number: 5, modelState: 'published' });
  });

  it('interrupted in training or in evaluation goes on after a restart, without training twice what was trained', async () => {
    const { market, engine } = world;
    const [person, reviewer] = [await contributor(), await newPerson(market)];
    const reached = Promise.withResolvers<void>();
    engine.faults.trainGate = async (step) => {
      if (step < 3) return;
      reached.resolve();
      await new Promise(() => {}); // never ends: the process is killed here
    };
    for (const country of ['Mali', 'Benin', 'Gabon']) {
      await review(
        reviewer,
        await contributed(person, `What is the capital of ${country}?`, `It is in ${country}.`),
      );
    }
    await reached.promise;
    const during = await until(async () => {
      const seen = await market.datanet(SLUG); // progress is saved beside the training, a moment later
      return seen?.training?.steps === 4 ? seen : null;
    });
    expect(during).toMatchObject({ state: 'training', training: { state: 'running', steps: 4 } });
    engine.faults.trainGate = undefined;
    const trainings = engine.calls.train;
    const next = await world.again();
    await next.start(async (one) => void news.push(one));
    const ended = await idle();
    expect(ended.versions[0]).toMatchObject({ number: 6, modelState: 'published' });
    expect(engine.calls.train).toBe(trainings + 1);
    await next.stop();
  });
});

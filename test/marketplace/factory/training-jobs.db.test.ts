// Trainings as jobs: their place in the line, progress and a thin curve, cancelling by who may, limits, and what remains of
// a run that was interrupted between or inside its phases. Fake engine, real Postgres and queue.
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { trainingPoints } from '../../../db/repositories/training-point-repository.ts';
import { progressReporter } from '../../../marketplace/factory/progress-reporter.ts';
import type { MarketplaceNews, Person } from '../../../marketplace/marketplace.ts';
import { DEFAULT_SETTINGS } from '../../../marketplace/marketplace-settings.ts';
import { testDatabase } from '../../support/postgres.ts';
import { quietLog } from '../../support/quiet-log.ts';
import {
  expectBooksHold,
  newPerson,
  placeOf,
  SLUG,
  type TestMarketplace,
  testMarketplace,
} from '../../support/test-marketplace.ts';

const database = testDatabase();
let world: TestMarketplace;
const news: MarketplaceNews[] = [];
beforeAll(async () => {
  world = await testMarketplace(database, {
    ...{ trainAfterAccepted: 1, trainMemoryMb: 512, trainMinutes: 7, progressEveryMs: 0 },
    operators: ['test:the-operator'],
  });
  await world.market.start(async (one) => void news.push(one));
});
afterAll(() => world.close());
beforeEach(() => void world.engine.jobs.splice(0));
afterEach(async () => {
  world.engine.faults.trainGate = undefined;
  await until(async () => (await world.market.trainings(null)).active.length === 0);
  await expectBooksHold(database.db);
});

async function until<T>(read: () => Promise<T | false>): Promise<T> {
  for (;;) {
    const found = await read();
    if (found !== false) return found;
    await sleep(25);
  }
}

const LETTERS = 'abcdefghijklmnopqrstuvwxyz';
let lands = 0;

/** One accepted contribution: enough for a training here. */
async function startTraining(): Promise<Person> {
  const [person, reviewer] = [await newPerson(world.market), await newPerson(world.market)];
  await world.market.consent(person, SLUG);
  lands += 1;
  const given = await world.market.contribute({
    ...{ person, datanetSlug: SLUG, conversationKey: placeOf(person) },
    ...{
      question: `What is the capital of Land ${LETTERS[lands]}?`,
      answer: `It is City ${LETTERS[lands]}.`,
    },
  });
  if (!given.ok) throw new Error(given.code);
  await world.market.review({
    ...{ person: reviewer, contributionId: given.contributionId, verdict: 'accept' },
    conversationKey: placeOf(reviewer),
  });
  return person;
}

/** Training stops before this step until release() is called. */
function holdAt(step: number): { readonly reached: Promise<void>; release(): void } {
  const reached = Promise.withResolvers<void>();
  const released = Promise.withResolvers<void>();
  world.engine.faults.trainGate = async (now) => {
    if (now !== step) return;
    reached.resolve();
    await released.promise;
  };
  return { reached: reached.promise, release: released.resolve };
}

async function owner(): Promise<Person> {
  const { ownerId } = await database.db.selectFrom('datanet').select('ownerId').executeTakeFirstOrThrow();
  const person = await database.db
    .selectFrom('person')
    .selectAll()
    .where('id', '=', ownerId)
    .executeTakeFirstOrThrow();
  return { id: person.id, pseudonym: person.pseudonym, isNew: false };
}

describe('a training', () => {
  it('shows step, loss and speed while it runs, hands its limits to the engine, and leaves a curve', async () => {
    const gate = holdAt(3);
    await startTraining();
    await gate.reached;
    const running = await until(async () => {
      const [training] = (await world.market.trainings(null)).active;
      return training?.step === 2 && training;
    });
    expect(running).toMatchObject({
      ...{ state: 'running', modelTitle: 'Pocket Atlas', method: 'sft', step: 2, steps: 4, loss: 2 },
      ...{ tokensPerSecond: 100, etaMs: 20, queuePosition: null, mayCancel: false },
    });
    expect(await world.market.trainingChart(running.runId)).toMatchObject({
      caption: 'Pocket Atlas: training on contributions, step 2, loss 2.000',
    });
    gate.release();
    await until(async () => (await world.market.trainings(null)).active.length === 0);
    expect(world.engine.jobs[0].limits).toEqual({ memoryMb: 512, minutes: 7 });
    const [ended] = (await world.market.trainings(null)).recent;
    expect(ended).toMatchObject({ runId: running.runId, state: 'published', step: 4 });
    expect(ended.note).toContain('it is better');
    const points = await trainingPoints(database.db, running.runId);
    expect(points.map(({ step, loss }) => [step, loss])).toEqual([
      [1, 4],
      [2, 2],
      [3, 4 / 3],
      [4, 1],
    ]);
    const chart = await world.market.trainingChart(running.runId, 'sft');
    expect(chart?.svg()).toContain('<svg');
    expect(
      Buffer.from(chart?.png() ?? [])
        .subarray(1, 4)
        .toString(),
    ).toBe('PNG');
    expect(await world.market.trainingChart(running.runId, 'kto')).toBeNull();
  });

  it('of 10,000 steps leaves at most 122 points, held-out losses among them, the last step too', async () => {
    const run = await database.db.selectFrom('trainingRun').selectAll().executeTakeFirstOrThrow();
    await database.db.deleteFrom('trainingPoint').execute();
    const { db } = database;
    const market = { db, log: quietLog, settings: { ...DEFAULT_SETTINGS, progressEveryMs: 60_000 } };
    const titled = { title: 'Pocket Atlas' };
    const report = progressReporter(market as never, { run, datanet: titled, model: titled } as never, 'sft');
    for (let step = 1; step <= 10_000; step++) {
      const heldOutLoss = step % 250 === 3 ? 5 / step : undefined;
      report.tell({ step, steps: 10_000, loss: 1 / step, tokensPerSecond: 1, etaMs: 0, heldOutLoss });
    }
    await report.flush();
    const points = await trainingPoints(db, run.id);
    expect(points.length).toBeLessThanOrEqual(122);
    expect(points.length).toBeGreaterThan(100);
    expect(points.at(-1)?.step).toBe(10_000);
    expect(points.filter((point) => point.heldOutLoss !== null)).toHaveLength(40);
  });
});

describe('cancelling', () => {
  it('is refused to others with who may, and stops a running training for the owner', async () => {
    const gate = holdAt(2);
    const contributor = await startTraining();
    await gate.reached;
    const [training] = (await world.market.trainings(await owner())).active;
    expect(training.mayCancel).toBe(true);
    const { runId } = training;
    expect(await world.market.cancelTraining({ person: contributor, runId })).toEqual({
      ok: false,
      code: 'not_allowed',
      ownerPseudonym: (await owner()).pseudonym,
    });
    expect(await world.market.cancelTraining({ person: await owner(), runId })).toEqual({
      ok: true,
      modelTitle: 'Pocket Atlas',
    });
    gate.release();
    expect((await world.market.trainings(null)).active).toEqual([]);
    const [ended] = (await world.market.trainings(null)).recent;
    expect(ended).toMatchObject({
      runId,
      state: 'cancelled',
      note: `cancelled by ${(await owner()).pseudonym}`,
    });
    expect((await world.market.datanet(SLUG))?.state).toBe('published');
    expect(await world.market.cancelTraining({ person: await owner(), runId })).toEqual({
      ok: false,
      code: 'already_ended',
      state: 'cancelled',
    });
    expect(await world.market.cancelTraining({ person: await owner(), runId: 'run_none' })).toEqual({
      ok: false,
      code: 'not_found',
    });
    const here = placeOf(contributor).conversationId;
    const told = await until(async () => {
      return news.find((one) => one.kind === 'training_cancelled' && one.conversationId === here) ?? false;
    });
    expect(told.text).toContain('The contributions stay accepted');
    await until(async () => !existsSync(world.engine.jobs[0].outDir));
    // It has not become a failure, and the next contributions start another.
    await startTraining();
    const next = await until(async () => {
      const [latest] = (await world.market.trainings(null)).recent;
      return latest.runId !== runId && latest;
    });
    expect(next.state).toBe('published');
  });

  it('by an operator takes a waiting training out of the line', async () => {
    const gate = holdAt(1);
    await startTraining();
    await gate.reached;
    const operator = await world.market.person({
      ...{ platform: 'test', userId: 'the-operator', displayName: 'Op' },
    });
    // A second run waits: the same lane trains one at a time.
    const [{ runId }] = (await world.market.trainings(null)).active;
    const first = await database.db
      .selectFrom('trainingRun')
      .selectAll()
      .where('id', '=', runId)
      .executeTakeFirstOrThrow();
    const versions = await database.db.selectFrom('datanetVersion').select('id').orderBy('number').execute();
    const waiting = { modelId: first.modelId, datanetVersionId: versions[0].id };
    await database.db
      .insertInto('trainingRun')
      .values([
        { ...waiting, id: 'run_second' },
        { ...waiting, datanetVersionId: versions[1].id, id: 'run_third' },
      ])
      .execute();
    await world.market.reconcile(); // gives them their jobs
    const { active } = await world.market.trainings(operator);
    expect(active.map(({ state, queuePosition }) => [state, queuePosition])).toEqual([
      ['running', null],
      ['queued', 1],
      ['queued', 2],
    ]);
    for (const id of ['run_second', 'run_third']) {
      expect(await world.market.cancelTraining({ person: operator, runId: id })).toMatchObject({ ok: true });
    }
    expect((await world.market.trainings(null)).active).toHaveLength(1);
    gate.release();
    await until(async () => (await world.market.trainings(null)).active.length === 0);
    expect(world.engine.jobs).toHaveLength(1);
  });
});

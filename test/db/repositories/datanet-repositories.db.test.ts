/** Datanets, contributions, reviews, versions; models, their versions and training runs. */
import { describe, expect, test } from 'vitest';
import { transact } from '../../../db/database.ts';
import { newId } from '../../../db/new-id.ts';
import {
  decideContribution,
  getContribution,
  listContributions,
  nextToReview,
  recordReview,
  reviewsOf,
  submitContribution,
} from '../../../db/repositories/contribution-repository.ts';
import { openConversation } from '../../../db/repositories/conversation-repository.ts';
import { datanetContributors, datanetProgress } from '../../../db/repositories/datanet-repository.ts';
import {
  contributionsOfVersion,
  createDatanetVersion,
  latestDatanetVersion,
} from '../../../db/repositories/datanet-version-repository.ts';
import { lifecycleOf } from '../../../db/repositories/lifecycle.ts';
import { getModel, listModels, transitionModel } from '../../../db/repositories/model-repository.ts';
import {
  listModelVersions,
  publishModelVersion,
  rejectModelVersion,
} from '../../../db/repositories/model-version-repository.ts';
import {
  claimNextTrainingRun,
  getTrainingRun,
  queueTrainingRun,
  requeueInterruptedRuns,
  setTrainingProgress,
  transitionTrainingRun,
  watchersOf,
  watchTrainingRun,
} from '../../../db/repositories/training-run-repository.ts';
import {
  acceptedContribution,
  newCandidate,
  newContribution,
  newDatanet,
  newPerson,
  newWorld,
} from '../../support/marketplace-rows.ts';
import { testDatabase } from '../../support/postgres.ts';

const database = testDatabase();

describe('contributions', () => {
  test('20 equal ones at once: one is taken, 19 are duplicates of it', async () => {
    const person = await newPerson(database.db);
    const datanet = await newDatanet(database.db, person.id);
    const same = { datanetId: datanet.id, personId: person.id, question: 'q', answer: 'a', contentHash: 'h' };
    const results = await Promise.all(
      Array.from({ length: 20 }, () => transact(database.db, (tx) => submitContribution(tx, same))),
    );
    const taken = results.flatMap((result) => (result.ok ? [result.contribution.id] : []));
    expect(taken).toHaveLength(1);
    for (const result of results)
      if (!result.ok) expect(result).toEqual({ ok: false, code: 'duplicate', contributionId: taken[0] });
  });

  test('a rejected one carries its reason and may be submitted again', async () => {
    const person = await newPerson(database.db);
    const datanet = await newDatanet(database.db, person.id);
    const first = await newContribution(database.db, datanet.id, person.id);
    const reject = {
      id: first.id,
      from: ['submitted'],
      to: 'rejected',
      cause: 'review',
      rejectReason: 'wrong',
    } as const;
    expect(await transact(database.db, (tx) => decideContribution(tx, reject))).toEqual({ ok: true });
    expect(await transact(database.db, (tx) => decideContribution(tx, reject))).toEqual({
      ok: false,
      code: 'wrong_state',
      state: 'rejected',
    });
    expect(await getContribution(database.db, first.id)).toMatchObject({
      state: 'rejected',
      rejectReason: 'wrong',
    });
    const { contentHash, datanetId, personId, question, answer } = first;
    const again = { contentHash, datanetId, personId, question, answer };
    expect((await transact(database.db, (tx) => submitContribution(tx, again))).ok).toBe(true);
    expect((await lifecycleOf(database.db, 'contribution', first.id)).map(({ toState }) => toState)).toEqual([
      'submitted',
      'rejected',
    ]);
  });

  test('nobody reviews their own, twice, or what is decided; the next to review is the oldest of others', async () => {
    const [author, reviewer] = [await newPerson(database.db), await newPerson(database.db)];
    const datanet = await newDatanet(database.db, author.id);
    const first = await newContribution(database.db, datanet.id, author.id);
    const second = await newContribution(database.db, datanet.id, author.id);
    const review = (contributionId: string, reviewerId: string) =>
      transact(database.db, (tx) =>
        recordReview(tx, { contributionId, reviewerId, verdict: 'reject', reason: 'wrong' }),
      );
    const next = (reviewerId: string) => nextToReview(database.db, { datanetId: datanet.id, reviewerId });
    expect(await next(author.id)).toBeUndefined();
    expect((await next(reviewer.id))?.id).toBe(first.id);
    expect(await review(first.id, author.id)).toEqual({ ok: false, code: 'own_contribution' });
    expect(await review(first.id, reviewer.id)).toEqual({ ok: true });
    expect(await review(first.id, reviewer.id)).toEqual({ ok: false, code: 'already_reviewed' });
    expect((await next(reviewer.id))?.id).toBe(second.id);
    const decision = { id: second.id, from: ['submitted'], to: 'accepted', cause: 'test' } as const;
    await transact(database.db, (tx) => decideContribution(tx, decision));
    expect(await review(second.id, reviewer.id)).toMatchObject({
      code: 'already_decided',
      state: 'accepted',
    });
    expect(await reviewsOf(database.db, first.id)).toHaveLength(1);
    const around = database.db
      .insertInto('review')
      .values({ contributionId: first.id, reviewerId: author.id, verdict: 'accept', reason: null })
      .execute();
    await expect(around).rejects.toMatchObject({ constraint: 'review_not_own' });
  });
});

test('a datanet tells its progress and contributors, and versions keep their order and never change', async () => {
  const [ada, bob] = [await newPerson(database.db), await newPerson(database.db)];
  const datanet = await newDatanet(database.db, ada.id);
  const accepted = [
    await acceptedContribution(database.db, datanet.id, ada.id),
    await acceptedContribution(database.db, datanet.id, bob.id),
    await acceptedContribution(database.db, datanet.id, bob.id),
  ];
  await newContribution(database.db, datanet.id, bob.id);
  const contributionIds = [accepted[2].id, accepted[0].id];
  const version = await transact(database.db, (tx) =>
    createDatanetVersion(tx, { datanetId: datanet.id, merkleRoot: 'r', contributionIds }),
  );
  expect(version).toMatchObject({ number: 1, contributionCount: 2 });
  expect((await contributionsOfVersion(database.db, version.id)).map(({ id }) => id)).toEqual(
    contributionIds,
  );
  expect(await datanetProgress(database.db, datanet.id)).toEqual({
    submitted: 1,
    accepted: 3,
    rejected: 0,
    retracted: 0,
    contributors: 2,
    acceptedSinceVersion: 1,
  });
  expect(await datanetContributors(database.db, datanet.id, 1)).toMatchObject([
    { personId: bob.id, accepted: 2 },
  ]);
  expect(await listContributions(database.db, { datanetId: datanet.id, state: 'accepted' })).toHaveLength(3);
  const change = database.owner.db.updateTable('datanetVersion').set({ merkleRoot: 'other' }).execute();
  await expect(change).rejects.toMatchObject({ constraint: 'version_immutable' });
  await transact(database.db, (tx) =>
    createDatanetVersion(tx, { datanetId: datanet.id, merkleRoot: 'r2', contributionIds }),
  );
  expect((await latestDatanetVersion(database.db, datanet.id))?.number).toBe(2);
});

describe('models', () => {
  test('publishing version 2 supersedes version 1 and changes who answers; a rejected one does not', async () => {
    const { model, version, datanetVersion } = await newWorld(database.db);
    const second = await transact(database.db, (tx) => newCandidate(tx, model.id, datanetVersion.id));
    const third = await transact(database.db, (tx) => newCandidate(tx, model.id, datanetVersion.id));
    await transact(database.db, (tx) =>
      publishModelVersion(tx, { id: second.id, cause: 'better by 4 points' }),
    );
    await transact(database.db, (tx) => rejectModelVersion(tx, { id: third.id, reason: 'worse' }));
    const versions = await listModelVersions(database.db, model.id);
    expect(versions.map(({ number, state }) => `${number} ${state}`)).toEqual([
      '3 rejected',
      '2 published',
      '1 superseded',
    ]);
    expect((await getModel(database.db, model.id))?.currentVersionId).toBe(second.id);
    const again = await transact(database.db, (tx) =>
      publishModelVersion(tx, { id: version.id, cause: 'no' }),
    );
    expect(again).toEqual({ ok: false, code: 'wrong_state', state: 'superseded' });
  });

  test('a retired model is not listed, and says why in its history', async () => {
    const { model } = await newWorld(database.db);
    expect((await listModels(database.db)).map(({ id }) => id)).toContain(model.id);
    await transact(database.db, (tx) =>
      transitionModel(tx, { id: model.id, from: ['listed'], to: 'retired', cause: 'owner asked' }),
    );
    expect((await listModels(database.db)).map(({ id }) => id)).not.toContain(model.id);
    expect((await lifecycleOf(database.db, 'model', model.id)).at(-1)).toMatchObject({
      fromState: 'listed',
      toState: 'retired',
      cause: 'owner asked',
    });
  });

  test('a split of 9,999 basis points and a negative price are refused by the database', async () => {
    const { model } = await newWorld(database.db);
    const set = (values: object) =>
      database.db.updateTable('model').set(values).where('id', '=', model.id).execute();
    await expect(set({ dataBps: 4999 })).rejects.toMatchObject({ constraint: 'model_split' });
    await expect(set({ priceCallNano: -1n })).rejects.toMatchObject({ code: 'database_rule_broken' });
  });
});

describe('training runs', () => {
  test('are queued once, claimed by one of 5 workers, watched, finished and requeued after a stop', async () => {
    const { model, datanetVersion, creator } = await newWorld(database.db);
    const request = { modelId: model.id, datanetVersionId: datanetVersion.id, cause: '20 new contributions' };
    const queued = await transact(database.db, (tx) => queueTrainingRun(tx, request));
    if (!queued.ok) throw new Error(queued.code);
    const { id } = queued.run;
    expect(await transact(database.db, (tx) => queueTrainingRun(tx, request))).toMatchObject({
      code: 'already_active',
    });
    const claims = await Promise.all(
      Array.from({ length: 5 }, () => transact(database.db, (tx) => claimNextTrainingRun(tx))),
    );
    expect(claims.flatMap((run) => (run ? [run.id] : []))).toEqual([id]);
    await setTrainingProgress(database.db, id, { step: 10, of: 200 });
    expect(await transact(database.db, (tx) => requeueInterruptedRuns(tx))).toBe(1);
    await transact(database.db, (tx) => claimNextTrainingRun(tx));
    const place = { platform: 'telegram', platformConversationId: newId('chat'), personId: creator.id };
    const conversation = await transact(database.db, (tx) => openConversation(tx, place));
    for (let i = 0; i < 2; i++)
      await transact(database.db, (tx) => watchTrainingRun(tx, id, conversation.id));
    expect((await watchersOf(database.db, id)).map((watcher) => watcher.id)).toEqual([conversation.id]);
    const failed = { id, from: ['running'], to: 'failed', cause: 'engine', error: 'out of memory' } as const;
    expect(await transact(database.db, (tx) => transitionTrainingRun(tx, failed))).toEqual({ ok: true });
    expect(await getTrainingRun(database.db, id)).toMatchObject({
      state: 'failed',
      error: 'out of memory',
      progress: { step: 10, of: 200 },
      finishedAt: expect.any(Date),
    });
    expect((await lifecycleOf(database.db, 'training_run', id)).map(({ toState }) => toState)).toEqual([
      'queued',
      'running',
      'queued',
      'running',
      'failed',
    ]);
    expect((await transact(database.db, (tx) => queueTrainingRun(tx, request))).ok).toBe(true);
  });
});

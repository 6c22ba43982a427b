// Retracted contributions are not paid: their influence goes to the fallback, and their contributor gets no fallback
// for them; with nobody left, the model's creator holds the pool, so that no money is lost.
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { transact } from '../../db/database.ts';
import { decideContribution, listContributions } from '../../db/repositories/contribution-repository.ts';
import { testDatabase } from '../support/postgres.ts';
import {
  ask,
  done,
  expectBooksHold,
  newPerson,
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

const EGYPT = 'What is the capital of Egypt?';

async function retract(which: RegExp): Promise<void> {
  for (const { id, question } of await listContributions(database.db, { state: 'accepted' })) {
    if (!which.test(question)) continue;
    const decision = { id, from: ['accepted'], to: 'retracted', cause: 'test' } as const;
    await transact(database.db, (tx) => decideContribution(tx, decision));
  }
}

async function provenanceOf(question: string) {
  const { callId } = done(await ask(world.market, await newPerson(world.market), question));
  await world.market.attributeNow(callId);
  return { callId, provenance: await world.market.provenance(callId) };
}

it('pays Egypt 60 %, and after its retraction 0 %, the rest to those who remain', async () => {
  expect((await provenanceOf(EGYPT)).provenance?.top[0]).toMatchObject({ pseudonym: 'cleo', share: 0.6 });
  await retract(/Egypt/);
  const { provenance } = await provenanceOf(EGYPT);
  expect(provenance?.top.map(({ question }) => question)).toEqual(['What is the capital of Kenya?']);
  expect(provenance?.contributorsPaid).toBe(3); // cleo's other two stand
});

it('without any contribution of cleo left pays ada and ben alone', async () => {
  await retract(/Kenya|Ghana/);
  const { provenance, callId } = await provenanceOf(EGYPT);
  expect(provenance).toMatchObject({ top: [], contributorsPaid: 2, fallbackNano: provenance?.dataPoolNano });
  const story = await world.market.callStory(callId);
  expect(story?.shares.map(({ pseudonym }) => pseudonym).sort()).toEqual(['ada', 'ben']);
});

it('with nobody left leaves the pool to the model’s creator, and the receipt is true', async () => {
  await retract(/./);
  const { callId } = await provenanceOf(EGYPT);
  const story = await world.market.callStory(callId);
  expect(story?.shares.map(({ pseudonym }) => pseudonym)).toEqual(['demo-creator']);
  expect(story?.checks.filter((check) => !check.ok)).toEqual([]);
});

it('whose attribution fails 8 times falls back to the equal split, and the receipt says so', async () => {
  const { callId } = done(await ask(world.market, await newPerson(world.market), EGYPT));
  world.engine.faults.failAttribution = true;
  await expect(world.market.attributeNow(callId, 7)).rejects.toThrow('fake: attribution failed');
  await world.market.attributeNow(callId, 8);
  world.engine.faults.failAttribution = false;
  const provenance = await world.market.provenance(callId);
  expect(provenance).toMatchObject({ state: 'attributed', top: [], fallbackNano: provenance?.dataPoolNano });
  const story = await world.market.callStory(callId);
  expect(story?.receipt?.body).toMatchObject({
    attribution: { note: 'attribution failed 8 times: equal split' },
  });
  expect(story?.checks.filter((check) => !check.ok)).toEqual([]);
});

it('whose last try is interrupted, as the program stops, keeps the pool for the next start', async () => {
  const { callId } = done(await ask(world.market, await newPerson(world.market), EGYPT));
  const stopped = await world.again();
  await stopped.stop();
  world.engine.faults.failAttribution = true;
  await expect(stopped.attributeNow(callId, 8)).rejects.toThrow('fake: attribution failed');
  world.engine.faults.failAttribution = false;
  expect(await world.market.provenance(callId)).toMatchObject({ state: 'pending' });
});

it('whose attribution fails keeps the pool for the next try, and pays nobody twice', async () => {
  const { callId } = done(await ask(world.market, await newPerson(world.market), EGYPT));
  world.engine.faults.failAttribution = true;
  await expect(world.market.attributeNow(callId)).rejects.toThrow('fake: attribution failed');
  expect(await world.market.provenance(callId)).toMatchObject({ state: 'pending' });
  world.engine.faults.failAttribution = false;
  await world.market.attributeNow(callId);
  expect(await world.market.provenance(callId)).toMatchObject({ state: 'attributed' });
});

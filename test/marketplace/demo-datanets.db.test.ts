// A first start with all demo datanets: every model is listed at once, the stores of all but the first are built when
// somebody takes an interest, and what starts again finds everything done.
import { expect, it } from 'vitest';
import { demoDatanets } from '../../marketplace/demo/demo-datanets.ts';
import { testDatabase } from '../support/postgres.ts';
import {
  ask,
  done,
  expectBooksHold,
  newPerson,
  placeOf,
  testMarketplace,
} from '../support/test-marketplace.ts';

const database = testDatabase();
const slugs = demoDatanets.map(({ slug }) => slug);
const titles = demoDatanets.map(({ title }) => title);

it('lists three models in their order, builds one store at once and the others on the first interest', async () => {
  const test = await testMarketplace(database, {}, undefined, slugs);
  const { market, engine } = test;
  try {
    expect((await market.models()).map(({ title, versionNumber }) => [title, versionNumber])).toEqual(
      titles.map((title) => [title, 1]),
    );
    for (const { state, accepted, contributors, versions } of await market.datanets()) {
      expect([state, accepted, contributors.length]).toEqual(['published', 9, 3]);
      expect(versions.map(({ merkleRoot }) => merkleRoot)).toEqual([
        expect.stringMatching(/^0x[\da-f]{64}$/),
      ]);
    }
    expect(engine.calls.buildStore).toBe(1);

    const person = await newPerson(market);
    const chosen = await market.chooseModel({ person, conversationKey: placeOf(person), slug: slugs[1] });
    expect(chosen?.title).toBe(titles[1]);
    await expect.poll(() => engine.calls.buildStore).toBe(2);

    // Nobody looked at the third before: its first attribution builds the store, the second one uses it.
    for (const text of ['What is the capital of France?', 'What is the capital of Kenya?']) {
      const answer = done(await ask(market, person, text, { modelSlug: slugs[2] }));
      await market.attributeNow(answer.callId);
      const provenance = await market.provenance(answer.callId);
      expect(provenance?.state).toBe('attributed');
      expect(provenance?.top[0]?.question).toBe(text);
    }
    expect(engine.calls.buildStore).toBe(3);
    await expectBooksHold(database.db);

    const again = await test.again();
    expect((await again.models()).map(({ title }) => title)).toEqual(titles);
    expect(engine.calls.buildStore).toBe(3);
    await again.stop();
  } finally {
    await test.close();
  }
});

// Consent that is withdrawn while contributions arrive: what was stored is retracted with the rest, what comes later is
// asked about. Fake engine, real Postgres.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { testDatabase } from '../../support/postgres.ts';
import {
  newPerson,
  placeOf,
  SLUG,
  type TestMarketplace,
  testMarketplace,
} from '../../support/test-marketplace.ts';

const database = testDatabase();
let world: TestMarketplace;
beforeAll(async () => {
  world = await testMarketplace(database);
});
afterAll(() => world.close());

const letters = 'abcdefghij';

describe('a withdrawal among 10 contributions at the same time', () => {
  it('leaves none standing, 10 times over, and those that came too late ask for the consent', async () => {
    const { market } = world;
    for (const round of letters) {
      const person = await newPerson(market);
      await market.consent(person, SLUG);
      const give = (letter: string) =>
        market.contribute({
          ...{ person, datanetSlug: SLUG, conversationKey: placeOf(person) },
          ...{
            question: `What is the capital of Land ${round}${letter}?`,
            answer: `It is City ${round}${letter}.`,
          },
        });
      const before = [...letters.slice(0, 5)].map(give);
      const withdrawn = market.withdraw(person);
      const after = [...letters.slice(5)].map(give);
      const results = await Promise.all([...before, ...after]);
      await withdrawn;
      for (const result of results) if (!result.ok) expect(result.code).toBe('consent_missing');
      expect(await give('y')).toMatchObject({ code: 'consent_missing' });
      const standing = await database.db
        .selectFrom('contribution')
        .select('state')
        .where('personId', '=', person.id)
        .where('state', '!=', 'retracted')
        .execute();
      expect(standing).toEqual([]);
    }
  });
});

// Near duplicates at intake: refused with a reason, nothing stored; other wordings taken with a word about who is paid.
// Fake engine, real Postgres.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ContributeResult } from '../../../marketplace/datanets/intake-views.ts';
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

async function give(question: string, answer: string): Promise<ContributeResult> {
  const person = await newPerson(world.market);
  await world.market.consent(person, SLUG);
  return world.market.contribute({
    ...{ person, datanetSlug: SLUG, conversationKey: placeOf(person) },
    ...{ question, answer },
  });
}

const rows = () =>
  database.db
    .selectFrom('contribution')
    .select((eb) => eb.fn.countAll<string>().as('count'))
    .executeTakeFirstOrThrow();

describe('a contribution to a datanet that knows the capital of France', () => {
  it('is refused and not stored as a near copy; the exact copy has its own refusal', async () => {
    const before = await rows();
    const copy = await give('what is the capital of france', 'The capital of France is: Paris!');
    expect(copy).toMatchObject({ ok: false, code: 'rejected_by_check', check: 'near_duplicate' });
    if (!copy.ok && copy.code === 'rejected_by_check') {
      expect(copy.reason).toContain('100 % of this stands in');
      expect(copy.reason).toContain('“What is the capital of France?”');
    }
    const exact = await give('What is the capital of  FRANCE?', 'The capital of France is Paris.');
    expect(exact).toMatchObject({ ok: false, code: 'duplicate' });
    expect(await rows()).toEqual(before);
  });

  it('is taken in other words, and its author learns that the first is paid', async () => {
    const result = await give("Could you give me France's capital?", 'Paris is the capital of France.');
    expect(result).toMatchObject({ ok: true, sameFactAs: 'What is the capital of France?' });
  });

  it('is taken as new about another country, or with another answer', async () => {
    for (const [question, answer] of [
      ['What is the capital of Gabon?', 'The capital of Gabon is Libreville.'],
      ['What is the capital of France?', 'The capital of France is Lyon.'],
    ] as const) {
      const result = await give(question, answer);
      expect(result).toMatchObject({ ok: true });
      expect(result).not.toHaveProperty('sameFactAs');
    }
  });
});

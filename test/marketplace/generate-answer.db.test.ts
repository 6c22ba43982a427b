// An answer as the database can hold it, whatever bytes the model wrote; against a real Postgres.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openNano } from '../../db/ledger/amount.ts';
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

const FRANCE = 'What is the capital of France?';
const PRICE = openNano('0.002156');

it('a call whose answer holds a NUL, which no database text can, is delivered without it', async () => {
  const { market, engine } = world;
  const person = await newPerson(market);
  const { generate } = engine;
  engine.generate = async function* (request, signal) {
    for await (const event of generate(request, signal))
      yield 'text' in event ? { ...event, text: `${event.text}\0` } : event;
  };
  try {
    const asked = await ask(market, person, FRANCE);
    expect(done(asked)).toMatchObject({ text: 'The capital of France is Paris.', priceNano: PRICE });
    expect(asked.shown.at(-1)).toBe('The capital of France is Paris.');
    await expectBooksHold(database.db);
  } finally {
    engine.generate = generate;
  }
});

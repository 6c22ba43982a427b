// A receipt by its number, for `npm run attribute` on the machine that has the database: with the very words it was hashed from,
// true by itself, and measured again to the same figures.
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { recomputeReceipt } from '../../../marketplace/attribution/recompute-receipt.ts';
import { storedReceipt } from '../../../marketplace/attribution/stored-receipt.ts';
import { adapterOf, storeDirOf } from '../../../marketplace/listings/adapter-of.ts';
import { testDatabase } from '../../support/postgres.ts';
import {
  ask,
  done,
  newPerson,
  type TestMarketplace,
  testMarketplace,
} from '../../support/test-marketplace.ts';

const database = testDatabase();
let world: TestMarketplace;
beforeAll(async () => {
  world = await testMarketplace(database);
  vi.stubEnv('DATABASE_URL', database.url);
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await world.close();
});

it('is found with its words, and agrees with a second measurement; another store does not', async () => {
  const answer = done(
    await ask(world.market, await newPerson(world.market), 'What is the capital of France?'),
  );
  await world.market.attributeNow(answer.callId);
  const stored = await storedReceipt(answer.receiptNumber, world.dataDir);
  if (stored === null) throw new Error('no receipt');
  const { file, checks } = stored;
  expect(checks.filter(({ ok }) => !ok)).toEqual([]);
  expect(file.private).toMatchObject({ answer: 'The capital of France is Paris.' });
  const version = await database.db.selectFrom('modelVersion').selectAll().executeTakeFirstOrThrow();
  const local = {
    adapterDir: adapterOf(world, version).dir,
    storeDir: storeDirOf(world, version) ?? '',
  };
  const words = file.private;
  if (words === undefined) throw new Error('no words');
  expect(await recomputeReceipt(world.engine, file.receipt, words, local)).toMatchObject({
    ...{ ok: true, exact: true, offPpm: 0 },
  });
  const otherwise = {
    attribute: async (request: Parameters<typeof world.engine.attribute>[0]) => ({
      ...(await world.engine.attribute(request)),
      storeHash: 'another',
    }),
  };
  const { ok, checks: found } = await recomputeReceipt(otherwise, file.receipt, words, local);
  expect([ok, found.at(-1)?.what]).toEqual([false, 'gradient store']);
  // Another question's words give other shares: the receipt's figures are of these words alone.
  const swapped = { ...words, prompt: [{ role: 'user', content: 'What is the capital of Egypt?' }] };
  expect((await recomputeReceipt(world.engine, file.receipt, swapped, local)).ok).toBe(false);
  for (const none of ['R-000999', 'x']) expect(await storedReceipt(none, world.dataDir)).toBeNull();
});

// Near copies in the fallback of a whole marketplace: what the version's gradient store says is a copy shares the weight of its
// first, from the very next answer on; a store that cannot be read counts nothing as a copy and holds nobody's money up.
import { readFile, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { listContributions } from '../../../db/repositories/contribution-repository.ts';
import { getReceipt } from '../../../db/repositories/receipt-repository.ts';
import { hashBytes } from '../../../engine/attribution/content-hash.ts';
import { emptyRows } from '../../../engine/attribution/feature-rows.ts';
import { writeGradientStore } from '../../../engine/attribution/gradient-store.ts';
import { storeDirOf } from '../../../marketplace/listings/adapter-of.ts';
import type { ReceiptBody } from '../../../marketplace/receipts/receipt-body.ts';
import { figureChecks } from '../../../marketplace/receipts/verify-receipt.ts';
import { testDatabase } from '../../support/postgres.ts';
import {
  ask,
  done,
  FACTS,
  newPerson,
  type TestMarketplace,
  testMarketplace,
} from '../../support/test-marketplace.ts';

const database = testDatabase();
let world: TestMarketplace;
beforeAll(async () => {
  world = await testMarketplace(database);
});
afterAll(() => world.close());

/** By which weights an answer of which nothing is traced pays ada, ben and cleo. */
async function weights(): Promise<readonly (number | undefined)[]> {
  const question = 'What is the capital of Nowhere?';
  const { callId } = done(await ask(world.market, await newPerson(world.market), question));
  await world.market.attributeNow(callId);
  const body = (await getReceipt(database.db, callId))?.body as unknown as ReceiptBody;
  expect(figureChecks(body).filter(({ ok }) => !ok)).toEqual([]);
  const shares = body.attribution?.shares ?? [];
  return ['ada', 'ben', 'cleo'].map((name) => shares.find(({ contributor }) => contributor === name)?.weight);
}

async function storeDir(): Promise<string> {
  const version = await database.db.selectFrom('modelVersion').selectAll().executeTakeFirstOrThrow();
  return storeDirOf(world, version) ?? '';
}

it('three facts that are one weigh one, in the next answer and no later; by a spoilt store they are three again', async () => {
  expect(await weights()).toEqual([3_000, 3_000, 3_000]);
  const dir = await storeDir();
  const contributions = await listContributions(database.db, {});
  const [france, spain, italy] = FACTS.map(
    ([, question]) => contributions.find((one) => one.question === question)?.id ?? '',
  );
  const meta = {
    ...{ base: hashBytes('base'), adapter: hashBytes('adapter'), methodId: 'fisher/2', width: 4 },
    points: [{ adapter: hashBytes('adapter'), strength: 0.5, weight: 1 }],
    ...{ strength: 0.5, examples: [{ id: france, sha256: hashBytes('a') }], decoys: [] },
    copies: [
      { id: spain, of: france, rule: 'exact' as const },
      { id: italy, of: france, rule: 'exact' as const },
    ],
    ...{ damping: 1, dampingTried: [], floorQuantile: 0.99, curvature: hashBytes('curvature'), seed: 0 },
  };
  const fake = await readFile(join(dir, 'fake-store.json'));
  writeGradientStore(dir, meta, emptyRows(1, 4));
  await writeFile(join(dir, 'fake-store.json'), fake); // what the fake engine reads, beside what the marketplace does
  expect(await weights()).toEqual([1_000, 3_000, 3_000]);
  await writeFile(join(dir, 'meta.json'), 'not a store');
  await utimes(join(dir, 'meta.json'), 1, 1);
  expect(await weights()).toEqual([3_000, 3_000, 3_000]);
});

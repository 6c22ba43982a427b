// Nine facts under one name and under nine, through the whole marketplace: given, accepted, trained, asked about, paid. Before
// the fallback was shared by contributions one name got 25 % of it and nine names 75 %.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { getReceipt } from '../../../db/repositories/receipt-repository.ts';
import type { Person } from '../../../marketplace/marketplace.ts';
import type { ReceiptBody } from '../../../marketplace/receipts/receipt-body.ts';
import { figureChecks } from '../../../marketplace/receipts/verify-receipt.ts';
import { acceptedOf, payIn, people, trained } from '../../support/attackers.ts';
import { testDatabase } from '../../support/postgres.ts';
import {
  ask,
  done,
  expectBooksHold,
  type TestMarketplace,
  testMarketplace,
} from '../../support/test-marketplace.ts';

const PLACES = ['Chad', 'Peru', 'Cuba', 'Iran', 'Iraq', 'Mali', 'Oman', 'Togo', 'Laos'];
const databases = [testDatabase(), testDatabase()] as const;
const worlds: TestMarketplace[] = [];
beforeAll(async () => {
  for (const database of databases) {
    const world = await testMarketplace(database, { trainAfterAccepted: PLACES.length });
    worlds.push(world);
    await world.market.start(async () => {});
  }
});
afterAll(() => Promise.all(worlds.map((world) => world.close())));

/** The part of the data pool that the names get of an answer that nothing stood out for. */
async function partOf(at: 0 | 1, names: number): Promise<number> {
  const [world, { db }] = [worlds[at], databases[at]];
  const [reviewer, asker, ...givers] = await people(world, 2 + names);
  for (const [index, place] of PLACES.entries()) {
    const fact = [`What is the capital of ${place}?`, `It is City ${index}.`] as const;
    await acceptedOf(world, givers[index % names], [reviewer], fact);
  }
  await trained(world);
  await payIn(db, asker, '0.1');
  const { callId, versionNumber } = done(await ask(world.market, asker, 'What is the capital of Nowhere?'));
  expect(versionNumber).toBe(2);
  await world.market.attributeNow(callId);
  const body = (await getReceipt(db, callId))?.body as unknown as ReceiptBody;
  expect(figureChecks(body).filter(({ ok }) => !ok)).toEqual([]);
  await expectBooksHold(db);
  const isMine = (pseudonym: string) => givers.some((person: Person) => person.pseudonym === pseudonym);
  const mine = (body.attribution?.shares ?? []).filter(({ contributor }) => isMine(contributor));
  const got = mine.reduce((sum, { amountNano }) => sum + BigInt(amountNano), 0n);
  return Number(got) / Number(body.partsNano.data);
}

it('pays nine facts beside nine others half of the fallback, under one name and under nine: a gain of 1.000', async () => {
  const [one, nine] = [await partOf(0, 1), await partOf(1, 9)];
  expect(one).toBeCloseTo(0.5, 5);
  expect(nine / one).toBeCloseTo(1, 5);
});

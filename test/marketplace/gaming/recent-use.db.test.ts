// Which answers prove that a contribution is of use, and how often that is looked at: for each call where contributions are few,
// once in five minutes where they are many.
import { sql } from 'kysely';
import { expect, it } from 'vitest';
import { newId } from '../../../db/new-id.ts';
import { recentUse } from '../../../marketplace/attribution/recent-use.ts';
import { newWorld, type World } from '../../support/marketplace-rows.ts';
import { testDatabase } from '../../support/postgres.ts';

const database = testDatabase();

/** An answer to a stranger at a price of 2 nano, as it stands after its split. */
async function answered(
  { datanetVersion, contributions, creator, model }: World,
  at: Date,
  { grantNano = 0, traced = true }: { readonly grantNano?: number; readonly traced?: boolean } = {},
): Promise<void> {
  const id = newId('call');
  await database.owner.db.transaction().execute(async (tx) => {
    await sql`set local session_replication_role = replica`.execute(tx);
    await sql`insert into hold (id, owner_id, call_id, amount_nano, grant_nano, balance_nano, captured_nano, state,
        expires_at, settled_at, hold_transfer_id, settle_transfer_id)
      values (${id}, 'p', ${id}, 2, ${grantNano}::int, 2 - ${grantNano}::int, 2, 'captured', now(), now(), 1, 2)`.execute(
      tx,
    );
    await sql`insert into call (id, event_key, person_id, model_id, model_version_id, state, hold_id, ceiling_nano,
        price_nano, prompt, prompt_hash, answer, settled_at)
      values (${id}, ${id}, 'a stranger', ${model.id}, 'v', 'captured', ${id}, 2, 2, 'q', 'h', 'a', ${at})`.execute(
      tx,
    );
    await sql`insert into call_share (call_id, rank, contribution_id, person_id, kind, share_ppm, amount_nano, at,
        datanet_id, dust_micronano)
      values (${id}, 1, ${traced ? contributions[0].id : null}, ${creator.id}, ${traced ? 'influence' : 'fallback'}, 600000, 1,
        ${at}, ${datanetVersion.datanetId}, 0)`.execute(tx);
  });
}

it('is looked at anew for 999 contributions, and after five minutes for 1,000', async () => {
  const { db } = database;
  const world = await newWorld(db);
  const { datanetVersion } = world;
  const nowMs = Date.UTC(2026, 0, 1);
  let aheadMs = 0;
  const market = { db, clock: () => new Date(nowMs + aheadMs) };
  const look = async (count: number) => (await recentUse(market, datanetVersion.id, count)).used.size;
  expect(await look(999)).toBe(0);
  await answered(world, market.clock());
  expect(await look(1_000)).toBe(0); // of the look before
  expect(await look(999)).toBe(1);
  aheadMs = 91 * 86_400_000; // long ago is no use any more
  expect(await look(1_000)).toBe(0);
});

it('is proven by an answer that was paid in for in full and traced: by 1 of these 3, and the others count for nothing', async () => {
  const { db } = database;
  const world = await newWorld(db);
  const at = new Date(Date.UTC(2026, 0, 1));
  const look = () => recentUse({ db, clock: () => at }, world.datanetVersion.id, 2);
  await answered(world, at, { grantNano: 1 }); // half a gift
  expect(await look()).toEqual({ used: new Set(), paidAnswers: 0 });
  await answered(world, at, { traced: false });
  expect(await look()).toEqual({ used: new Set(), paidAnswers: 0 });
  await answered(world, at);
  expect(await look()).toEqual({ used: new Set([world.contributions[0].id]), paidAnswers: 1 });
  // Chatter that nothing is traced in takes no fact its use: before, 5 of it did.
  for (let i = 0; i < 5; i++) await answered(world, at, { traced: false });
  expect(await look()).toEqual({ used: new Set([world.contributions[0].id]), paidAnswers: 1 });
});

// How often the use of contributions is looked at: for each call where they are few, once in five minutes where they are many.
import { sql } from 'kysely';
import { expect, it } from 'vitest';
import { recentUse } from '../../../marketplace/attribution/recent-use.ts';
import { newWorld } from '../../support/marketplace-rows.ts';
import { testDatabase } from '../../support/postgres.ts';

const database = testDatabase();

it('is looked at anew for 999 contributions, and after five minutes for 1,000', async () => {
  const { db } = database;
  const { datanetVersion, contributions, creator } = await newWorld(db);
  const nowMs = Date.UTC(2026, 0, 1);
  let aheadMs = 0;
  const market = { db, clock: () => new Date(nowMs + aheadMs) };
  const look = async (count: number) => (await recentUse(market, datanetVersion.id, count)).used.size;
  expect(await look(999)).toBe(0);
  await database.owner.db.transaction().execute(async (tx) => {
    await sql`set local session_replication_role = replica`.execute(tx);
    await sql`insert into hold (id, owner_id, call_id, amount_nano, grant_nano, balance_nano, captured_nano, state,
        expires_at, settled_at, hold_transfer_id, settle_transfer_id)
      values ('h', 'p', 'c', 1, 0, 1, 1, 'captured', now(), now(), 1, 2)`.execute(tx);
    await sql`insert into call (id, event_key, person_id, model_id, model_version_id, state, hold_id, ceiling_nano,
        price_nano, prompt, prompt_hash, answer, settled_at)
      select 'c', 'e', 'a stranger', m.id, m.current_version_id, 'captured', 'h', 1, 1, 'q', 'h', 'a', ${market.clock()}
      from model m`.execute(tx);
    await sql`insert into call_share (call_id, rank, contribution_id, person_id, kind, share_ppm, amount_nano, at,
        datanet_id, dust_micronano)
      values ('c', 1, ${contributions[0].id}, ${creator.id}, 'influence', 600000, 1, ${market.clock()},
        ${datanetVersion.datanetId}, 0)`.execute(tx);
  });
  expect(await look(1_000)).toBe(0); // of the look before
  expect(await look(999)).toBe(1);
  aheadMs = 91 * 86_400_000; // long ago is no use any more
  expect(await look(1_000)).toBe(0);
});

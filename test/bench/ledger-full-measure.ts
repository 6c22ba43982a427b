// Whether the ledger slows down as it grows: calls per second on a database with a million transfers beside a fresh one, in
// turn. Used by ledger-bench.ts. The million is written by set-based SQL through the real triggers and constraints, each a
// posting of two entries as transfers of the product are; what it leaves is analysed and rolled up as in production.
import { sql } from 'kysely';
import type { OpenDatabase } from '../../db/database.ts';
import { createLedgerBatcher } from '../../db/ledger/ledger-batcher.ts';
import { interleaved, ratioOf } from './interleaved.ts';
import { type LedgerMeasure, richPeople } from './ledger-bench-context.ts';
import { callSide } from './ledger-measures.ts';

const TRANSFERS = 1_000_000;
const QUICK_TRANSFERS = 20_000;
const CHUNK = 20_000;
const ROUNDS = 7;
const CLIENTS = 16;

export const fullTableMeasure: LedgerMeasure = {
  figures: [
    {
      name: 'full-table',
      measure: 'calls per second after 1,000,000 transfers / on a fresh ledger',
      unit: '×',
      goal: { atLeast: 0.9 },
    },
  ],
  run: ({ onDatabase, quick, say }) =>
    onDatabase(CLIENTS, (full) =>
      onDatabase(CLIENTS, async (fresh) => {
        await fill(full, quick ? QUICK_TRANSFERS : TRANSFERS, say);
        const side = async (name: string, open: OpenDatabase) =>
          callSide(name, createLedgerBatcher(open.db), await richPeople(open, CLIENTS));
        const [onFull, onFresh] = await interleaved(
          [await side('full ledger', full), await side('fresh ledger', fresh)],
          quick ? 1 : ROUNDS,
        );
        return { 'full-table': ratioOf(onFull, onFresh) };
      }),
    ),
};

/** Transfers of 1 nano from the treasury to 10,000 people, in random order of keys as the product's are. */
async function fill({ db }: OpenDatabase, transfers: number, say: (line: string) => void): Promise<void> {
  await sql`insert into account (kind, owner_id) values ('treasury', 'treasury') on conflict do nothing`.execute(
    db,
  );
  await sql`insert into account (kind, owner_id) select 'user', 'filler_' || n from generate_series(0, 9999) n`.execute(
    db,
  );
  for (let from = 0; from < transfers; from += CHUNK) {
    await sql`
      insert into transfer (idempotency_key, request_hash, kind, reason, call_id, account_ids, amounts_nano, result)
        select 'fill:' || gen_random_uuid(), encode(sha256(n::text::bytea), 'hex'), 'transfer', 'bench', 'fill_' || gen_random_uuid(),
          array[(select id from account where kind = 'treasury'),
            (select id from account where owner_id = 'filler_' || n % 10000 and kind = 'user')], '{-1,1}',
          jsonb_build_object('ok', true, 'amountNano', '1')
        from generate_series(${from}::int, ${from + CHUNK - 1}::int) n`.execute(db);
    if ((from / CHUNK) % 10 === 9) say(`  ${from + CHUNK} transfers`);
  }
  await sql`select ledger_roll_up()`.execute(db);
  await sql`vacuum analyze`.execute(db);
}

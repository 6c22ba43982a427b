// How long an epoch of 100,000 receipts takes, from the cut to its root and its published file, and how long the thread that
// talks to people is held meanwhile. Used by ledger-bench.ts. Rows are written by set-based SQL; cut and trees are the
// product's own, on the product's worker thread. Lag is sampled each millisecond while the epoch is cut and built.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { sql } from 'kysely';
import type { OpenDatabase } from '../../db/database.ts';
import { ZERO_NANO } from '../../db/ledger/amount.ts';
import { getEpoch } from '../../db/repositories/epoch-repository.ts';
import type { MarketplaceContext } from '../../marketplace/marketplace-context.ts';
import { DEFAULT_SETTINGS } from '../../marketplace/marketplace-settings.ts';
import { buildEpoch } from '../../marketplace/payouts/build-epoch.ts';
import { cutEpoch } from '../../marketplace/payouts/cut-epoch.ts';
import { newWorld, type World } from '../support/marketplace-rows.ts';
import type { Measured } from './bench-figure.ts';
import type { LedgerBench, LedgerMeasure } from './ledger-bench-context.ts';

const LEAVES = 100_000;
const QUICK_LEAVES = 5_000;
const EPOCHS = 3;

type Market = Pick<MarketplaceContext, 'db' | 'settings' | 'clock' | 'dataDir' | 'stopping'>;

export const epochMeasure: LedgerMeasure = {
  figures: [
    {
      name: 'epoch',
      measure: 'epoch of 100,000 receipts: cut, tree, leaf file and root in a worker',
      unit: 's',
      goal: { atMost: 60 },
    },
    {
      name: 'epoch-lag',
      measure: 'lag of the main thread meanwhile, p99',
      unit: 'ms',
      goal: { atMost: 20 },
    },
    { name: 'epoch-claims', measure: 'claims tree of 100,000 accounts: tree, leaf file and root', unit: 's' },
  ],
  run: ({ onDatabase, quick, say }) => onDatabase(4, (open) => measured(open, { quick, say })),
};

async function measured(
  open: OpenDatabase,
  { quick, say }: Pick<LedgerBench, 'quick' | 'say'>,
): Promise<Readonly<Record<'epoch' | 'epoch-lag' | 'epoch-claims', Measured>>> {
  const dataDir = mkdtempSync(join(tmpdir(), 'epoch-bench-'));
  const market: Market = {
    db: open.db,
    dataDir,
    settings: { ...DEFAULT_SETTINGS, epochReceiptsMax: LEAVES },
    clock: () => new Date(),
    stopping: new AbortController().signal,
  };
  try {
    const leaves = quick ? QUICK_LEAVES : LEAVES;
    const world = await newWorld(open.db);
    const seconds: number[] = [];
    const lags: number[] = [];
    for (let number = 1; number <= (quick ? 1 : EPOCHS); number++) {
      await addReceipts(open, world, leaves);
      const lag = monitorEventLoopDelay({ resolution: 1 });
      lag.enable();
      const started = performance.now();
      await cutAndBuild(market, number, leaves);
      seconds.push((performance.now() - started) / 1000);
      lag.disable();
      lags.push(lag.percentile(99) / 1e6);
      say(
        `  epoch ${number}: ${seconds.at(-1)?.toFixed(1)} s, longest hold ${(lag.max / 1e6).toFixed(0)} ms`,
      );
    }
    const claims = await claimsSeconds(market, leaves);
    return {
      epoch: spread(seconds),
      'epoch-lag': spread(lags),
      'epoch-claims': { value: claims },
    };
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
}

/** The median with its range. */
function spread(values: readonly number[]): {
  readonly value: number;
  readonly low: number;
  readonly high: number;
} {
  const sorted = values.toSorted((a, b) => a - b);
  return { value: sorted[sorted.length >> 1], low: sorted[0], high: sorted[sorted.length - 1] };
}

async function cutAndBuild(market: Market, number: number, leaves: number): Promise<void> {
  const cut = await cutEpoch(market, { number, growthNano: ZERO_NANO, waitingNano: ZERO_NANO });
  const epoch = cut === null ? undefined : await getEpoch(market.db, cut);
  if (epoch?.receiptCount !== leaves) throw new Error(`epoch ${number} took ${epoch?.receiptCount} receipts`);
  await buildEpoch(market, epoch);
}

async function addReceipts(
  { db }: OpenDatabase,
  { creator, model, version }: World,
  count: number,
): Promise<void> {
  await sql`
    with made as (
      insert into call (id, event_key, person_id, model_id, model_version_id, state, ceiling_nano, price_nano, prompt, prompt_hash,
          answer, attributed_at)
        select 'call_' || gen_random_uuid(), 'event_' || gen_random_uuid(), ${creator.id}, ${model.id}, ${version.id}, 'captured',
          0, 0, 'q', 'h', 'a', now()
        from generate_series(1, ${count}::int) returning id)
    insert into receipt (call_id, body, hash)
      select id, jsonb_build_object('call', id), '0x' || encode(sha256(id::bytea), 'hex') from made`.execute(
    db,
  );
  await sql`vacuum analyze`.execute(db);
}

/** An epoch of claims only, its leaves written by SQL: payouts of 100,000 accounts are another measure. */
async function claimsSeconds(market: Market, count: number): Promise<number> {
  const number = EPOCHS + 1;
  await market.db.transaction().execute(async (tx) => {
    await sql`insert into epoch (number, claims_number, receipt_count, claim_count, claims_total_nano, receipts_from, cut_at)
      values (${number}, ${number}, 0, ${count}, ${count}, 1, now())`.execute(tx);
    await sql`insert into claim_leaf (epoch_number, wallet, cumulative_nano)
      select ${number}, '0x' || substr(encode(sha256(n::text::bytea), 'hex'), 1, 40), 1
      from generate_series(1, ${count}::int) n`.execute(tx);
  });
  const epoch = await getEpoch(market.db, number);
  if (epoch === undefined) throw new Error('the epoch of claims is missing');
  const started = performance.now();
  await buildEpoch(market, epoch);
  return (performance.now() - started) / 1000;
}

// What the measures of the ledger bench share: a server with the product's own settings in a temporary folder, databases on it,
// people with money, and the intents of one call. It measures nothing.
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import { type OpenDatabase, openDatabase } from '../../db/database.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../db/embedded.ts';
import { type Nano, openNano } from '../../db/ledger/amount.ts';
import type { CaptureIntent } from '../../db/ledger/capture.ts';
import type { HoldIntent } from '../../db/ledger/hold.ts';
import { rollUpRegularly } from '../../db/ledger/roll-up.ts';
import { splitByBasisPoints, splitByWeights } from '../../db/ledger/split.ts';
import type { SplitIntent } from '../../db/ledger/split-pool.ts';
import { TREASURY, transfer } from '../../db/ledger/transfer.ts';
import { migrate } from '../../db/migrate.ts';
import { newId } from '../../db/new-id.ts';
import type { MeasureOf } from './bench-run.ts';

export interface LedgerBench {
  readonly quick: boolean;
  readonly say: (line: string) => void;
  /** Work on a new migrated database, its balances rolled up each second as in the product; closed after it. */
  readonly onDatabase: <T>(connectionsMax: number, work: (open: OpenDatabase) => Promise<T>) => Promise<T>;
}

export type LedgerMeasure = MeasureOf<LedgerBench>;

interface ClosableLedgerBench extends LedgerBench {
  readonly remove: () => void;
  /** After `remove`: resolves when the server has gone. */
  readonly removed: () => Promise<void>;
}

export function createLedgerBench(options: Pick<LedgerBench, 'quick' | 'say'>): ClosableLedgerBench {
  const folder = mkdtempSync(join(tmpdir(), 'ledger-bench-'));
  chmodSync(folder, 0o755); // the server may run as another user
  const log = { info: () => undefined, warn: warnOf(options), error: warnOf(options) };
  let databases = 0;
  let server: Promise<EmbeddedPostgres> | undefined;
  let removed = Promise.resolve();
  async function close(): Promise<void> {
    await (await server)?.stop();
    rmSync(folder, { recursive: true, force: true });
  }
  async function openNew(connectionsMax: number): Promise<OpenDatabase> {
    server ??= startEmbeddedPostgres({ dataDir: join(folder, 'server'), log });
    const url = new URL((await server).url);
    const admin = openDatabase({ url: url.href, connectionsMax: 1 });
    databases += 1;
    url.pathname = `/bench_${databases}`;
    await sql.raw(`create database bench_${databases}`).execute(admin.db);
    await admin.close();
    const open = openDatabase({ url: url.href, connectionsMax });
    await migrate(open.pool);
    return open;
  }
  return {
    ...options,
    async onDatabase(connectionsMax, work) {
      const open = await openNew(connectionsMax);
      const rolling = rollUpRegularly(open.db, {
        onFault: (fault) => options.say(`roll-up: ${String(fault)}`),
      });
      try {
        return await work(open);
      } finally {
        await rolling.stop();
        await open.close();
      }
    },
    remove() {
      removed = close();
    },
    removed: () => removed,
  };
}

function warnOf({ say }: Pick<LedgerBench, 'say'>): (facts: object, message: string) => void {
  return (_, message) => say(message);
}

/** People who can pay for every call of a bench. */
export async function richPeople({ db }: OpenDatabase, count: number): Promise<readonly string[]> {
  const people = Array.from({ length: count }, () => newId('person'));
  const amountNano = openNano('1000000');
  for (const ownerId of people)
    await transfer(db, {
      key: `topup:${ownerId}`,
      from: TREASURY,
      to: { kind: 'user', ownerId },
      amountNano,
      reason: 'bench',
    });
  return people;
}

interface CallIntents {
  readonly hold: HoldIntent;
  /** Data part into the call's pool, as long as nobody knows who made the answer. */
  readonly capture: (holdId: string) => CaptureIntent;
  /** The pool to 20 contributors. */
  readonly split: SplitIntent;
  /** Data part to the 20 contributors at once. */
  readonly captureToAll: (holdId: string) => CaptureIntent;
}

const PRICE: Nano = openNano('0.001');
const CEILING: Nano = openNano('0.002');
const HOLD_LIFE_MS = 3_600_000;

/** What one call posts: a hold, a capture of half of it with the usual four-way split, the data part to 20 contributors. */
export function callIntents(person: string, model: number): CallIntents {
  const callId = newId('call');
  const [data, creator, node, platform] = splitByBasisPoints(PRICE, [5000, 2500, 1500, 1000], callId);
  const weights = Array.from({ length: 20 }, (_, index) => BigInt(index + 1));
  const shares = splitByWeights(data, weights, callId).map((amountNano, index) => ({
    ownerId: `contributor_${model}_${index}`,
    amountNano,
  }));
  const others = [
    { kind: 'creator', ownerId: `creator_${model}`, amountNano: creator },
    { kind: 'node', ownerId: 'node:local', amountNano: node },
    { kind: 'platform', ownerId: 'platform', amountNano: platform },
  ] as const;
  const toAll = [...shares.map((share) => ({ kind: 'contributor', ...share }) as const), ...others];
  const toPool = [{ kind: 'call_pool', ownerId: callId, amountNano: data } as const, ...others];
  const capture = (holdId: string, parts: CaptureIntent['parts']): CaptureIntent => ({
    key: `capture:${callId}`,
    holdId,
    priceNano: PRICE,
    parts,
  });
  return {
    hold: {
      key: `hold:${callId}`,
      ownerId: person,
      amountNano: CEILING,
      callId,
      expiresAt: new Date(Date.now() + HOLD_LIFE_MS),
    },
    capture: (holdId) => capture(holdId, toPool),
    split: { key: `split:${callId}`, callId, shares },
    captureToAll: (holdId) => capture(holdId, toAll),
  };
}

/** Clients that work one call after another for so long. @returns calls done */
export async function clients(
  count: number,
  milliseconds: number,
  work: (client: number) => Promise<unknown>,
): Promise<number> {
  const end = performance.now() + milliseconds;
  let done = 0;
  async function client(index: number): Promise<void> {
    while (performance.now() < end) {
      await work(index);
      done += 1;
    }
  }
  await Promise.all(Array.from({ length: count }, (_, index) => client(index)));
  return done;
}

/** The value of an accepted posting; anything else would measure refusals. */
export function posted<Result extends { readonly ok: boolean }>(
  result: Result,
): Extract<Result, { readonly ok: true }> {
  if (!result.ok) throw new Error(`a posting of the bench was refused: ${JSON.stringify(result)}`);
  return result as Extract<Result, { readonly ok: true }>;
}

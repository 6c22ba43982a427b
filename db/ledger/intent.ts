/**
 * Idempotency of every ledger verb: one key per intent. The same key with the same request gives the first result again;
 * the same key with another request is refused. Used by the verbs of this folder only.
 *
 * The key is locked first (advisory, until the transaction ends), so 50 parallel tries post once; the unique index on
 * transfer.idempotency_key would refuse a second posting even if this file were wrong.
 * A refusal is not remembered: too little balance today may be enough tomorrow under the same key.
 */
import { createHash } from 'node:crypto';
import { sql } from 'kysely';
import type { Tx } from '../database.ts';
import type { AccountKind, TransferKind } from '../schema.ts';
import type { Nano } from './amount.ts';
import { assertLedger } from './ledger-bug.ts';

export type IdempotencyConflict = { readonly ok: false; readonly code: 'idempotency_conflict' };

type Plain = string | bigint | number | boolean | null | readonly Plain[] | { readonly [key: string]: Plain };
type Request = { readonly [key: string]: Plain };

/** What one leg of a posting does to an account: positive adds to its balance. */
export interface Leg {
  readonly kind: AccountKind;
  readonly ownerId: string;
  readonly amountNano: bigint;
}

interface Posting<Result> {
  /** Legs sum to zero; several legs on one account are added up; zero legs are left out. */
  readonly legs: readonly Leg[];
  readonly callId?: string;
  /** Shown in the history: why a person moved it, or where it came from. */
  readonly reason?: string;
  /** What the verb returns now and on every repetition; fields named `...Nano` are amounts. */
  readonly result: Result;
}

interface Intent {
  readonly key: string;
  readonly kind: TransferKind;
  /** Everything that makes this request itself; another one under the same key is refused. */
  readonly request: Request;
}

/** Runs `decide` unless the key has been used; it either refuses or gives a posting, which is written. */
export async function once<Result extends { readonly ok: true }, Refusal extends { readonly ok: false }>(
  tx: Tx,
  intent: Intent,
  decide: () => Promise<
    Refusal | { readonly posting: Posting<Result>; after?(transferId: bigint): Promise<void> }
  >,
): Promise<Result | Refusal | IdempotencyConflict> {
  const hash = requestHash(intent);
  const earlier = () => earlierResult<Result>(tx, intent.key, hash);
  const before = await earlier();
  if (before) return before;
  const decision = await decide();
  // what a refusal saw may be the doing of this very key, by a verb that takes no lock on it: the key is asked first, always
  if (!('posting' in decision)) return (await earlier()) ?? decision;
  const { legs, callId, reason, result } = decision.posting;
  const total = legs.reduce((sum, leg) => sum + leg.amountNano, 0n);
  assertLedger(total === 0n, `${intent.kind} ${intent.key} is off balance by ${total} nano`);
  const entries = legs
    .filter((leg) => leg.amountNano !== 0n)
    .map((leg) => ({ kind: leg.kind, owner: leg.ownerId, amount: leg.amountNano.toString() }));
  const posted = await sql<{ id: bigint }>`select ledger_post(${intent.key}, ${hash}, ${intent.kind},
    ${callId ?? null}, ${freeze(result)}::jsonb, ${entries}::jsonb, ${reason ?? null}) as id`.execute(tx);
  await decision.after?.(posted.rows[0].id);
  return result;
}

/** What was posted under the key, or that it was another request; undefined = nothing yet. */
async function earlierResult<Result>(
  tx: Tx,
  key: string,
  hash: string,
): Promise<Result | IdempotencyConflict | undefined> {
  const { rows } = await sql<{ requestHash: string; result: unknown }>`
    select request_hash, result from ledger_intent(${key})`.execute(tx);
  const first = rows.at(0);
  if (!first) return undefined;
  if (first.requestHash !== hash) return { ok: false, code: 'idempotency_conflict' };
  return revive(first.result) as Result;
}

/** Kinds whose incoming amounts wait for the roll-up (ledger_entry_waits in 008-ledger). */
const ROLLED_UP: ReadonlySet<AccountKind> = new Set([
  'contributor',
  'creator',
  'node',
  'platform',
  'dust',
  'treasury',
]);

/** Locks the owner's accounts of these kinds in id order until the transaction ends, and tells their balances, rolled up. */
export async function lockBalances<Kind extends AccountKind>(
  tx: Tx,
  ownerId: string,
  kinds: readonly Kind[],
): Promise<Readonly<Record<Kind, Nano>>> {
  if (kinds.some((kind) => ROLLED_UP.has(kind))) await sql`select ledger_roll_up()`.execute(tx);
  const { rows } = await sql<{ kind: string; balanceNano: Nano }>`
    select kind, balance_nano from ledger_lock_accounts(${ownerId}, ${`{${kinds.join(',')}}`}::text[])`.execute(
    tx,
  );
  const found = new Map(rows.map((row) => [row.kind, row.balanceNano]));
  return Object.fromEntries(kinds.map((kind) => [kind, found.get(kind) ?? 0n])) as Record<Kind, Nano>;
}

/** What one request is, in 64 hex digits. */
export function requestHash({ kind, request }: Pick<Intent, 'kind' | 'request'>): string {
  return createHash('sha256')
    .update(canonical({ kind, ...request }))
    .digest('hex');
}

function canonical(value: Plain): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    const fields = Object.entries(value as Request).sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${fields.map(([key, field]) => `${JSON.stringify(key)}:${canonical(field)}`).join(',')}}`;
  }
  return typeof value === 'bigint' ? `${value}n` : JSON.stringify(value);
}

function freeze(result: object): object {
  return Object.fromEntries(
    Object.entries(result).map(([key, value]) => [key, typeof value === 'bigint' ? value.toString() : value]),
  );
}

/** A stored result as the verb gave it: fields named `...Nano` are amounts. */
export function revive(result: unknown): object {
  return Object.fromEntries(
    Object.entries(result as object).map(([key, value]) => [
      key,
      key.endsWith('Nano') ? BigInt(value) : value,
    ]),
  );
}

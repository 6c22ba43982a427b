/**
 * Idempotency of every ledger verb: one key per intent. The same key with the same request gives the first result again;
 * the same key with another request is refused. Used by the verbs of this folder only.
 *
 * The database's functions look the key up under their locks, and the unique index on transfer.idempotency_key decides
 * between two that come at once: 50 parallel tries post once. Here is what a request's hash is.
 * A refusal is not remembered: too little balance today may be enough tomorrow under the same key.
 */
import { createHash } from 'node:crypto';
import type { AccountKind, TransferKind } from '../schema.ts';

export type IdempotencyConflict = { readonly ok: false; readonly code: 'idempotency_conflict' };

type Plain = string | bigint | number | boolean | null | readonly Plain[] | { readonly [key: string]: Plain };
type Request = { readonly [key: string]: Plain };

interface RequestOfKind {
  readonly kind: TransferKind;
  /** Everything that makes this request itself; another one under the same key is refused. */
  readonly request: Request;
}

/** What one leg of a posting does to an account: positive adds to its balance. */
export interface Leg {
  readonly kind: AccountKind;
  readonly ownerId: string;
  readonly amountNano: bigint;
}

/** What one request is, in 64 hex digits. */
export function requestHash({ kind, request }: RequestOfKind): string {
  return createHash('sha256')
    .update(canonical({ kind, ...request }))
    .digest('hex');
}

function canonical(value: Plain): string {
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  let text = '';
  if (Array.isArray(value)) {
    for (const one of value) text += `${text === '' ? '' : ','}${canonical(one)}`;
    return `[${text}]`;
  }
  const fields = value as Request;
  for (const key of Object.keys(fields).sort())
    text += `${text === '' ? '' : ','}${JSON.stringify(key)}:${canonical(fields[key])}`;
  return `{${text}}`;
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

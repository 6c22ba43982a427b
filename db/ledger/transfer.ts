/**
 * Plain transfers between two accounts, and the starter grant. Used for what is neither hold, capture, void nor split:
 * refunds, top-ups from the treasury, corrections. The treasury and the vault may go negative: they stand for coins outside
 * these books (the operator's stock, the chain), and their negative balance is what the books owe against them.
 */
import { sql } from 'kysely';
import type { Database } from '../database.ts';
import type { AccountKind, TransferKind } from '../schema.ts';
import type { Nano } from './amount.ts';
import { type IdempotencyConflict, requestHash } from './intent.ts';
import { assertLedger } from './ledger-bug.ts';
import { type Answer, untilDecided } from './ledger-call.ts';

interface AccountRef {
  readonly kind: Exclude<AccountKind, 'hold' | 'call_pool'>;
  readonly ownerId: string;
}

/** The one treasury of this marketplace. */
export const TREASURY = { kind: 'treasury', ownerId: 'treasury' } as const satisfies AccountRef;

/** The marketplace's own account: its part of each price. */
export const PLATFORM = { kind: 'platform', ownerId: 'platform' } as const satisfies AccountRef;

/** The one vault: minus the coins that the contract holds for these books. */
export const VAULT = { kind: 'vault', ownerId: 'vault' } as const satisfies AccountRef;

export interface TransferIntent {
  readonly key: string;
  readonly from: AccountRef;
  readonly to: AccountRef;
  /** > 0 */
  readonly amountNano: Nano;
  /** For the record; part of the request. */
  readonly reason: string;
  readonly callId?: string;
}

export type TransferResult =
  | { readonly ok: true; readonly amountNano: Nano }
  | IdempotencyConflict
  | {
      readonly ok: false;
      readonly code: 'balance_too_low';
      readonly neededNano: Nano;
      readonly availableNano: Nano;
    };

export async function transfer(db: Database, intent: TransferIntent): Promise<TransferResult> {
  return transferAs(db, 'transfer', intent);
}

/** A transfer under the kind by which the history shows it. */
export async function transferAs(
  db: Database,
  kind: Extract<TransferKind, 'transfer' | 'correction'>,
  intent: TransferIntent,
): Promise<TransferResult> {
  const { key, from, to, amountNano, reason, callId = null } = intent;
  assertLedger(
    from.kind !== to.kind || from.ownerId !== to.ownerId,
    `transfer ${key} goes to where it came from`,
  );
  const request = { from: { ...from }, to: { ...to }, amountNano, reason, callId };
  return untilDecided(key, () => askTransfer(db, { ...intent, kind, request }));
}

interface TransferRequest extends Omit<TransferIntent, 'reason'> {
  readonly kind: Extract<TransferKind, 'transfer' | 'correction' | 'deposit' | 'claim' | 'grant'>;
  readonly reason?: string;
  /** What makes the request itself, for its hash. */
  readonly request: Parameters<typeof requestHash>[0]['request'];
}

/** One try of one transfer between two accounts, in one round trip; its code may be `again`. */
export async function askTransfer(
  db: Database,
  { key, kind, from, to, amountNano, reason, callId, request }: TransferRequest,
): Promise<Omit<Answer, 'i'>> {
  assertLedger(amountNano > 0n, `a ${kind} of ${amountNano} nano`);
  const hash = requestHash({ kind, request });
  const { rows } =
    await sql<Answer>`select code, result from ledger_transfer(${key}, ${hash}, ${kind}, ${callId ?? null}, ${reason ?? null},
    ${from.kind}, ${from.ownerId}, ${to.kind}, ${to.ownerId}, ${amountNano})`.execute(db);
  return rows[0];
}

type StarterResult = {
  readonly ok: true;
  /** What the person got, now or the first time. */
  readonly amountNano: Nano;
  /** False when the person had it already; nothing was posted. */
  readonly granted: boolean;
};

/** Gives a person the starter grant (spendable, not withdrawable) from the treasury, once in a lifetime. */
export async function grantStarter(
  db: Database,
  { personId, amountNano }: { readonly personId: string; readonly amountNano: Nano },
): Promise<StarterResult> {
  const key = `starter:${personId}`;
  let granted = false;
  const result = await untilDecided<TransferResult>(key, async () => {
    const answer = await askTransfer(db, {
      ...{ key, kind: 'grant', from: TREASURY, to: { kind: 'user_grant', ownerId: personId }, amountNano },
      // the amount is left out: a changed setting must not give it a second time, nor refuse
      request: { personId },
    });
    granted = answer.code === 'ok';
    return answer;
  });
  assertLedger(result.ok, `the key ${key} was used for something else`);
  return { ok: true, amountNano: result.amountNano, granted };
}

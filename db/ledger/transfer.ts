/**
 * Plain transfers between two accounts, and the starter grant. Used for what is neither hold, capture, void nor split:
 * refunds, top-ups from the treasury, corrections. The treasury and the vault may go negative: they stand for coins outside
 * these books (the operator's stock, the chain), and their negative balance is what the books owe against them.
 */
import { sql } from 'kysely';
import type { Database, Tx } from '../database.ts';
import type { AccountKind, TransferKind } from '../schema.ts';
import type { Nano } from './amount.ts';
import { type IdempotencyConflict, once, requestHash } from './intent.ts';
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
  assertLedger(amountNano > 0n, `a transfer of ${amountNano} nano`);
  assertLedger(
    from.kind !== to.kind || from.ownerId !== to.ownerId,
    `transfer ${key} goes to where it came from`,
  );
  const hash = requestHash({
    kind,
    request: { from: { ...from }, to: { ...to }, amountNano, reason, callId },
  });
  return untilDecided(key, async () => {
    const { rows } =
      await sql<Answer>`select code, result from ledger_transfer(${key}, ${hash}, ${kind}, ${callId}, ${reason},
      ${from.kind}, ${from.ownerId}, ${to.kind}, ${to.ownerId}, ${amountNano})`.execute(db);
    return rows[0];
  });
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
  tx: Tx,
  { personId, amountNano }: { readonly personId: string; readonly amountNano: Nano },
): Promise<StarterResult> {
  assertLedger(amountNano > 0n, `a starter grant of ${amountNano} nano`);
  let granted = false;
  // the amount is left out of the request: a changed setting must not give it a second time, nor refuse
  const intent = { key: `starter:${personId}`, kind: 'grant', request: { personId } } as const;
  const result = await once(tx, intent, async () => {
    granted = true;
    return {
      posting: {
        legs: [
          { ...TREASURY, amountNano: -amountNano },
          { kind: 'user_grant', ownerId: personId, amountNano },
        ],
        result: { ok: true, amountNano } as const,
      },
    };
  });
  assertLedger(result.ok, `the key ${intent.key} was used for something else`);
  return { ok: true, amountNano: result.amountNano, granted };
}

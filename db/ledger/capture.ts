/**
 * Capture: the second phase of a hold. Takes the price out of it into its parts (data pool, creator, node, platform, ...) and
 * releases the rest to where it came from, in one transfer. Parts sum to the price (asserted here, proved by books.ts).
 */
import type { Database } from '../database.ts';
import type { AccountKind } from '../schema.ts';
import { addNano, type Nano } from './amount.ts';
import type { IdempotencyConflict } from './intent.ts';
import { assertLedger } from './ledger-bug.ts';
import { type LedgerVerb, legColumns, post } from './ledger-call.ts';
import type { HoldNotOpen } from './void-hold.ts';

/** Accounts that may take part of a price; the data part goes to `call_pool` with the call's id as owner. */
type PartKind = Extract<
  AccountKind,
  'call_pool' | 'creator' | 'node' | 'platform' | 'contributor' | 'treasury' | 'dust'
>;

interface CapturePart {
  readonly kind: PartKind;
  readonly ownerId: string;
  readonly amountNano: Nano;
}

export interface CaptureIntent {
  readonly key: string;
  readonly holdId: string;
  /** 0 to the held amount. */
  readonly priceNano: Nano;
  readonly parts: readonly CapturePart[];
}

export type CaptureResult =
  | {
      readonly ok: true;
      readonly holdId: string;
      readonly priceNano: Nano;
      readonly releasedGrantNano: Nano;
      readonly releasedBalanceNano: Nano;
    }
  | IdempotencyConflict
  | HoldNotOpen
  | {
      readonly ok: false;
      readonly code: 'price_above_hold';
      readonly priceNano: Nano;
      readonly heldNano: Nano;
    };

export const captureVerb: LedgerVerb<CaptureIntent, CaptureResult> = {
  function: 'ledger_capture',
  request: ({ holdId, priceNano, parts }) => ({
    kind: 'capture',
    request: { holdId, priceNano, parts: parts.map((part) => ({ ...part })) },
  }),
  columns(intents) {
    for (const intent of intents) assertParts(intent);
    return [
      { type: 'text', values: intents.map(({ holdId }) => holdId) },
      { type: 'bigint', values: intents.map(({ priceNano }) => priceNano) },
      ...legColumns(intents.map(({ parts }) => parts)),
    ];
  },
};

export async function capture(db: Database, intent: CaptureIntent): Promise<CaptureResult> {
  return post(db, captureVerb, intent);
}

function assertParts({ key, priceNano, parts }: CaptureIntent): void {
  assertLedger(
    parts.every((part) => part.amountNano >= 0n),
    `capture ${key} has a negative part`,
  );
  const sum = addNano(...parts.map((part) => part.amountNano));
  assertLedger(sum === priceNano, `parts of capture ${key} sum to ${sum} nano, the price is ${priceNano}`);
}

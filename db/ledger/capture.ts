/**
 * Capture: the second phase of a hold. Takes the price out of it into its parts (data pool, creator, node, platform, ...) and
 * releases the rest to where it came from, in one transfer. Parts sum to the price (asserted here, proved by books.ts).
 */
import type { Tx } from '../database.ts';
import type { AccountKind } from '../schema.ts';
import { addNano, type Nano } from './amount.ts';
import { type IdempotencyConflict, once } from './intent.ts';
import { assertLedger } from './ledger-bug.ts';
import { endHold, type HoldNotOpen, lockOpenHold, releaseOf } from './settle-hold.ts';

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

interface CaptureIntent {
  readonly key: string;
  readonly holdId: string;
  /** 0 to the held amount. */
  readonly priceNano: Nano;
  readonly parts: readonly CapturePart[];
}

type CaptureResult =
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

export async function capture(
  tx: Tx,
  { key, holdId, priceNano, parts }: CaptureIntent,
): Promise<CaptureResult> {
  assertLedger(
    parts.every((part) => part.amountNano >= 0n),
    `capture ${key} has a negative part`,
  );
  const sum = addNano(...parts.map((part) => part.amountNano));
  assertLedger(sum === priceNano, `parts of capture ${key} sum to ${sum} nano, the price is ${priceNano}`);
  const request = { holdId, priceNano, parts: parts.map((part) => ({ ...part })) };
  return once(tx, { key, kind: 'capture', request }, async () => {
    const found = await lockOpenHold(tx, holdId);
    if (!found.ok) return found;
    const held = found.hold;
    if (priceNano > held.amountNano)
      return { ok: false, code: 'price_above_hold', priceNano, heldNano: held.amountNano } as const;
    const release = releaseOf(held, priceNano);
    return {
      posting: {
        legs: [...release.legs, ...parts],
        callId: held.callId,
        result: {
          ok: true,
          holdId,
          priceNano,
          releasedGrantNano: release.toGrantNano,
          releasedBalanceNano: release.toBalanceNano,
        } as const,
      },
      after: (settleTransferId: bigint) =>
        endHold(tx, holdId, { state: 'captured', capturedNano: priceNano, settleTransferId }),
    };
  });
}

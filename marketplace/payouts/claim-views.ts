// Claims and epochs as people see them: types only. Part of the marketplace's face (claim-verbs.ts), filled by this folder,
// shown by /claim and the public pages of epochs.
import type { Nano } from '../../db/ledger/amount.ts';
import type { EpochState } from '../../db/schema-epoch.ts';
import type { NoChain } from '../wallets/wallet-views.ts';
import type { ClaimOf } from './claim-of.ts';

export type Claims =
  | {
      readonly ok: true;
      /** Null: none is linked, nothing can be paid out. */
      readonly wallet: string | null;
      /** Earned and not yet paid out to the wallet; without what trial credit paid. */
      readonly earnedNano: Nano;
      /** Earned from trial credit: it is never paid out. */
      readonly trialNano: Nano;
      /** What must have been earned to be paid out with an epoch. */
      readonly leastNano: Nano;
      /** Paid in, not held by an answer under way: may be asked back. */
      readonly ownNano: Nano;
      /** Asked back, goes out with the next epoch; still spendable until then. */
      readonly askedNano: Nano;
      /** Paid out, but in no root that was posted: comes with the next epoch. */
      readonly nextNano: Nano;
      /** What the chain says; null without a wallet, and while the chain cannot be reached. */
      readonly onChain: Extract<ClaimOf, { ok: true }> | null;
      /** Why there is no word of the chain though there is a wallet. */
      readonly chainTrouble: 'chain_away' | 'foreign_root' | 'chain_replaced' | null;
      /** The earliest moment of the next epoch; the past: with the next look. */
      readonly nextEpochAt: Date;
      /** False: nobody here can post epochs, so nothing moves on chain. */
      readonly isPosted: boolean;
    }
  | NoChain;

export type AskBackResult =
  | { readonly ok: true; readonly askedNano: Nano; readonly nextEpochAt: Date }
  /** A wish that was open is taken back; 0 = there was none. */
  | { readonly ok: true; readonly cancelledNano: Nano }
  | { readonly ok: false; readonly code: 'not_an_amount' | 'too_large' }
  | { readonly ok: false; readonly code: 'too_many_decimals'; readonly decimalsMax: number }
  | { readonly ok: false; readonly code: 'no_wallet' }
  | {
      readonly ok: false;
      readonly code: 'balance_too_low';
      readonly neededNano: Nano;
      readonly availableNano: Nano;
    }
  | NoChain;

/** An epoch for everybody. */
export interface EpochView {
  readonly number: number;
  readonly state: EpochState;
  /** What holds it up, or why it ended. */
  readonly cause: string | null;
  readonly receipts: number;
  readonly accounts: number;
  /** Sum of all cumulative claims. */
  readonly claimsTotalNano: Nano;
  /** Due, but the growth cap or the coins did not cover it: comes with a later epoch. */
  readonly waitingNano: Nano;
  readonly receiptsRoot: string | null;
  readonly claimsRoot: string | null;
  readonly leafFileHash: string | null;
  readonly cutAt: Date;
  /** When its claims count, or counted. */
  readonly activeAt: Date | null;
  readonly txHash: string | null;
  readonly block: bigint | null;
}

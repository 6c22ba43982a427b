// What a statement of earnings says, and what "why was I paid this?" answers, as data. Types only; made by read-statement.ts
// and why-paid.ts, put into words by the commands. Amounts are what the ledger paid, to the nano.
import type { Nano } from '../../db/ledger/amount.ts';
import type { ContributionSum, ShareSums } from '../../db/repositories/statement-repository.ts';

export const PERIODS = { '7': 7, '30': 30, all: null } as const;
/** Days back from now, or all there ever was. */
export type Period = keyof typeof PERIODS;

export interface Statement {
  readonly period: Period;
  /** Null: from the beginning. */
  readonly since: Date | null;
  readonly until: Date;
  readonly contributor: ShareSums & {
    /** 0..1 of a call's data part, on average over the calls touched; 0 without any. */
    readonly meanShare: number;
    readonly top: readonly ContributionSum[];
    /** The others of the same datanets; null for somebody without any. */
    readonly peers: {
      readonly datanets: number;
      readonly contributors: number;
      readonly medianNano: Nano;
      readonly earnedLess: number;
    } | null;
  };
  /** Other roles in which something was earned. */
  readonly roles: readonly {
    readonly role: 'creator' | 'node' | 'platform';
    readonly calls: number;
    readonly grossNano: Nano;
  }[];
  /** Put into claims in this time, of what was earned in any role of the person's own. */
  readonly paidOutNano: Nano;
  /** Earned and not paid out yet, as of now; without what trial credit paid. */
  readonly waitingNano: Nano;
  /** Earned from trial credit, ever: it is never paid out. */
  readonly trialNano: Nano;
  /** The linked wallet, and what stands ready for it, as of now. */
  readonly wallet: { readonly address: string; readonly claimableNano: Nano } | null;
}

/** One line of what a call paid the person, with its arithmetic. */
export interface PaidLine {
  readonly kind: 'influence' | 'fallback';
  readonly contributionId: string | null;
  readonly question: string | null;
  readonly sharePpm: number;
  readonly amountNano: Nano;
  /** The exact share is wholeNano + restMillionths / 1,000,000 nano, rest cut off. */
  readonly wholeNano: bigint;
  readonly restMillionths: number;
  /** It got one of the nanos that rounding down had left over. */
  readonly odd: boolean;
  /** By which a fallback share shares the fallback; 0 of the others. */
  readonly weight: number;
}

export type WhyNotPaid =
  /** The price left nothing for the data part. */
  | 'nothing_to_share'
  | 'no_contribution'
  | 'not_in_version'
  | 'retracted'
  /** Asked by who wrote them: what one's own question measures for oneself is the others'. */
  | 'own_question'
  /** In the version, but the measured influence of others was the whole. */
  | 'under_floor';

export type Why =
  | { readonly ok: false; readonly code: 'no_receipt' | 'not_attributed_yet' }
  | {
      readonly ok: true;
      readonly receiptNumber: string;
      readonly model: string;
      readonly version: number;
      readonly capturedAt: string;
      readonly priceNano: Nano;
      readonly dataBps: number;
      readonly poolNano: Nano;
      /** 0..1: what of the answer the adapter explains over the base. */
      readonly alpha: number;
      readonly noiseFloor: number;
      readonly note: string | null;
      /** What all fallback shares got together, and the sum of the weights by which they shared it. */
      readonly fallback: { readonly totalNano: Nano; readonly weights: number };
      readonly lines: readonly PaidLine[];
      readonly totalNano: Nano;
      /** The person's own contributions in the version that stayed under the floor. */
      readonly silent: number;
      /** Why there are no lines; null where there are. */
      readonly whyNot: WhyNotPaid | null;
      /** What the person got from this call in other roles. */
      readonly roles: readonly {
        readonly role: 'creator' | 'node' | 'platform';
        readonly amountNano: Nano;
      }[];
    };

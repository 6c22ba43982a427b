// What a receipt says: one canonical JSON per call (schema 3) and its hash. Pure: the makers are receipt-at-capture.ts and
// complete-receipt.ts, the checks verify-receipt.ts; nothing here may load the database, so that `npm run verify` needs none.
// Amounts are decimal strings of nano-OPEN, times ISO 8601 in UTC, hashes 0x hex. The words of question and answer stand
// in it only as salted hashes, people only by pseudonym: the whole body may be shown to anybody.
// Made at capture (attribution pending), completed once; the completed receipt names the hash of its first form.
// Schema 2 had neither measurement nor combination: its receipts stay true, and are completed in their own schema.
import { id as keccakOfText } from 'ethers';
import type { JsonObject } from '../../db/column-types.ts';
import { canonicalJson, type JsonValue } from './canonical-json.ts';

export const RECEIPT_SCHEMA = 'openmodels/receipt/3';
export const SECOND_RECEIPT_SCHEMA = 'openmodels/receipt/2';

/** What a share was paid for: measured influence, a passage that an agent read and used, or the disclosed equal split. */
export type ReceiptShareKind = 'influence' | 'retrieval' | 'fallback';

export interface ReceiptShare {
  readonly kind: ReceiptShareKind;
  readonly contributor: string;
  readonly contribution: string | null;
  /** Hash of the contribution's exact words: the leaf in the datanet version's Merkle tree. */
  readonly contributionHash: string | null;
  /** Parts per million of the data part; of a fallback share rounded down, shown and never paid by. */
  readonly sharePpm: number;
  readonly amountNano: string;
  /** Of a fallback share: by which it shares the fallback with the others; receipts of before had none, and equal parts. */
  readonly weight?: number;
}

/** A share as the engine measured it, before the rules of payment. */
export interface MeasuredShare {
  readonly kind: 'influence' | 'retrieval';
  readonly contribution: string;
  readonly sharePpm: number;
  /** The engine's own score, to the bit; shares are what rises above the noise floor, in proportion. */
  readonly score: number;
  /** What of the data part it was paid. */
  readonly paidPpm: number;
  /** Why that is another part than was measured; null where it is not. */
  readonly why: string | null;
}

/** What a recomputation needs, and what it must find: see attribution/attribute-cli.ts. */
export interface ReceiptMeasurement {
  /** How it was measured, with its version; "" = the engine tells none, here and of the hashes. */
  readonly method: string;
  /** Of base and adapter; of the preconditioner (that of the gradient store, `storeHash`, stands beside). */
  readonly modelHash: string;
  readonly curvatureHash: string;
  /** Mean nats per answer token without and with the adapter: alpha compares them. */
  readonly baseNll: number | null;
  readonly adapterNll: number | null;
  readonly seed: number | null;
  /** Measured shares in all, and how many; `top` holds the largest. */
  readonly totalPpm: number;
  readonly count: number;
  readonly top: readonly MeasuredShare[];
}

export interface ReceiptAttribution {
  readonly at: string;
  /** Part of the answer that the adapter explains, in parts per million. */
  readonly alphaPpm: number;
  readonly noiseFloor: number;
  readonly storeHash: string;
  /** Why there are no influence shares, when there are none to expect: no store, or attribution failed for good. */
  readonly note: string | null;
  /** Ledger transfer that paid the shares; null where the data part is nothing. */
  readonly splitTransfer: string | null;
  /** Who signs the completed receipt. */
  readonly signer: string;
  readonly shares: readonly ReceiptShare[];
  /** From schema 3 on; null where nothing was measured. */
  readonly measurement?: ReceiptMeasurement | null;
  /** From schema 3 on: what of the data part each kind got; 1,000,000 together, or nothing where there is no data part. */
  readonly combinationPpm?: Readonly<Record<ReceiptShareKind, number>>;
}

export interface ReceiptBody {
  readonly schema: typeof RECEIPT_SCHEMA | typeof SECOND_RECEIPT_SCHEMA;
  readonly number: string;
  readonly call: string;
  /** Who asked. */
  readonly person: string;
  readonly model: {
    readonly slug: string;
    readonly version: number;
    readonly versionId: string;
    readonly creator: string;
    /** SHA-256 of the version's adapter_model.safetensors; null where this machine has no such file. */
    readonly adapterSha256: string | null;
  };
  readonly datanetVersion: { readonly slug: string; readonly number: number; readonly merkleRoot: string };
  /** wordsHash of the prompt's messages, with the salt that only the person's own file tells. */
  readonly promptHash: string;
  readonly answerHash: string;
  readonly finish: string;
  readonly promptTokens: number;
  readonly answerTokens: number;
  readonly rateCard: { readonly perCall: string; readonly per1kPrompt: string; readonly per1kAnswer: string };
  readonly ceilingNano: string;
  readonly priceNano: string;
  /** What was set aside, and from where; the price is taken from the grant first, the rest went back. */
  readonly hold: {
    readonly id: string;
    readonly amountNano: string;
    readonly grantNano: string;
    readonly balanceNano: string;
  };
  readonly paidFrom: { readonly grantNano: string; readonly balanceNano: string };
  readonly splitBps: PartsOf<number>;
  readonly partsNano: PartsOf<string>;
  /** Ledger transfers, by their ids. */
  readonly transfers: { readonly hold: string; readonly capture: string };
  readonly times: { readonly quoted: string; readonly held: string; readonly captured: string };
  /** The registry that will hold the root of this receipt's epoch; null where the marketplace had no chain. */
  readonly settlement: { readonly chainId: string; readonly registry: string } | null;
  /** Who signs the captured form. */
  readonly signer: string;
  /** Hash of this receipt before attribution completed it. */
  readonly capturedHash: string | null;
  readonly attribution: ReceiptAttribution | null;
}

interface PartsOf<T> {
  readonly data: T;
  readonly creator: T;
  readonly node: T;
  readonly platform: T;
}

export interface HashedReceipt<Body extends object = ReceiptBody> {
  readonly body: Body & JsonObject;
  readonly hash: string;
}

/** keccak256 of the canonical JSON: what is signed, and the leaf's value in the epoch's tree. */
export function receiptHash(body: object): string {
  return keccakOfText(canonicalJson(body as JsonValue));
}

export function hashedReceipt<Body extends object>(body: Body): HashedReceipt<Body> {
  return { body: body as Body & JsonObject, hash: receiptHash(body) };
}

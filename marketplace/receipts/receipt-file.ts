// The file of a receipt, as a person downloads it and `npm run verify` reads it: the receipt, the node's signature over its
// hash, the path to its epoch's root once there is one, and, in the owner's own file only, the words with their salt.
// Types only; made by read-receipt.ts, checked by verify-file.ts.
import type { AnyReceiptBody } from './old-receipt.ts';
import type { PromptWords } from './words-hash.ts';

/** Where the receipt stands in the tree whose root is on chain. */
export interface ReceiptProof {
  /** Epoch, from 1. */
  readonly number: number;
  readonly root: string;
  /** Siblings from the leaf to the root, as MerkleProof.sol takes them. */
  readonly proof: readonly string[];
  /** Null where the epoch was cut but this marketplace has no chain to post it to. */
  readonly chainId: string | null;
  readonly registry: string | null;
}

/** A refund is a later fact: its own note, signed on its own; the receipt never changes. */
export interface RefundNote {
  readonly schema: 'openmodels/refund-note/1';
  /** Number and captured hash of the receipt it belongs to. */
  readonly receipt: string;
  readonly capturedHash: string;
  /** Ledger transfer that gave the money back. */
  readonly transfer: string;
  readonly amountNano: string;
  readonly reason: string;
  readonly at: string;
  readonly signer: string;
}

export interface ReceiptFile {
  readonly receipt: AnyReceiptBody;
  /** Null until the node's key could be reached. */
  readonly signature: string | null;
  readonly signer: string | null;
  /** Null while the receipt is in no epoch yet. */
  readonly epoch: ReceiptProof | null;
  readonly refunds?: readonly { readonly note: RefundNote; readonly signature: string }[];
  /** Only in the file of the person who asked. */
  readonly private?: {
    readonly salt: string;
    readonly prompt: readonly PromptWords[];
    readonly answer: string;
  };
}

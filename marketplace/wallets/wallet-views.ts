// Wallets, deposits and the wallet page as people see them: types only. Part of the marketplace's face (wallet-verbs.ts),
// filled by this folder, shown by /wallet, /deposit and the wallet page. Amounts are bigints; the page gets them as text.
import type { Nano } from '../../db/ledger/amount.ts';
import type { ClaimOf } from '../payouts/claim-of.ts';

export interface WalletChain {
  readonly chainId: bigint;
  /** The practice chain of this machine: practice coins, a faucet. */
  readonly isLocal: boolean;
  /** Where a browser wallet reaches it. */
  readonly rpcUrl: string;
  readonly open: string;
  readonly vault: string;
}

export interface LinkedWallet {
  /** 0x and 40 lowercase hex digits. */
  readonly address: string;
  readonly linkedAt: Date;
}

/** This machine has no chain: no deposits, no wallets, no claims; all else works. */
export type NoChain = { readonly ok: false; readonly code: 'no_chain' };

export type WalletState =
  | { readonly ok: true; readonly chain: WalletChain; readonly wallet: LinkedWallet | null }
  | NoChain;

export type WalletLinkMade =
  | {
      readonly ok: true;
      /** The secret of a link that opens the page once; nowhere else written down in clear. */
      readonly token: string;
      readonly expiresAt: Date;
    }
  | NoChain;

export type UnlinkResult =
  | { readonly ok: true; readonly address: string }
  | { readonly ok: false; readonly code: 'no_wallet' };

export interface DepositView {
  readonly txHash: string;
  /** Whole nano of it: credited, or to be credited. */
  readonly amountNano: Nano;
  /** Wei below one nano: not credited. */
  readonly restWei: bigint;
  /** too_small: final, and less than one nano. lost: credited, and its block is gone; an operator knows. */
  readonly state: 'pending' | 'credited' | 'too_small' | 'lost';
  /** Blocks that hold it, its own included. */
  readonly blocks: number;
  /** How many make it final; null while the chain has no final block yet. */
  readonly blocksNeeded: number | null;
  readonly seenAt: Date;
}

export interface Deposits {
  readonly ok: true;
  readonly chain: WalletChain;
  /** 32 bytes that make a deposit this person's, whatever wallet it comes from. */
  readonly reference: string;
  readonly wallet: LinkedWallet | null;
  /** Newest first. */
  readonly deposits: readonly DepositView[];
  /** Why nothing is credited until an operator has looked: chain and books contradict each other, or the practice chain is another one. */
  readonly stopped: 'contradiction' | 'chain_replaced' | null;
}

export interface WalletPage {
  readonly ok: true;
  /** Whose page it is: the platform account, as the message to sign names it. */
  readonly account: string;
  /** False once this visit has linked a wallet or its time to sign is over. */
  readonly mayLink: boolean;
  /** Own OPEN and the gift together. */
  readonly spendableNano: Nano;
  /** The part of it that is a gift: spendable, not withdrawable. */
  readonly grantNano: Nano;
  readonly deposits: Deposits;
}

export type OpenPageResult =
  | { readonly ok: true /** The secret of this visit, for its page alone. */; readonly visit: string }
  | { readonly ok: false; readonly code: 'link_unknown' | 'link_opened' | 'link_expired' };

export type VisitRefusal = { readonly ok: false; readonly code: 'visit_unknown' | 'visit_expired' };

/** Where the page stands: what a wallet shows the person and what the message is bound to. */
export interface WalletSite {
  /** Host and port, e.g. `127.0.0.1:8137`. */
  readonly domain: string;
  /** The page's address. */
  readonly uri: string;
}

export type LinkMessage =
  | { readonly ok: true; readonly message: string }
  | { readonly ok: false; readonly code: 'not_an_address' | 'nonce_used' | 'message_expired' }
  | VisitRefusal
  | NoChain;

export type LinkRefusalCode =
  | 'message_unreadable'
  | 'nonce_unknown'
  | 'nonce_used'
  | 'other_domain'
  | 'other_chain'
  | 'message_expired'
  | 'message_changed'
  | 'wrong_signature'
  /** Linked to somebody else. */
  | 'wallet_taken';

export type LinkWalletResult =
  | {
      readonly ok: true;
      readonly address: string;
      /** What had been deposited from it before anybody was known for it, and is the person's now. */
      readonly movedNano: Nano;
    }
  | { readonly ok: false; readonly code: LinkRefusalCode }
  | VisitRefusal
  | NoChain;

export type PageClaim =
  | ClaimOf
  | { readonly ok: false; readonly code: 'no_wallet' | 'chain_away' }
  | VisitRefusal;

export type FaucetResult =
  | { readonly ok: true; readonly txHash: string; readonly amountNano: Nano }
  | { readonly ok: false; readonly code: 'no_faucet' | 'no_wallet' | 'faucet_busy' | 'chain_away' }
  | VisitRefusal
  | NoChain;

export type ResumeResult =
  | { readonly ok: true; readonly alarm: string; readonly lostDeposits: number; readonly lostNano: Nano }
  | { readonly ok: false; readonly code: 'not_allowed' | 'no_alarm' | 'chain_replaced' | 'chain_away' }
  | NoChain;

/** A view as the page gets it: amounts and times as text. */
export type Wire<T> = T extends bigint | Date
  ? string
  : T extends readonly (infer Item)[]
    ? readonly Wire<Item>[]
    : T extends object
      ? { readonly [Key in keyof T]: Wire<T[Key]> }
      : T;

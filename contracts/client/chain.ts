// The chain as the rest of the program sees it: what was final, what the vault and the registry say, and how the poster
// puts an epoch on it. Used by the marketplace's watcher and settlement; made by connect-chain.ts. It knows no people and
// no nano: amounts are bare bigints in wei (18 decimals), hashes and addresses are 0x-prefixed lowercase hex.
// Invariant: nothing here decides what a log means; nothing is remembered between calls.

export type Hex = string;

export interface ChainAddresses {
  readonly open: Hex;
  readonly vault: Hex;
  readonly registry: Hex;
  readonly timelock: Hex;
}

export interface ChainBlock {
  readonly number: bigint;
  readonly hash: Hex;
}

/** Where a log stands: chain, transaction and log index name it for ever; block number and hash say on which branch. */
export interface LogPlace {
  readonly txHash: Hex;
  readonly logIndex: number;
  readonly blockNumber: bigint;
  readonly blockHash: Hex;
}

/** What the vault and the registry told, in the order of the chain. */
export type ChainLog = LogPlace &
  (
    | { readonly kind: 'deposit'; readonly from: Hex; readonly ref: Hex; readonly amountWei: bigint }
    | {
        readonly kind: 'claim';
        readonly account: Hex;
        readonly amountWei: bigint;
        readonly cumulativeWei: bigint;
      }
    | {
        readonly kind: 'epoch';
        readonly epoch: bigint;
        readonly receiptsRoot: Hex;
        readonly claimsRoot: Hex;
        readonly claimsTotalWei: bigint;
        readonly leafFileHash: Hex;
      }
    | { readonly kind: 'veto'; readonly epoch: bigint }
  );

/** What the vault says about claims at the newest block. */
export interface VaultState {
  /** Coins it holds. */
  readonly coinsWei: bigint;
  /** Claimed since it exists. */
  readonly claimedTotalWei: bigint;
  /** The newest epoch that was posted, vetoed ones included; 0 = none. */
  readonly lastEpoch: bigint;
  /** The root that claims are checked against now; zero hash = none. */
  readonly activeRoot: Hex;
  readonly activeTotalWei: bigint;
  /** Posted and waiting for its delay; null = none. */
  readonly pending: {
    readonly epoch: bigint;
    readonly root: Hex;
    readonly totalWei: bigint;
    readonly activeAt: Date;
  } | null;
  readonly growthCapWei: bigint;
  readonly paused: boolean;
}

export interface EpochPosting {
  readonly epoch: bigint;
  readonly receiptsRoot: Hex;
  readonly claimsRoot: Hex;
  /** Sum of all cumulative claims in the tree. */
  readonly claimsTotalWei: bigint;
  readonly leafFileHash: Hex;
}

export type TxState =
  | { readonly state: 'unknown' }
  | { readonly state: 'waiting' }
  | { readonly state: 'mined' | 'final' | 'reverted'; readonly block: ChainBlock; readonly gasUsed: bigint };

/** A transaction that was signed; sending it twice is harmless, a higher fee under the same nonce replaces it. */
export interface SignedPosting {
  readonly txHash: Hex;
  readonly nonce: number;
  /** The raw transaction, to be sent (again). */
  readonly raw: Hex;
}

/** @throws ChainFault with retry 'safe' | 'after' when the RPC cannot be reached, 'never' when it refuses for good */
export interface Chain {
  readonly chainId: bigint;
  readonly addresses: ChainAddresses;
  /** True for the anvil that `npm start` runs: practice coins, a faucet. */
  readonly isLocal: boolean;
  /** Where a browser wallet reaches it. */
  readonly rpcUrlForWallets: string;
  /** The newest block, and the newest that counts as final by the configured policy; null = none yet. */
  heads(): Promise<{ readonly latest: ChainBlock; readonly final: ChainBlock | null }>;
  /** The block of this number on the branch that the node follows now; null when it has none. */
  blockAt(number: bigint): Promise<ChainBlock | null>;
  /** Logs of vault and registry from one block to another, both included; asks in slices where the node limits a range. */
  logs(fromBlock: bigint, toBlock: bigint): Promise<readonly ChainLog[]>;
  /** First block worth asking for: that of the vault's deployment. */
  readonly firstBlock: bigint;
  vault(): Promise<VaultState>;
  /** What `account` claimed since the vault exists. */
  claimedWei(account: Hex): Promise<bigint>;
  coinsOf(account: Hex): Promise<bigint>;
  /** Receipts root of an epoch as the registry holds it; null when none was recorded. */
  receiptsRoot(epoch: bigint): Promise<Hex | null>;
  /** Null where no poster key was configured: epochs are then cut and published, but not posted. */
  readonly poster: ChainPoster | null;
  /** Local chain only: sends practice OPEN, and coins for gas, to an address. */
  readonly faucet: ((to: Hex, amountWei: bigint) => Promise<Hex>) | null;
  close(): Promise<void>;
}

/** Signs and sends postings. The caller stores what was signed before it is sent, so that a restart sends the same again. */
export interface ChainPoster {
  readonly address: Hex;
  /** Signs a posting; `replaces` takes its nonce and a fee at least a tenth higher. Simulated first. @throws ChainFault 'never' with the contract's error when the vault would refuse it */
  signEpoch(posting: EpochPosting, replaces?: SignedPosting): Promise<SignedPosting>;
  /** Hands a signed transaction to the node; known or already mined ones are no fault. */
  send(signed: SignedPosting): Promise<void>;
  txState(txHash: Hex): Promise<TxState>;
  /** Records a datanet version's root and a model version's hash in the registry, once; a repetition changes nothing. @returns the transaction, null when it stood there already */
  recordDatanetVersion(version: {
    readonly datanet: string;
    readonly number: number;
    readonly root: Hex;
  }): Promise<Hex | null>;
  recordModelVersion(version: {
    readonly model: string;
    readonly number: number;
    readonly hash: Hex;
    readonly datanetRoot: Hex;
  }): Promise<Hex | null>;
}

/** Whoever holds a private key: a keystore file, or a key service elsewhere. */
export interface DigestSigner {
  readonly address: Hex;
  /** @param digest 32 bytes @returns 65 bytes r ‖ s ‖ v as hex, s in the lower half */
  signDigest(digest: Hex): Promise<Hex>;
}

export type ChainRetry = 'never' | 'safe' | 'after';

/** A fault of the chain or of the way to it. */
export class ChainFault extends Error {
  readonly code: string;
  readonly retry: ChainRetry;
  constructor(code: string, message: string, retry: ChainRetry, cause?: unknown) {
    super(message, { cause });
    this.name = 'ChainFault';
    this.code = code;
    this.retry = retry;
  }
}

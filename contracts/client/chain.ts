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
    /** In 2106 while the vault is paused: the whole delay begins with the end of the pause. */
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

/** @throws ChainFault with retry 'after' when the RPC cannot be reached or is overloaded, 'never' when it refuses for good */
export interface Chain {
  readonly chainId: bigint;
  readonly addresses: ChainAddresses;
  /** True for the anvil that `npm start` runs: practice coins, a faucet. */
  readonly isLocal: boolean;
  /** Where a browser wallet reaches it; empty = wallets know a way themselves. */
  readonly rpcUrlForWallets: string;
  /**
   * The newest block, and the newest that counts as final by the configured policy; null = none yet. After a restart of the
   * local chain or of a node both may be lower than before, on the same branch: what was final stays so.
   */
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
  /** Local chain only: sends practice OPEN, and coins for gas, to an address. @returns the transaction, mined */
  readonly faucet: ((to: Hex, amountWei: bigint) => Promise<Hex>) | null;
  close(): Promise<void>;
}

/** Signs and sends postings. The caller stores what was signed before it is sent, so that a restart sends the same again. */
export interface ChainPoster {
  readonly address: Hex;
  /** What it has left to pay gas with, in wei of the chain's own coin. */
  gasWei(): Promise<bigint>;
  /**
   * Signs a posting at the poster's next free nonce; `replaces` takes its nonce and fees at least a tenth higher, or a lower
   * nonce where an older transaction of the poster holds it up. Simulated first, against the newest block.
   * @throws ChainFault `chain_reverted` (never; `contractError` names the vault's error) when the vault would refuse it,
   * `tx_mined` (never) when what it should replace is mined already, `fee_cap` (after) when the fees needed are above
   * the configured cap, `signer_unreachable` (after)
   */
  signEpoch(posting: EpochPosting, replaces?: SignedPosting): Promise<SignedPosting>;
  /**
   * Hands a signed transaction to the node; known or already mined ones are no fault.
   * @throws ChainFault `nonce_used` (never) when another transaction took its nonce: this one will never be mined, sign
   * anew; `fee_too_low` (never) when the node holds another one of this nonce with a higher fee: sign a replacement;
   * `no_gas_money` (after) when the poster cannot pay for gas
   */
  send(signed: SignedPosting): Promise<void>;
  /** `unknown`: the node neither mined it nor waits to; send it again. A reorg may take `mined` back, never `final`. */
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

/**
 * - `chain_unreachable` (after): no usable answer from the RPC, after the retries
 * - `chain_refused` (never): the RPC answered with a refusal
 * - `chain_reverted` (never): a contract refused; `contractError` is its error, as `Name` or `Name(arguments)`
 * - `nonce_used`, `tx_mined`, `fee_too_low` (never), `fee_cap`, `no_gas_money` (after): see ChainPoster
 * - `signer_unreachable` (after), `signer_refused` (never): the key service gave no signature, or one that is not ours
 * - `key_unusable` (never): a keystore, password or token file is missing, wrong or open to others
 * - `chain_setting` (never): a CHAIN_… setting is wrong; the message names it
 * - `chain_start_failed` (never): the local chain did not start
 * - `deployment_wrong` (never): what stands on chain is not what the deployment file and the artifacts say
 */
export type ChainFaultCode =
  | 'chain_unreachable'
  | 'chain_refused'
  | 'chain_reverted'
  | 'nonce_used'
  | 'tx_mined'
  | 'fee_too_low'
  | 'fee_cap'
  | 'no_gas_money'
  | 'signer_unreachable'
  | 'signer_refused'
  | 'key_unusable'
  | 'chain_setting'
  | 'chain_start_failed'
  | 'deployment_wrong';

/** A fault of the chain or of the way to it. No message carries a key, a password or an address with one in it. */
export class ChainFault extends Error {
  readonly code: ChainFaultCode;
  readonly retry: ChainRetry;
  /** The contract's own error, where a contract refused. */
  readonly contractError: string | undefined;
  constructor(
    code: ChainFaultCode,
    message: string,
    retry: ChainRetry,
    facts: { readonly cause?: unknown; readonly contractError?: string } = {},
  ) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.name = 'ChainFault';
    this.code = code;
    this.retry = retry;
    this.contractError = facts.contractError;
  }
}

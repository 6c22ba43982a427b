// What the page does on the chain with the person's own wallet: reads its coins, deposits into the vault, claims from it. Runs
// in the browser; a test compares the function texts with the compiled contracts. Deposits take one transaction with a
// signed permit (EIP-2612) and fall back to approve + deposit where a wallet cannot sign one.
import { Contract, isError, parseUnits, Signature } from 'ethers';
import type { WalletChain, Wire } from '../../../marketplace/wallets/wallet-views.ts';
import type { PageWallet } from './wallet-key.ts';

type Chain = Pick<Wire<WalletChain>, 'open' | 'vault'>;

export const OPEN_FUNCTIONS = [
  'function balanceOf(address account) view returns (uint256)',
  'function allowance(address owner, address spender) view returns (uint256)',
  'function approve(address spender, uint256 value) returns (bool)',
  'function nonces(address owner) view returns (uint256)',
  'function eip712Domain() view returns (bytes1 fields, string name, string version, uint256 chainId, address verifyingContract, bytes32 salt, uint256[] extensions)',
] as const;
export const VAULT_FUNCTIONS = [
  'function deposit(uint256 amount, bytes32 ref)',
  'function depositWithPermit(uint256 amount, bytes32 ref, uint256 deadline, uint8 v, bytes32 r, bytes32 s)',
  'function claim(address account, uint256 cumulative, bytes32 expectedRoot, bytes32[] proof)',
] as const;

const PERMIT = {
  Permit: [
    { name: 'owner', type: 'address' },
    { name: 'spender', type: 'address' },
    { name: 'value', type: 'uint256' },
    { name: 'nonce', type: 'uint256' },
    { name: 'deadline', type: 'uint256' },
  ],
};
const PERMIT_SECONDS = 3_600;
const DECIMALS_MAX = 9;

export interface SentTransaction {
  readonly hash: string;
  /** Resolves when a block holds it. @throws when it failed there */
  wait(): Promise<unknown>;
}

export interface WalletCoins {
  readonly openWei: bigint;
  /** The chain's own coin, for fees. */
  readonly feeWei: bigint;
}

export async function coinsOf({ signer, address }: PageWallet, chain: Chain): Promise<WalletCoins> {
  const provider = signer.provider;
  if (provider === null) throw new Error('This wallet reaches no chain.');
  const open = new Contract(chain.open, OPEN_FUNCTIONS, provider);
  const [openWei, feeWei] = await Promise.all([
    open.balanceOf(address) as Promise<bigint>,
    provider.getBalance(address),
  ]);
  return { openWei, feeWei };
}

/** Wei of an amount as people write it. @returns a sentence when it is none */
export function readAmount(text: string, openWei: bigint): bigint | string {
  // "1,000" is a thousand to some people and one to others.
  if (/,\d{3}$/.test(text.trim())) return 'Write the amount without a comma, for example 1000 or 0.5.';
  const written = text.trim().replace(',', '.');
  const decimals = /^\d{1,12}(?:\.(\d+))?$/.exec(written);
  if (decimals === null) return 'Write an amount of OPEN, for example 25 or 0.5.';
  if ((decimals[1] ?? '').length > DECIMALS_MAX) return `OPEN has at most ${DECIMALS_MAX} decimals here.`;
  const wei = parseUnits(written, 18);
  if (wei === 0n) return 'Write an amount above 0.';
  return wei > openWei ? 'Your wallet holds less than that.' : wei;
}

/** @param ref the person's reference: makes the deposit theirs */
export async function sendDeposit(
  wallet: PageWallet,
  chain: Chain,
  amountWei: bigint,
  ref: string,
): Promise<SentTransaction> {
  const open = new Contract(chain.open, OPEN_FUNCTIONS, wallet.signer);
  const vault = new Contract(chain.vault, VAULT_FUNCTIONS, wallet.signer);
  const allowed = (await open.allowance(wallet.address, chain.vault)) as bigint;
  if (allowed >= amountWei) return vault.deposit(amountWei, ref);
  const permit = await signPermit(wallet, chain, open, amountWei);
  if (permit !== null) {
    const { deadline, signature } = permit;
    return vault.depositWithPermit(amountWei, ref, deadline, signature.v, signature.r, signature.s);
  }
  const approval = (await open.approve(chain.vault, amountWei)) as SentTransaction;
  await approval.wait();
  return vault.deposit(amountWei, ref);
}

/** Null where the wallet cannot sign typed data; a person who declines is no such case. */
async function signPermit(
  { signer, address }: PageWallet,
  chain: Chain,
  open: Contract,
  value: bigint,
): Promise<{ readonly deadline: bigint; readonly signature: Signature } | null> {
  const [domain, nonce, block] = await Promise.all([
    open.eip712Domain(),
    open.nonces(address) as Promise<bigint>,
    signer.provider?.getBlock('latest'),
  ]);
  // By the chain's clock: a practice chain's may differ from this computer's.
  const deadline = BigInt((block?.timestamp ?? Math.floor(Date.now() / 1000)) + PERMIT_SECONDS);
  const { name, version, chainId, verifyingContract } = domain;
  const terms = { owner: address, spender: chain.vault, value, nonce, deadline };
  try {
    const signed = await signer.signTypedData({ name, version, chainId, verifyingContract }, PERMIT, terms);
    return { deadline, signature: Signature.from(signed) };
  } catch (fault) {
    if (isError(fault, 'ACTION_REJECTED')) throw fault;
    return null;
  }
}

export async function sendClaim(
  wallet: PageWallet,
  chain: Chain,
  claim: {
    readonly account: string;
    readonly cumulativeWei: string;
    readonly root: string;
    readonly proof: readonly string[];
  },
): Promise<SentTransaction> {
  const vault = new Contract(chain.vault, VAULT_FUNCTIONS, wallet.signer);
  return vault.claim(claim.account, BigInt(claim.cumulativeWei), claim.root, claim.proof);
}

/**
 * What became of a transaction whose wait() failed: `failed` with the words for it, under another hash where the person's wallet
 * sent it again with a higher fee, or not known (the chain does not answer).
 */
export function fateOf(
  fault: unknown,
): { readonly failed: string } | { readonly replacedBy: SentTransaction } | null {
  if (isError(fault, 'TRANSACTION_REPLACED')) {
    return fault.cancelled
      ? { failed: 'cancelled or replaced in your wallet' }
      : { replacedBy: fault.replacement };
  }
  return isError(fault, 'CALL_EXCEPTION') ? { failed: 'failed on the chain' } : null;
}

/** A fault of a wallet or the chain in a sentence that says whether anything happened. */
export function faultInWords(fault: unknown): string {
  if (isError(fault, 'ACTION_REJECTED')) return 'You declined in your wallet. Nothing was sent.';
  if ((fault as { readonly code?: unknown }).code === 4001)
    return 'You declined in your wallet. Nothing was sent.';
  if (isError(fault, 'INSUFFICIENT_FUNDS'))
    return 'Your wallet lacks the chain’s own coin to pay the fee. Nothing was sent.';
  if (isError(fault, 'CALL_EXCEPTION')) return 'The contract refused it. No coins were moved.';
  if (isError(fault, 'NETWORK_ERROR') || isError(fault, 'TIMEOUT'))
    return 'The chain does not answer. Look at your deposits below before you try again.';
  const { shortMessage, message } = fault as { readonly shortMessage?: string; readonly message?: string };
  return `That did not work: ${shortMessage ?? message ?? 'no reason was given'}.`;
}

// The wallet that the page works with: the browser's own (window.ethereum), or on the practice chain one whose key the page
// makes and keeps in this browser's storage. Runs in the browser. No key ever leaves it; the server sees signatures only.
import { BrowserProvider, JsonRpcProvider, type Signer, Wallet } from 'ethers';
import type { WalletChain, Wire } from '../../../marketplace/wallets/wallet-views.ts';

type Chain = Wire<WalletChain>;

export interface PageWallet {
  /** Lowercase. */
  readonly address: string;
  readonly kind: 'browser' | 'practice';
  readonly signer: Signer;
}

interface InjectedWallet {
  request(call: { readonly method: string; readonly params?: readonly unknown[] }): Promise<unknown>;
}

const injected = (): InjectedWallet | undefined =>
  (globalThis as { readonly ethereum?: InjectedWallet }).ethereum;

export const hasBrowserWallet = (): boolean => injected() !== undefined;

/** Asks the browser's wallet for an account on this chain; makes it switch where it stands on another one. */
export async function connectBrowserWallet(chain: Chain): Promise<PageWallet> {
  const ethereum = injected();
  if (ethereum === undefined) throw new Error('There is no wallet in this browser.');
  const wanted = `0x${BigInt(chain.chainId).toString(16)}`;
  await ethereum.request({ method: 'eth_requestAccounts' });
  if (String(await ethereum.request({ method: 'eth_chainId' })).toLowerCase() !== wanted)
    await switchChain(ethereum, chain, wanted);
  const signer = await new BrowserProvider(ethereum, BigInt(chain.chainId)).getSigner();
  return { address: (await signer.getAddress()).toLowerCase(), kind: 'browser', signer };
}

/** EIP-3326; a chain that the wallet does not know (4902) is described to it first (EIP-3085). */
async function switchChain(ethereum: InjectedWallet, chain: Chain, chainId: string): Promise<void> {
  try {
    await ethereum.request({ method: 'wallet_switchEthereumChain', params: [{ chainId }] });
  } catch (fault) {
    if ((fault as { readonly code?: number }).code !== 4902) throw fault;
    const description = {
      chainId,
      chainName: chain.isLocal ? 'OpenModels practice chain' : `Chain ${chain.chainId}`,
      rpcUrls: [chain.rpcUrl],
      nativeCurrency: { name: 'Ether', symbol: 'ETH', decimals: 18 },
    };
    await ethereum.request({ method: 'wallet_addEthereumChain', params: [description] });
  }
}

const keyName = (chain: Chain, owner: string): string => `practice-wallet:${chain.chainId}:${owner}`;

/** Whether this browser keeps a practice wallet of this person. */
export const hasPracticeWallet = (chain: Chain, owner: string): boolean =>
  chain.isLocal && localStorage.getItem(keyName(chain, owner)) !== null;

/** The practice wallet of this person in this browser, made at the first call. @param owner told apart people who share a browser */
export function practiceWallet(chain: Chain, owner: string): PageWallet {
  if (!chain.isLocal) throw new Error('Practice wallets are for the practice chain only.');
  const kept = localStorage.getItem(keyName(chain, owner));
  const key = kept ?? Wallet.createRandom().privateKey;
  if (kept === null) localStorage.setItem(keyName(chain, owner), key);
  const provider = new JsonRpcProvider(chain.rpcUrl, BigInt(chain.chainId), {
    staticNetwork: true,
    pollingInterval: 500,
    cacheTimeout: -1,
  });
  const signer = new Wallet(key, provider);
  return { address: signer.address.toLowerCase(), kind: 'practice', signer };
}

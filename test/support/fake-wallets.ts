// Wallets and deposits of the marketplace in memory, for tests of what people see: every state is set by the test. Used by
// fake-marketplace.ts. The rules are tested against the real ones (test/marketplace/wallets/).
import { nano, openNano } from '../../db/ledger/amount.ts';
import type { WalletVerbs } from '../../marketplace/wallet-verbs.ts';
import type {
  Deposits,
  LinkedWallet,
  ResumeResult,
  WalletChain,
} from '../../marketplace/wallets/wallet-views.ts';

const fakeWalletChain: WalletChain = {
  chainId: 31_337n,
  isLocal: true,
  rpcUrl: 'http://127.0.0.1:8545',
  open: `0x${'0a'.repeat(20)}`,
  vault: `0x${'0b'.repeat(20)}`,
};

export interface FakeWallets {
  /** Null: this machine has no chain. */
  chainNow: WalletChain | null;
  linked: LinkedWallet | null;
  depositsNow: Deposits['deposits'];
  stopped: 'contradiction' | 'chain_replaced' | null;
  resumeResult: ResumeResult;
  /** Where news were asked to go, one a link or look at deposits; null for shared places. */
  readonly newsPlaces: (string | null)[];
  readonly verbs: WalletVerbs;
}

export const FAKE_TOKEN = 'f'.repeat(64);
export const FAKE_REFERENCE = `0x${'ab'.repeat(32)}`;

export function createFakeWallets(): FakeWallets {
  const noChain = { ok: false, code: 'no_chain' } as const;
  const noVisit = { ok: false, code: 'visit_unknown' } as const;
  const wallets: FakeWallets = {
    chainNow: fakeWalletChain,
    linked: null,
    depositsNow: [],
    stopped: null,
    resumeResult: { ok: false, code: 'not_allowed' },
    newsPlaces: [],
    verbs: {
      walletChain: () => wallets.chainNow,
      async wallet() {
        const { chainNow: chain, linked: wallet } = wallets;
        return chain === null ? noChain : { ok: true, chain, wallet };
      },
      async walletLink({ privatePlace }) {
        if (wallets.chainNow === null) return noChain;
        wallets.newsPlaces.push(privatePlace?.conversationId ?? null);
        return { ok: true, token: FAKE_TOKEN, expiresAt: new Date(Date.UTC(2026, 10, 21, 9, 20)) };
      },
      async unlinkWallet() {
        const { linked } = wallets;
        wallets.linked = null;
        return linked === null ? { ok: false, code: 'no_wallet' } : { ok: true, address: linked.address };
      },
      async deposits({ privatePlace }) {
        const { chainNow: chain, linked: wallet, depositsNow: deposits, stopped } = wallets;
        if (chain === null) return noChain;
        wallets.newsPlaces.push(privatePlace?.conversationId ?? null);
        return { ok: true, chain, reference: FAKE_REFERENCE, wallet, deposits, stopped };
      },
      resumeDeposits: async () => wallets.resumeResult,
      openWalletPage: async () => ({ ok: false, code: 'link_unknown' }),
      walletPage: async () => noVisit,
      walletMessage: async () => noVisit,
      linkWallet: async () => noVisit,
      walletClaim: async () => noVisit,
      walletFaucet: async () => noVisit,
    },
  };
  return wallets;
}

export const fakeDeposit = (
  state: Deposits['deposits'][number]['state'],
  open: string,
): Deposits['deposits'][number] => ({
  txHash: `0x${'cd'.repeat(32)}`,
  amountNano: open === '0' ? nano(0n) : openNano(open),
  restWei: 0n,
  state,
  blocks: 2,
  blocksNeeded: 5,
  seenAt: new Date(Date.UTC(2026, 10, 21, 9, 5)),
});

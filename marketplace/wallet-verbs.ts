// What a person does with wallets and deposits: the verbs behind /wallet, /deposit and the wallet page, and their wiring to
// marketplace/wallets/. Part of the marketplace's face. On a machine without a chain each says so; nothing else changes.
// The page's verbs take the secret of a visit in place of a person: whoever opened the one-time link.
import { ChainFault } from '../contracts/client/chain.ts';
import { openNano } from '../db/ledger/amount.ts';
import { balances } from '../db/ledger/balances.ts';
import { setNewsPlace } from '../db/repositories/deposit-reference-repository.ts';
import type { AskInput, Person } from './marketplace.ts';
import type { MarketplaceContext } from './marketplace-context.ts';
import { isOperator } from './operators.ts';
import { claimOf } from './payouts/claim-of.ts';
import { acceptChain } from './wallets/accept-chain.ts';
import { linkWallet, messageToSign, unlinkWallet } from './wallets/link-wallet.ts';
import { chainView, linkedWallet, readDeposits } from './wallets/read-deposits.ts';
import type {
  Deposits,
  FaucetResult,
  LinkMessage,
  LinkWalletResult,
  NoChain,
  OpenPageResult,
  PageClaim,
  ResumeResult,
  UnlinkResult,
  VisitRefusal,
  WalletChain,
  WalletLinkMade,
  WalletPage,
  WalletSite,
  WalletState,
} from './wallets/wallet-views.ts';
import { makeLink, openLink, signUntil, type Visit, visitOf } from './wallets/wallet-visit.ts';
import { weiOfNano } from './wallets/wei.ts';

type Place = AskInput['conversationKey'];

export interface WalletVerbs {
  /** The chain that wallets are to use; null where there is none. */
  walletChain(): WalletChain | null;
  wallet(person: Person): Promise<WalletState>;
  /** A one-time link to the wallet page, for the account on this platform; in a private chat news go to that chat. */
  walletLink(input: {
    readonly person: Person;
    readonly platform: string;
    /** Null in a shared place. */
    readonly privatePlace: Place | null;
  }): Promise<WalletLinkMade>;
  /** Ends the link; what stands in the claims tree for the wallet stays claimable by it. */
  unlinkWallet(person: Person): Promise<UnlinkResult>;
  deposits(input: {
    readonly person: Person;
    readonly privatePlace: Place | null;
  }): Promise<Deposits | NoChain>;
  /** An operator lets the watcher go on after its alarm. */
  resumeDeposits(person: Person): Promise<ResumeResult>;
  /** Opens a one-time link. */
  openWalletPage(token: string): Promise<OpenPageResult>;
  walletPage(visit: string): Promise<WalletPage | VisitRefusal | NoChain>;
  /** The message that the visit's wallet is to sign. */
  walletMessage(input: {
    readonly visit: string;
    readonly address: string;
    readonly site: WalletSite;
  }): Promise<LinkMessage>;
  linkWallet(input: {
    readonly visit: string;
    readonly message: string;
    readonly signature: string;
    readonly site: WalletSite;
  }): Promise<LinkWalletResult>;
  /** What the linked wallet can claim now, with the proof that the vault asks for. */
  walletClaim(visit: string): Promise<PageClaim>;
  /** Practice coins for the linked wallet, on the local chain. */
  walletFaucet(visit: string): Promise<FaucetResult>;
}

const FAUCET_NANO = openNano('100');
const NO_CHAIN = { ok: false, code: 'no_chain' } as const;

export function walletVerbs(market: MarketplaceContext): WalletVerbs {
  const { chain, db } = market;
  const pouring = new Set<string>();
  /** Runs with the visit, or tells why there is none. */
  const visiting = async <Result>(
    secret: string,
    run: (visit: Visit) => Result | Promise<Result>,
  ): Promise<Result | VisitRefusal> => {
    const found = await visitOf(market, secret);
    return found.ok ? run(found.visit) : found;
  };
  return {
    walletChain: () => (chain === null ? null : chainView(chain)),
    async wallet(person) {
      if (chain === null) return NO_CHAIN;
      return { ok: true, chain: chainView(chain), wallet: await linkedWallet(market, person.id) };
    },
    async walletLink({ person, platform, privatePlace }) {
      if (chain === null) return NO_CHAIN;
      return {
        ok: true,
        ...(await makeLink(market, { personId: person.id, platform, newsPlace: privatePlace })),
      };
    },
    unlinkWallet: (person) => unlinkWallet(market, person.id),
    async deposits({ person, privatePlace }) {
      if (chain === null) return NO_CHAIN;
      const deposits = await readDeposits(market, chain, person.id);
      if (privatePlace !== null) await setNewsPlace(db, person.id, privatePlace);
      return deposits;
    },
    async resumeDeposits(person) {
      if (!(await isOperator(market, person.id))) return { ok: false, code: 'not_allowed' };
      if (chain === null) return NO_CHAIN;
      return orAway(() => acceptChain(market, chain));
    },
    openWalletPage: (token) => openLink(market, token),
    async walletPage(secret) {
      if (chain === null) return NO_CHAIN;
      return visiting(secret, async (visit) => {
        const { spendableNano, grantNano } = await balances(db, visit.personId);
        return {
          ok: true,
          account: visit.account,
          mayLink: visit.usedAt === null && market.clock() < signUntil(visit),
          spendableNano,
          grantNano,
          deposits: await readDeposits(market, chain, visit.personId),
        };
      });
    },
    async walletMessage({ visit: secret, address, site }) {
      if (chain === null) return NO_CHAIN;
      return visiting(secret, (visit) => messageToSign(market, chain.chainId, visit, { address, site }));
    },
    async linkWallet({ visit: secret, message, signature, site }) {
      if (chain === null) return NO_CHAIN;
      return visiting(secret, (visit) =>
        linkWallet(market, chain.chainId, visit, { message, signature, site }),
      );
    },
    async walletClaim(secret) {
      if (chain === null) return NO_CHAIN;
      return visiting(secret, async ({ personId }): Promise<PageClaim> => {
        const wallet = await linkedWallet(market, personId);
        if (wallet === null) return { ok: false, code: 'no_wallet' };
        return orAway(() => claimOf(market, wallet.address));
      });
    },
    async walletFaucet(secret) {
      if (chain === null) return NO_CHAIN;
      return visiting(secret, async ({ personId }): Promise<FaucetResult> => {
        const { faucet } = chain;
        if (!chain.isLocal || faucet === null) return { ok: false, code: 'no_faucet' };
        const wallet = await linkedWallet(market, personId);
        if (wallet === null) return { ok: false, code: 'no_wallet' };
        if (pouring.has(personId)) return { ok: false, code: 'faucet_busy' };
        pouring.add(personId);
        try {
          return await orAway(async () => {
            const txHash = await faucet(wallet.address, weiOfNano(FAUCET_NANO));
            return { ok: true, txHash, amountNano: FAUCET_NANO };
          });
        } finally {
          pouring.delete(personId);
        }
      });
    },
  };
}

/** A chain that cannot be reached is told, not thrown: a person waits for the answer. */
async function orAway<Result>(
  ask: () => Promise<Result>,
): Promise<Result | { readonly ok: false; readonly code: 'chain_away' }> {
  try {
    return await ask();
  } catch (fault) {
    if (!(fault instanceof ChainFault)) throw fault;
    return { ok: false, code: 'chain_away' };
  }
}

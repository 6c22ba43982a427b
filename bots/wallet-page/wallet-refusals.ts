// Every refusal of the wallet page in a sentence: what is wrong and what to do. Used by wallet-routes.ts. Pure.
import type {
  FaucetResult,
  LinkMessage,
  LinkWalletResult,
  OpenPageResult,
  PageClaim,
} from '../../marketplace/wallets/wallet-views.ts';

type CodeOf<Result> = Result extends { readonly ok: false; readonly code: infer Code } ? Code : never;

type WalletCode = Extract<
  CodeOf<OpenPageResult | LinkMessage | LinkWalletResult | FaucetResult | PageClaim>,
  string
>;

const ASK = 'Write /wallet to the bot for a new one.';

const SENTENCES: Readonly<Record<WalletCode, string>> = {
  link_unknown: `This link is not known here. ${ASK}`,
  link_opened: `This link has been opened before, and it opens only once. ${ASK}`,
  link_expired: `This link is too old: it opens within 15 minutes. ${ASK}`,
  visit_unknown: 'This page belongs to nobody yet: it opens by a link. Write /wallet to the bot for one.',
  visit_expired:
    'This page has been open for an hour and is closed now. Write /wallet to the bot for a new link.',
  no_chain: 'This place has no chain: there are no wallets, deposits and claims here.',
  not_an_address: 'That is not the address of a wallet: 0x and 40 digits.',
  message_unreadable:
    'What was signed is not the message of this page. Nothing was linked; sign the one shown here.',
  nonce_unknown: 'The signed message belongs to another visit. Nothing was linked; sign the one shown here.',
  nonce_used: `This page has linked a wallet already, and its message counts once. ${ASK}`,
  other_domain:
    'The signed message is for another site. Nothing was linked: if a site asked you for it, do not trust that site.',
  other_chain:
    'The signed message is for another chain. Nothing was linked; choose this page’s chain in your wallet.',
  message_expired: `The time to sign is over: 15 minutes. Nothing was linked. ${ASK}`,
  message_changed: 'The signed message was changed on its way. Nothing was linked; sign the one shown here.',
  wrong_signature:
    'The signature is not that of this wallet. Nothing was linked; sign with the wallet that is connected. (Wallets that are contracts cannot be linked yet.)',
  wallet_taken:
    'This wallet is linked to somebody else here. Unlink it there with /wallet unlink, or take another one.',
  no_faucet: 'There are no practice coins here: this chain is a real one.',
  no_wallet: 'Link a wallet first.',
  faucet_busy: 'Coins are on their way already.',
  chain_away: 'The chain cannot be reached at the moment. Nothing was lost; try again in a minute.',
  chain_replaced:
    'The practice chain here was deleted or replaced while the books were kept: nothing can be claimed from it. Ask who runs this place.',
  foreign_root:
    'The vault has a claims root that is not from here. An operator has been told; your coins are safe, claims wait.',
};

export const walletRefusal = (code: string): string => SENTENCES[code as WalletCode] ?? 'That was refused.';

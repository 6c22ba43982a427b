// Links a wallet to a person by a signed message, and unlinks it. Used by wallet-verbs.ts. A link moves in one transaction:
// the visit's nonce is used up, an earlier wallet of the person is unlinked, and what had been deposited from the address
// while nobody was known for it becomes the person's. What stands in the claims tree for a wallet stays claimable by it.

import type { Tx } from '../../db/database.ts';
import { transact } from '../../db/database.ts';
import { type Nano, ZERO_NANO } from '../../db/ledger/amount.ts';
import { balances } from '../../db/ledger/balances.ts';
import { transfer } from '../../db/ledger/transfer.ts';
import { moveDeposits } from '../../db/repositories/chain-event-repository.ts';
import { lockWalletLinkOfNonce, useWalletLink } from '../../db/repositories/wallet-link-repository.ts';
import { addWallet, endWallet, lockAddress, walletAt } from '../../db/repositories/wallet-repository.ts';
import type { MarketplaceContext } from '../marketplace-context.ts';
import { ownerOfWallet } from './deposit-owner.ts';
import { linkMessage, messageRefusal, readLinkMessage } from './link-message.ts';
import { tellPerson } from './money-news.ts';
import type { LinkMessage, LinkWalletResult, UnlinkResult, WalletSite } from './wallet-views.ts';
import { signUntil, type Visit } from './wallet-visit.ts';

const ADDRESS = /^0x[0-9a-fA-F]{40}$/;

const termsOf = (visit: Visit, chainId: bigint, site: WalletSite, address: string) => {
  const { account, nonce, openedAt: issuedAt } = visit;
  return { site, chainId, address, account, nonce, issuedAt, expiresAt: signUntil(visit) };
};

/** The message that this visit may sign for an address. */
export function messageToSign(
  market: MarketplaceContext,
  chainId: bigint,
  visit: Visit,
  { address, site }: { readonly address: string; readonly site: WalletSite },
): LinkMessage {
  if (!ADDRESS.test(address)) return { ok: false, code: 'not_an_address' };
  if (visit.usedAt !== null) return { ok: false, code: 'nonce_used' };
  if (market.clock() >= signUntil(visit)) return { ok: false, code: 'message_expired' };
  return { ok: true, message: linkMessage(termsOf(visit, chainId, site, address)) };
}

/** Links the wallet that signed the visit's message, or says why not; a refused message uses nothing up. */
export async function linkWallet(
  market: MarketplaceContext,
  chainId: bigint,
  visit: Visit,
  input: { readonly message: string; readonly signature: string; readonly site: WalletSite },
): Promise<LinkWalletResult> {
  const { message, signature, site } = input;
  const said = readLinkMessage(message);
  if (said === null) return { ok: false, code: 'message_unreadable' };
  const now = market.clock();
  const linked = await transact(market.db, async (tx): Promise<LinkWalletResult> => {
    const link = await lockWalletLinkOfNonce(tx, visit.nonce);
    if (link?.usedAt !== null && said.nonce === visit.nonce) return { ok: false, code: 'nonce_used' };
    const terms = termsOf(visit, chainId, site, said.address);
    const code = messageRefusal(message, signature, terms, now);
    if (code !== null) return { ok: false, code };
    const { address } = said;
    const { personId } = visit;
    await lockAddress(tx, personId); // two visits of one person take turns
    await lockAddress(tx, address);
    const holder = await walletAt(tx, address);
    if (holder !== undefined && holder.personId !== personId) return { ok: false, code: 'wallet_taken' };
    if (holder === undefined) await endWallet(tx, personId);
    const wallet = holder ?? (await addWallet(tx, { personId, address }));
    await useWalletLink(tx, visit.tokenHash, { usedAt: now, walletId: wallet.id });
    const movedNano = await takeOver(tx, { address, personId, key: `wallet-move:${visit.nonce}` });
    if (holder === undefined) {
      const text = `${address} is linked to your ${visit.account}: what you earn is paid there. Was that not you? /wallet unlink ends it at once.`;
      await tellPerson(tx, personId, { kind: 'wallet_linked', key: `wallet-linked:${wallet.id}`, text });
    }
    return { ok: true, address, movedNano };
  });
  // By itself: the watcher locks a log's row before its address, a link the other way round. Whoever links the wallet after
  // this person is not shown these deposits as credited.
  if (linked.ok) await moveDeposits(market.db, ownerOfWallet(linked.address), visit.personId);
  return linked;
}

/** Moves what was deposited from the address while nobody was known for it. */
async function takeOver(
  tx: Tx,
  { address, personId, key }: { readonly address: string; readonly personId: string; readonly key: string },
): Promise<Nano> {
  const ownerId = ownerOfWallet(address);
  const { balanceNano: amountNano } = await balances(tx, ownerId);
  if (amountNano === 0n) return ZERO_NANO;
  const [from, to] = [{ kind: 'user', ownerId } as const, { kind: 'user', ownerId: personId } as const];
  const reason = `deposited from ${address} before it was linked`;
  const moved = await transfer(tx, { key, from, to, amountNano, reason });
  if (!moved.ok) throw new Error(`the balance of ${ownerId} could not be moved: ${moved.code}`);
  return amountNano;
}

/** Ends the person's link. */
export async function unlinkWallet(market: MarketplaceContext, personId: string): Promise<UnlinkResult> {
  const ended = await transact(market.db, async (tx) => {
    await lockAddress(tx, personId);
    return endWallet(tx, personId);
  });
  return ended === undefined ? { ok: false, code: 'no_wallet' } : { ok: true, address: ended.address };
}

/**
 * One-time links to the wallet page. A link is opened once, which begins a visit; a visit links at most one wallet, with
 * the nonce of its link. Only hashes of the two secrets come here.
 */
import type { Database, Tx } from '../database.ts';
import type { WalletLink } from '../schema-wallet.ts';

export async function addWalletLink(
  tx: Tx,
  link: Pick<WalletLink, 'tokenHash' | 'personId' | 'account' | 'nonce' | 'createdAt' | 'expiresAt'>,
): Promise<void> {
  await tx.insertInto('walletLink').values(link).execute();
}

/** The link, locked until the transaction ends. */
export async function lockWalletLink(tx: Tx, tokenHash: string): Promise<WalletLink | undefined> {
  return tx
    .selectFrom('walletLink')
    .selectAll()
    .where('tokenHash', '=', tokenHash)
    .forUpdate()
    .executeTakeFirst();
}

export async function openWalletLink(
  tx: Tx,
  tokenHash: string,
  visit: Readonly<Record<'visitHash', string> & Record<'openedAt' | 'visitExpiresAt', Date>>,
): Promise<void> {
  await tx.updateTable('walletLink').set(visit).where('tokenHash', '=', tokenHash).execute();
}

export async function walletLinkOfVisit(db: Database, visitHash: string): Promise<WalletLink | undefined> {
  return db.selectFrom('walletLink').selectAll().where('visitHash', '=', visitHash).executeTakeFirst();
}

/** The link with this nonce, locked until the transaction ends. */
export async function lockWalletLinkOfNonce(tx: Tx, nonce: string): Promise<WalletLink | undefined> {
  return tx.selectFrom('walletLink').selectAll().where('nonce', '=', nonce).forUpdate().executeTakeFirst();
}

export async function useWalletLink(
  tx: Tx,
  tokenHash: string,
  use: { readonly usedAt: Date; readonly walletId: string },
): Promise<void> {
  await tx.updateTable('walletLink').set(use).where('tokenHash', '=', tokenHash).execute();
}

// Whose a deposit is: the person whose reference it carries, the treasury, else the person who has linked the wallet it
// came from, else that wallet itself until somebody links it. Used by the watcher when it sees a log and again when it
// books it. Knows no amounts.
import { id as keccakOfText } from 'ethers';
import type { ChainLog } from '../../contracts/client/chain.ts';
import type { Database, Tx } from '../../db/database.ts';
import { TREASURY } from '../../db/ledger/transfer.ts';
import { personOfReference } from '../../db/repositories/deposit-reference-repository.ts';
import { walletAt } from '../../db/repositories/wallet-repository.ts';

export type DepositLog = Extract<ChainLog, { readonly kind: 'deposit' }>;

/** The reference by which the operator funds the treasury. */
export const TREASURY_REF = keccakOfText('treasury');

/** The owner under whom an unknown wallet's deposits stand. */
export const ownerOfWallet = (address: string): string => `wallet:${address.toLowerCase()}`;

/** The account a deposit is booked to; only as lasting as the lock on its address (lockAddress). */
export async function depositOwner(
  db: Database | Tx,
  { ref, from }: Pick<DepositLog, 'ref' | 'from'>,
): Promise<{ readonly kind: 'user' | 'treasury'; readonly ownerId: string }> {
  if (ref === TREASURY_REF) return { kind: 'treasury', ownerId: TREASURY.ownerId };
  const personId = (await personOfReference(db, ref)) ?? (await walletAt(db, from))?.personId;
  return { kind: 'user', ownerId: personId ?? ownerOfWallet(from) };
}

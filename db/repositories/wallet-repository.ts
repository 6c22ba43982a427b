/**
 * Wallets and whose they are: an address belongs to at most one person at a time, a person has at most one. What was
 * unlinked stays written down. Addresses are 0x and lowercase.
 */
import { sql } from 'kysely';
import type { Database, Tx } from '../database.ts';
import { newId } from '../new-id.ts';
import type { Wallet } from '../schema-wallet.ts';

/**
 * Whoever decides by whose an address is, or changes it, holds this until the transaction ends: a deposit is booked
 * either before a link (and moves with it) or after it (to the person).
 */
export async function lockAddress(tx: Tx, address: string): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${`wallet:${address}`}, 0))`.execute(tx);
}

const linked = (db: Database | Tx) => db.selectFrom('wallet').selectAll().where('unlinkedAt', 'is', null);

/** The wallet a person has linked now. */
export async function walletOfPerson(db: Database | Tx, personId: string): Promise<Wallet | undefined> {
  return linked(db).where('personId', '=', personId).executeTakeFirst();
}

/** Whether the person has this wallet linked; nobody ends the link before the transaction does. */
export async function isLinkedTo(tx: Tx, personId: string, address: string): Promise<boolean> {
  const link = await linked(tx)
    .where('personId', '=', personId)
    .where('address', '=', address)
    .forShare()
    .executeTakeFirst();
  return link !== undefined;
}

/** The link of an address that holds now. */
export async function walletAt(db: Database | Tx, address: string): Promise<Wallet | undefined> {
  return linked(db).where('address', '=', address).executeTakeFirst();
}

/** Links an address that nobody has; the person's earlier wallet must be unlinked before. */
export async function addWallet(
  tx: Tx,
  { personId, address }: { readonly personId: string; readonly address: string },
): Promise<Wallet> {
  return tx
    .insertInto('wallet')
    .values({ id: newId('wallet'), personId, address })
    .returningAll()
    .executeTakeFirstOrThrow();
}

/** Ends the person's link; undefined when there is none. */
export async function endWallet(tx: Tx, personId: string): Promise<Wallet | undefined> {
  return tx
    .updateTable('wallet')
    .set({ unlinkedAt: sql<Date>`greatest(now(), linked_at)` })
    .where('personId', '=', personId)
    .where('unlinkedAt', 'is', null)
    .returningAll()
    .executeTakeFirst();
}

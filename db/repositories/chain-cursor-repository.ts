/**
 * The watcher's place on one chain and vault: how far it took final blocks, the hash it took them under, and the alarm that
 * keeps it from taking more.
 */
import type { Database, Tx } from '../database.ts';
import type { ChainCursor } from '../schema-wallet.ts';

export interface VaultRef {
  readonly chainId: bigint;
  readonly vault: string;
}

/** The cursor, made at `firstBlock` where there is none. */
export async function ensureCursor(
  db: Database,
  { chainId, vault }: VaultRef,
  firstBlock: bigint,
): Promise<ChainCursor> {
  const known = await readCursor(db, { chainId, vault });
  if (known !== undefined) return known;
  await db
    .insertInto('chainCursor')
    .values({ chainId, vault, nextBlock: firstBlock })
    .onConflict((conflict) => conflict.columns(['chainId', 'vault']).doNothing())
    .execute();
  const cursor = await readCursor(db, { chainId, vault });
  if (cursor === undefined) throw new Error('the watcher’s cursor vanished');
  return cursor;
}

export async function readCursor(db: Database | Tx, ref: VaultRef): Promise<ChainCursor | undefined> {
  return db
    .selectFrom('chainCursor')
    .selectAll()
    .where('chainId', '=', ref.chainId)
    .where('vault', '=', ref.vault)
    .executeTakeFirst();
}

/** The cursor, locked until the transaction ends. */
export async function lockCursor(tx: Tx, ref: VaultRef): Promise<ChainCursor | undefined> {
  return tx
    .selectFrom('chainCursor')
    .selectAll()
    .where('chainId', '=', ref.chainId)
    .where('vault', '=', ref.vault)
    .forUpdate()
    .executeTakeFirst();
}

/** Moves the cursor; only the fields given change. */
export async function moveCursor(
  db: Database | Tx,
  ref: VaultRef,
  to: Partial<Omit<ChainCursor, 'chainId' | 'vault' | 'updatedAt'>>,
): Promise<void> {
  await db
    .updateTable('chainCursor')
    .set({ ...to, updatedAt: new Date() })
    .where('chainId', '=', ref.chainId)
    .where('vault', '=', ref.vault)
    .execute();
}

/** Writes the alarm unless one stands already. @returns whether it was written */
export async function setAlarm(db: Database | Tx, ref: VaultRef, alarm: string): Promise<boolean> {
  const done = await db
    .updateTable('chainCursor')
    .set({ alarm, alarmAt: new Date(), updatedAt: new Date() })
    .where('chainId', '=', ref.chainId)
    .where('vault', '=', ref.vault)
    .where('alarm', 'is', null)
    .executeTakeFirst();
  return done.numUpdatedRows === 1n;
}

/** Another vault than this one whose logs were booked in this database. */
export async function otherBookedVault(db: Database, here: VaultRef): Promise<VaultRef | undefined> {
  return db
    .selectFrom('chainCursor')
    .select(['chainId', 'vault'])
    .where((where) => where.or([where('chainId', '<>', here.chainId), where('vault', '<>', here.vault)]))
    .where((where) =>
      where.exists(
        where
          .selectFrom('chainEvent')
          .select('txHash')
          .whereRef('chainEvent.chainId', '=', 'chainCursor.chainId')
          .whereRef('chainEvent.vault', '=', 'chainCursor.vault')
          .where('transferId', 'is not', null),
      ),
    )
    .limit(1)
    .executeTakeFirst();
}

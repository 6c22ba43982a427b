/**
 * Epochs: what is settled together, and how far each has come. Used by marketplace/payouts. What an epoch holds is fixed when
 * it is cut (the database refuses changes); here it is read, and moved from state to state. Leaves: epoch-leaf-repository.ts.
 */
import { sql } from 'kysely';
import type { Database, Tx } from '../database.ts';
import type { Epoch, EpochState } from '../schema-epoch.ts';
import type { ChainEvent } from '../schema-wallet.ts';
import type { VaultRef } from './chain-cursor-repository.ts';

/** No root of an account may fall below this epoch's leaf: the newest that was not vetoed. */
export async function newestStandingEpoch(db: Database): Promise<Epoch | undefined> {
  return db
    .selectFrom('epoch')
    .selectAll()
    .where('state', '<>', 'vetoed')
    .orderBy('number', 'desc')
    .limit(1)
    .executeTakeFirst();
}

export async function newestEpoch(db: Database): Promise<Epoch | undefined> {
  return db.selectFrom('epoch').selectAll().orderBy('number', 'desc').limit(1).executeTakeFirst();
}

export async function getEpoch(db: Database, number: number): Promise<Epoch | undefined> {
  return db.selectFrom('epoch').selectAll().where('number', '=', number).executeTakeFirst();
}

/** Newest first. */
export async function listEpochs(db: Database, limit: number): Promise<readonly Epoch[]> {
  return db.selectFrom('epoch').selectAll().orderBy('number', 'desc').limit(limit).execute();
}

/** The oldest epoch that is not yet on chain for good: the one that is worked on. */
export async function oldestUnsettledEpoch(db: Database): Promise<Epoch | undefined> {
  return db
    .selectFrom('epoch')
    .selectAll()
    .where('state', 'in', ['cut', 'built', 'signed', 'sent'])
    .orderBy('number')
    .limit(1)
    .executeTakeFirst();
}

/** The newest epoch whose leaves have this root; several have it where claims did not change. */
export async function epochOfClaimsRoot(db: Database, root: string): Promise<Epoch | undefined> {
  return db
    .selectFrom('epoch')
    .selectAll()
    .where('claimsRoot', '=', root)
    .orderBy('number', 'desc')
    .limit(1)
    .executeTakeFirst();
}

export type NewEpoch = Pick<
  Epoch,
  | 'number'
  | 'baseNumber'
  | 'claimsNumber'
  | 'receiptCount'
  | 'claimCount'
  | 'claimsTotalNano'
  | 'waitingNano'
  | 'receiptsFrom'
  | 'cutAt'
>;

export async function createEpoch(tx: Tx, epoch: NewEpoch): Promise<void> {
  await tx.insertInto('epoch').values(epoch).execute();
}

/** One cut at a time, until the transaction ends. */
export async function lockEpochs(tx: Tx): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended('epochs', 0))`.execute(tx);
}

type EpochFacts = Partial<
  Pick<
    Epoch,
    | 'cause'
    | 'receiptsRoot'
    | 'claimsRoot'
    | 'receiptsFileHash'
    | 'claimsFileHash'
    | 'leafFileHash'
    | 'builtAt'
    | 'activeAt'
    | 'endedAt'
    | 'txHash'
    | 'blockNumber'
    | 'blockHash'
  >
>;

/** @returns false when the epoch was in none of the states of `from` (somebody was faster): nothing was written */
export async function moveEpoch(
  tx: Tx,
  change: {
    readonly number: number;
    readonly from: readonly EpochState[];
    readonly to: EpochState;
    readonly facts?: EpochFacts;
  },
): Promise<boolean> {
  const { numUpdatedRows } = await tx
    .updateTable('epoch')
    .set({ state: change.to, ...change.facts })
    .where('number', '=', change.number)
    .where('state', 'in', change.from)
    .executeTakeFirst();
  return numUpdatedRows === 1n;
}

/** Why an epoch does not move; null = nothing is wrong. @returns true when that is news */
export async function setEpochCause(db: Database, number: number, cause: string | null): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('epoch')
    .set({ cause })
    .where('number', '=', number)
    .where(sql<boolean>`cause is distinct from ${cause}`)
    .executeTakeFirst();
  return numUpdatedRows === 1n;
}

/** When its claims count: a pause moves it. */
export async function setActiveAt(db: Database, number: number, activeAt: Date): Promise<void> {
  await db
    .updateTable('epoch')
    .set({ activeAt })
    .where('number', '=', number)
    .where(sql<boolean>`active_at is distinct from ${activeAt}`)
    .execute();
}

/** The posting of an epoch as the watcher saw it, once it is final. */
export async function finalEpochEvent(
  db: Database,
  { chainId, vault }: VaultRef,
  number: number,
): Promise<ChainEvent | undefined> {
  return db
    .selectFrom('chainEvent')
    .selectAll()
    .where('chainId', '=', chainId)
    .where('vault', '=', vault)
    .where('kind', '=', 'epoch')
    .where('state', '=', 'final')
    .where(sql<boolean>`payload ->> 'epoch' = ${String(number)}`)
    .orderBy('blockNumber', 'desc')
    .limit(1)
    .executeTakeFirst();
}

/** Epochs that were posted and whose claims an operator's veto dropped, as the watcher saw it for good. */
export async function vetoedEpochs(
  db: Database,
  { chainId, vault }: VaultRef,
): Promise<readonly { readonly number: number; readonly txHash: string }[]> {
  return db
    .selectFrom('chainEvent')
    .innerJoin('epoch', (join) => join.on(sql<boolean>`epoch.number::text = chain_event.payload ->> 'epoch'`))
    .select(['epoch.number', 'chainEvent.txHash'])
    .where('chainEvent.chainId', '=', chainId)
    .where('chainEvent.vault', '=', vault)
    .where('chainEvent.kind', '=', 'veto')
    .where('chainEvent.state', '=', 'final')
    .where('epoch.state', '=', 'final')
    .execute();
}

export async function oldestCutEpoch(db: Database): Promise<Epoch | undefined> {
  return db
    .selectFrom('epoch')
    .selectAll()
    .where('state', '=', 'cut')
    .orderBy('number')
    .limit(1)
    .executeTakeFirst();
}

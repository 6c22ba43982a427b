/**
 * Logs of the vault as rows: one a chain, transaction and log index, whatever becomes of its block. Used by the watcher and by
 * whoever shows deposits. What was booked stays booked (the table's triggers keep it too).
 */
import { sql } from 'kysely';
import type { Database, Tx } from '../database.ts';
import type { Nano } from '../ledger/amount.ts';
import type { ChainEvent, ChainEventKind } from '../schema-wallet.ts';
import type { VaultRef } from './chain-cursor-repository.ts';

export interface EventKey {
  readonly chainId: bigint;
  readonly txHash: string;
  readonly logIndex: number;
}

export type SeenEvent = EventKey &
  VaultRef &
  Pick<ChainEvent, 'kind' | 'blockNumber' | 'blockHash' | 'payload' | 'ownerId'>;

/**
 * Writes down a log where it stands now: a new one, an orphaned one that is back, or a pending one in another block.
 * @returns what was known of it before, undefined for a new one
 */
export async function seeEvent(tx: Tx, event: SeenEvent): Promise<ChainEvent | undefined> {
  const before = await lockEvent(tx, event);
  // A transaction that does several things has another of them at this index once a reorganisation shifted its logs.
  const isOther = before !== undefined && before.kind !== event.kind && isOpen(before);
  if (isOther) await stepAside(tx, before);
  if (before === undefined || isOther) {
    await tx.insertInto('chainEvent').values(event).execute();
    return undefined;
  }
  const moved = before.blockHash !== event.blockHash;
  if (before.state === 'orphaned' || (before.state === 'pending' && moved)) {
    const { blockNumber, blockHash, payload, ownerId } = event;
    await at(tx, event).set({ blockNumber, blockHash, payload, ownerId, state: 'pending' }).execute();
  }
  return before;
}

const isOpen = ({ state }: ChainEvent): boolean => state === 'pending' || state === 'orphaned';

/** The row, locked until the transaction ends. */
export async function lockEvent(tx: Tx, key: EventKey): Promise<ChainEvent | undefined> {
  return tx
    .selectFrom('chainEvent')
    .selectAll()
    .where('chainId', '=', key.chainId)
    .where('txHash', '=', key.txHash)
    .where('logIndex', '=', key.logIndex)
    .forUpdate()
    .executeTakeFirst();
}

const at = (tx: Tx, { chainId, txHash, logIndex }: EventKey) =>
  tx
    .updateTable('chainEvent')
    .where('chainId', '=', chainId)
    .where('txHash', '=', txHash)
    .where('logIndex', '=', logIndex);

export interface Settlement {
  readonly transferId: bigint | null;
  readonly amountNano: Nano | null;
  readonly restWei: bigint;
  readonly ownerId: string | null;
}

/** Ends a pending row: booked by a transfer, or final without one. */
export async function settleEvent(tx: Tx, key: EventKey, settlement: Settlement): Promise<void> {
  const state = settlement.transferId === null ? 'final' : 'credited';
  await at(tx, key)
    .set({ ...settlement, state, settledAt: new Date() })
    .execute();
}

export async function orphanEvent(tx: Tx, key: EventKey): Promise<void> {
  await at(tx, key).set({ state: 'orphaned' }).where('state', '=', 'pending').execute();
}

/**
 * A settled row whose block is gone, after an operator has been told: lost where it was booked, else no more than orphaned. It
 * leaves its place to what may stand there now.
 */
export async function loseEvent(tx: Tx, key: EventKey): Promise<void> {
  const logIndex = asideIndex(key);
  await at(tx, key).set({ state: 'lost', logIndex }).where('state', '=', 'credited').execute();
  await at(tx, key)
    .set({ state: 'orphaned', settledAt: null, logIndex })
    .where('state', '=', 'final')
    .execute();
}

/** An open row that stands where another log stands now. */
async function stepAside(tx: Tx, key: EventKey): Promise<void> {
  await at(tx, key)
    .set({ state: 'orphaned', logIndex: asideIndex(key) })
    .where('state', 'in', ['orphaned', 'pending'])
    .execute();
}

/** An index of this transaction that no log has: negative. */
const asideIndex = ({ chainId, txHash }: EventKey) =>
  sql<number>`(select least(min(log_index), 0) - 1 from chain_event where chain_id = ${chainId} and tx_hash = ${txHash})`;

/** A lost row of this very transaction and content: it is booked already, wherever it stands now. */
export async function findLostTwin(
  tx: Tx,
  event: Pick<SeenEvent, 'chainId' | 'txHash' | 'kind' | 'payload'>,
): Promise<ChainEvent | undefined> {
  return tx
    .selectFrom('chainEvent')
    .selectAll()
    .where('chainId', '=', event.chainId)
    .where('txHash', '=', event.txHash)
    .where('kind', '=', event.kind)
    .where('state', '=', 'lost')
    .where(sql<boolean>`payload = ${{ ...event.payload }}::jsonb`)
    .orderBy('logIndex')
    .forUpdate()
    .executeTakeFirst();
}

/** A lost row is back on the chain, perhaps at another place; nothing is booked. */
export async function bringBackEvent(
  tx: Tx,
  twin: EventKey,
  place: Pick<ChainEvent, 'logIndex' | 'blockNumber' | 'blockHash'>,
): Promise<void> {
  await stepAside(tx, { ...twin, logIndex: place.logIndex });
  await at(tx, twin)
    .set({ ...place, state: 'credited' })
    .execute();
}

/** Pending rows of a range of blocks, both ends included, in the order of the chain. */
export async function pendingEvents(
  db: Database,
  ref: VaultRef,
  from: bigint,
  to: bigint,
): Promise<readonly ChainEvent[]> {
  return ofVault(db, ref)
    .where('state', '=', 'pending')
    .where('blockNumber', '>=', from)
    .where('blockNumber', '<=', to)
    .orderBy('blockNumber')
    .orderBy('logIndex')
    .execute();
}

/** Where the logs stand that were taken in a range of blocks, both ends included. */
export async function takenPlaces(
  db: Database,
  { chainId, vault }: VaultRef,
  from: bigint,
  to: bigint,
): Promise<readonly Pick<ChainEvent, 'txHash' | 'logIndex' | 'blockHash'>[]> {
  return db
    .selectFrom('chainEvent')
    .select(['txHash', 'logIndex', 'blockHash'])
    .where('chainId', '=', chainId)
    .where('vault', '=', vault)
    .where('blockNumber', '>=', from)
    .where('blockNumber', '<=', to)
    .where('state', 'in', ['final', 'credited'])
    .execute();
}

/** Everything that was settled, newest block first, a page at a time. */
export async function* settledEvents(db: Database, ref: VaultRef): AsyncGenerator<ChainEvent> {
  for (let offset = 0; ; offset += SETTLED_PAGE) {
    const page = await ofVault(db, ref)
      .where('state', 'in', ['final', 'credited'])
      .orderBy('blockNumber', 'desc')
      .orderBy('logIndex', 'desc')
      .orderBy('txHash')
      .limit(SETTLED_PAGE)
      .offset(offset)
      .execute();
    yield* page;
    if (page.length < SETTLED_PAGE) return;
  }
}

const SETTLED_PAGE = 500;

/** The newest deposits of these owners (a person, an unlinked wallet), orphaned ones left out. */
export async function depositsOf(
  db: Database,
  ref: VaultRef,
  owners: readonly string[],
  limit: number,
): Promise<readonly ChainEvent[]> {
  return ofVault(db, ref)
    .where('kind', '=', 'deposit')
    .where('ownerId', 'in', owners)
    .where('state', '<>', 'orphaned')
    .orderBy('blockNumber', 'desc')
    .orderBy('logIndex', 'desc')
    .limit(limit)
    .execute();
}

/** Deposits that were credited to one owner are shown as another's: they moved with the balance. */
export async function moveDeposits(db: Database, from: string, to: string): Promise<void> {
  await db
    .updateTable('chainEvent')
    .set({ ownerId: to })
    .where('kind', '=', 'deposit')
    .where('ownerId', '=', from)
    .where('state', '<>', 'pending')
    .execute();
}

/** What was seen of a kind and is not final yet. */
export async function pendingOfKind(
  db: Database,
  ref: VaultRef,
  kind: ChainEventKind,
): Promise<readonly ChainEvent[]> {
  return ofVault(db, ref).where('state', '=', 'pending').where('kind', '=', kind).execute();
}

const ofVault = (db: Database, { chainId, vault }: VaultRef) =>
  db.selectFrom('chainEvent').selectAll().where('chainId', '=', chainId).where('vault', '=', vault);

/** The transfer that a ledger verb posted under this key, in this transaction or before. */
export async function transferOfKey(tx: Tx, key: string): Promise<bigint> {
  const { id } = await tx
    .selectFrom('transfer')
    .select('id')
    .where('idempotencyKey', '=', key)
    .executeTakeFirstOrThrow();
  return id;
}

/** Whether this key was used for a log that has left its place: a row's transfer goes with the row. */
export async function isKeyOfMovedEvent(tx: Tx, key: string): Promise<boolean> {
  const found = await tx
    .selectFrom('transfer')
    .innerJoin('chainEvent', 'chainEvent.transferId', 'transfer.id')
    .select('transfer.id')
    .where('transfer.idempotencyKey', '=', key)
    .executeTakeFirst();
  return found !== undefined;
}

/** What was booked as claimed by an account, in lost rows too; null where none of its claims is lost. */
export async function claimsWithLost(
  tx: Tx,
  { chainId, vault }: VaultRef,
  account: string,
): Promise<bigint | null> {
  const { rows } = await sql<{ booked: bigint | null; lost: bigint }>`
    select sum(amount_nano)::bigint as booked, count(*) filter (where state = 'lost') as lost from chain_event
    where chain_id = ${chainId} and vault = ${vault} and kind = 'claim' and state in ('credited', 'lost')
      and payload ->> 'account' = ${account}`.execute(tx);
  const [{ booked, lost }] = rows;
  return lost === 0n ? null : booked;
}

// The watcher's view of what is not final yet: each log is written down where it stands, a log whose block is gone becomes
// orphaned, and the person hears "seen" once. Books nothing. Used by chain-round.ts, which also sees final logs through it
// before it takes them. Invariant: a row is orphaned only when the node says that its block has another hash or none.
import type { Chain, ChainLog } from '../../contracts/client/chain.ts';
import { type Tx, transact } from '../../db/database.ts';
import type { VaultRef } from '../../db/repositories/chain-cursor-repository.ts';
import {
  bringBackEvent,
  findLostTwin,
  orphanEvent,
  pendingEvents,
  seeEvent,
} from '../../db/repositories/chain-event-repository.ts';
import type { ChainEvent } from '../../db/schema-wallet.ts';
import type { MarketplaceContext } from '../marketplace-context.ts';
import { depositOwner } from './deposit-owner.ts';
import { amountInWords, isWorthNews } from './deposit-words.ts';
import { tellPerson } from './money-news.ts';

/** The fields that make a log itself, wherever it stands, as text. */
function payloadOf(log: ChainLog): ChainEvent['payload'] {
  const { kind, txHash, logIndex, blockNumber, blockHash, ...fields } = log;
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, String(value)]));
}

/**
 * Writes a log down in this transaction; while it is not final the person is told that it is on its way.
 * @returns false when it is booked already, from a branch of the chain that is gone, and only came back
 */
export async function seeLog(
  tx: Tx,
  vault: VaultRef,
  log: ChainLog,
  { isFinal }: { readonly isFinal: boolean },
): Promise<boolean> {
  const { kind, txHash, logIndex, blockNumber, blockHash } = log;
  const payload = payloadOf(log);
  const twin = await findLostTwin(tx, { chainId: vault.chainId, txHash, kind, payload });
  if (twin !== undefined) {
    if (isFinal) await bringBackEvent(tx, twin, { logIndex, blockNumber, blockHash });
    return false;
  }
  const ownerId = kind === 'deposit' ? (await depositOwner(tx, log)).ownerId : null;
  const event = { ...vault, txHash, logIndex, kind, blockNumber, blockHash, payload, ownerId };
  const before = await seeEvent(tx, event);
  const isNews = kind === 'deposit' && !isFinal && before === undefined && isWorthNews(log.amountWei);
  if (isNews && ownerId !== null) {
    await tellPerson(tx, ownerId, {
      kind: 'deposit_seen',
      key: `deposit-seen:${vault.chainId}:${txHash}:${logIndex}`,
      text: `${amountInWords(log.amountWei)} seen on its way into the vault. It is yours to spend as soon as its block is final; /deposit tells how far it is.`,
    });
  }
  return true;
}

/** Sees the logs of the blocks that are not final, and lets go of what is no longer among them. */
export async function seePending(
  market: MarketplaceContext,
  chain: Chain,
  vault: VaultRef,
  logs: readonly ChainLog[],
  fromBlock: bigint,
): Promise<void> {
  // A reorganisation may also have shortened the chain: rows above its head are looked at too.
  const before = await pendingEvents(market.db, vault, fromBlock, HIGHEST_BLOCK);
  const known = new Set(before.map(placeOf));
  for (const log of logs) {
    if (market.stopping.aborted) return;
    // What stands where it stood is not written again: thousands of small deposits must not make each round long.
    if (!known.has(placeOf(log)))
      await transact(market.db, (tx) => seeLog(tx, vault, log, { isFinal: false }));
  }
  const here = new Set(logs.map(placeOf));
  for (const row of await pendingEvents(market.db, vault, fromBlock, HIGHEST_BLOCK))
    if (!here.has(placeOf(row))) await orphanIfGone(market, chain, row);
}

/** Where a log stands, on which branch. */
export const placeOf = ({
  txHash,
  logIndex,
  blockHash,
}: Pick<ChainLog, 'txHash' | 'logIndex' | 'blockHash'>): string => `${txHash}:${logIndex}:${blockHash}`;

const HIGHEST_BLOCK = 2n ** 62n;

/** @returns whether the row's block is gone from the chain */
export async function orphanIfGone(
  market: MarketplaceContext,
  chain: Chain,
  row: ChainEvent,
): Promise<boolean> {
  const block = await chain.blockAt(row.blockNumber);
  if (block?.hash === row.blockHash) return false;
  await transact(market.db, async (tx) => {
    await orphanEvent(tx, row);
    if (row.kind !== 'deposit' || row.ownerId === null) return;
    const amountWei = BigInt(row.payload.amountWei);
    if (!isWorthNews(amountWei)) return;
    await tellPerson(tx, row.ownerId, {
      kind: 'deposit_orphaned',
      key: `deposit-orphaned:${row.chainId}:${row.txHash}:${row.blockHash}`,
      text: `The chain dropped the block with your deposit of ${amountInWords(amountWei)}. Nothing is lost: your coins are in your wallet, or the transaction comes back in another block and is credited then.`,
    });
  });
  return true;
}

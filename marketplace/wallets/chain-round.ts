// One round of the watcher: is the chain still the one we took blocks from? Then final blocks are taken in steps, and what
// lies above them is shown as pending. Used by watch-chain.ts. Everything is keyed by chain, transaction and log index, so
// that a round may be broken off anywhere and repeated.
// Stops: a stored final block that has another hash now, or a log that contradicts the books, raises an alarm; nothing is
// credited until an operator has looked (accept-chain.ts); a practice chain that was replaced cannot be accepted.
import type { Chain, ChainBlock, ChainLog } from '../../contracts/client/chain.ts';
import { transact } from '../../db/database.ts';
import {
  ensureCursor,
  moveCursor,
  setAlarm,
  type VaultRef,
} from '../../db/repositories/chain-cursor-repository.ts';
import {
  lockEvent,
  pendingEvents,
  settleEvent,
  takenPlaces,
} from '../../db/repositories/chain-event-repository.ts';
import type { ChainCursor } from '../../db/schema-wallet.ts';
import type { MarketplaceContext } from '../marketplace-context.ts';
import { CHAIN_REPLACED, isChainReplaced } from './chain-replaced.ts';
import { creditedNews } from './credited-news.ts';
import { type FinalLogOutcome, onFinalLog } from './on-final-log.ts';
import { orphanIfGone, placeOf, seeLog, seePending } from './see-logs.ts';

/** Blocks asked for at once; halved by the caller when the node refuses. */
export const STEP_BLOCKS_MAX = 5_000n;
/** Final blocks that are asked for again each time: a node that lags behind another may have told too little of them. */
const OVERLAP_BLOCKS = 32n;

export type RoundEnd =
  | { readonly state: 'followed'; readonly takenTo: bigint | null }
  /** The node is behind what we know, or contradicts itself: try again. */
  | { readonly state: 'behind'; readonly why: string }
  | { readonly state: 'stopped'; readonly alarm: string };

export const vaultOf = (chain: Chain): VaultRef => ({
  chainId: chain.chainId,
  vault: chain.addresses.vault.toLowerCase(),
});

/**
 * @param stepBlocks most blocks to ask for at once
 * @throws ChainFault and DatabaseFault; the next round goes on where this one ended
 */
export async function chainRound(
  market: MarketplaceContext,
  chain: Chain,
  stepBlocks: bigint = STEP_BLOCKS_MAX,
): Promise<RoundEnd> {
  const vault = vaultOf(chain);
  const cursor = await ensureCursor(market.db, vault, chain.firstBlock);
  if (cursor.alarm === CHAIN_REPLACED && !(await isChainReplaced(chain, cursor)))
    await moveCursor(market.db, vault, { alarm: null, alarmAt: null });
  else if (cursor.alarm !== null) return { state: 'stopped', alarm: cursor.alarm };
  const { latest, final } = await chain.heads();
  const trouble = await finalityTrouble(chain, cursor, final);
  if (trouble !== null) {
    if (trouble.state === 'stopped') await setAlarm(market.db, vault, trouble.alarm);
    return trouble;
  }
  await moveCursor(market.db, vault, { latestBlock: latest.number });
  let next = cursor.nextBlock;
  while (final !== null && next <= final.number) {
    if (market.stopping.aborted) return { state: 'followed', takenTo: next - 1n };
    const to = least(final.number, next + stepBlocks - 1n);
    const ended = await takeFinal(market, chain, vault, {
      next,
      to,
      overlap: least(OVERLAP_BLOCKS, stepBlocks - 1n),
    });
    if (ended !== null) return ended;
    next = to + 1n;
  }
  const unsettled: ChainLog[] = [];
  for (let from = next; from <= latest.number; from += stepBlocks)
    unsettled.push(...(await chain.logs(from, least(latest.number, from + stepBlocks - 1n))));
  await seePending(market, chain, vault, unsettled, next);
  return { state: 'followed', takenTo: final === null ? null : next - 1n };
}

const least = (a: bigint, b: bigint): bigint => (a < b ? a : b);

/** Null when the last final block we took is still on the chain. */
async function finalityTrouble(
  chain: Chain,
  cursor: ChainCursor,
  final: ChainBlock | null,
): Promise<Exclude<RoundEnd, { state: 'followed' }> | null> {
  const { finalBlock, finalHash } = cursor;
  if (finalBlock === null) return null;
  if (await isChainReplaced(chain, cursor)) return { state: 'stopped', alarm: CHAIN_REPLACED };
  const now = await chain.blockAt(finalBlock);
  if (now === null) return { state: 'behind', why: `the node does not know final block ${finalBlock} (yet)` };
  if (now.hash !== finalHash) {
    return {
      state: 'stopped',
      alarm: `final block ${finalBlock} was ${finalHash} and is now ${now.hash}: the chain was reorganised below a final block, or this is another chain`,
    };
  }
  if (final === null || final.number < finalBlock)
    return { state: 'behind', why: `the node's final block is below ${finalBlock}` };
  return null;
}

/** Takes the logs up to block `to`, then moves the cursor behind it; null when all went well. */
async function takeFinal(
  market: MarketplaceContext,
  chain: Chain,
  vault: VaultRef,
  { next, to, overlap }: { readonly next: bigint; readonly to: bigint; readonly overlap: bigint },
): Promise<RoundEnd | null> {
  const first = chain.firstBlock < next - overlap ? next - overlap : chain.firstBlock;
  const anchor = await chain.blockAt(to);
  const logs = await chain.logs(first, to);
  const unsound = await contradiction(market, chain, vault, logs, { from: first, to });
  if (unsound !== null) return { state: 'behind', why: unsound };
  const taken = new Set((await takenPlaces(market.db, vault, first, to)).map(placeOf));
  for (const log of logs) {
    if (taken.has(placeOf(log))) continue;
    if (market.stopping.aborted) return { state: 'followed', takenTo: next - 1n };
    const alarm = await takeLog(market, vault, log);
    if (alarm === null) continue;
    await setAlarm(market.db, vault, alarm);
    return { state: 'stopped', alarm };
  }
  const still = await chain.blockAt(to);
  if (anchor === null || still === null || still.hash !== anchor.hash)
    return { state: 'behind', why: `block ${to} changed while it was being read` };
  await moveCursor(market.db, vault, { nextBlock: to + 1n, finalBlock: to, finalHash: still.hash });
  return null;
}

/** Why these logs cannot be taken as they are: one stands in a block that is not on the chain, or one is missing. */
async function contradiction(
  market: MarketplaceContext,
  chain: Chain,
  vault: VaultRef,
  logs: readonly ChainLog[],
  { from, to }: { readonly from: bigint; readonly to: bigint },
): Promise<string | null> {
  const hashes = new Map<bigint, string | undefined>();
  for (const { blockNumber, blockHash } of logs) {
    if (blockNumber < from || blockNumber > to)
      return `the node tells a log of block ${blockNumber}, which was not asked for`;
    if (!hashes.has(blockNumber)) hashes.set(blockNumber, (await chain.blockAt(blockNumber))?.hash);
    if (hashes.get(blockNumber) !== blockHash)
      return `a log stands in block ${blockHash}, which is not on the chain`;
  }
  const told = new Set(logs.map((log) => `${log.txHash}:${log.logIndex}`));
  for (const row of await pendingEvents(market.db, vault, from, to)) {
    if (told.has(`${row.txHash}:${row.logIndex}`)) continue;
    if (!(await orphanIfGone(market, chain, row)))
      return `the node leaves out log ${row.txHash}:${row.logIndex} of block ${row.blockNumber}`;
  }
  return null;
}

/** Books a final log, once: its row's end and its transfer are one transaction. @returns an alarm, null when all is well */
async function takeLog(market: MarketplaceContext, vault: VaultRef, log: ChainLog): Promise<string | null> {
  try {
    await transact(market.db, async (tx) => {
      if (!(await seeLog(tx, vault, log, { isFinal: true }))) return;
      const key = { chainId: vault.chainId, txHash: log.txHash, logIndex: log.logIndex };
      const row = await lockEvent(tx, key);
      if (row === undefined || row.state !== 'pending') return;
      const task = onFinalLog[log.kind] as (...args: readonly unknown[]) => Promise<FinalLogOutcome>;
      const outcome = await task(market, tx, log, vault);
      if ('alarm' in outcome) throw new BooksContradicted(outcome.alarm);
      await settleEvent(tx, key, outcome);
      if (log.kind === 'deposit') await creditedNews(tx, log, outcome);
    });
    return null;
  } catch (fault) {
    if (fault instanceof BooksContradicted) return fault.message;
    throw fault;
  }
}

/** Rolls the transaction back; the message is the alarm. */
class BooksContradicted extends Error {}

// The practice chain's folder was deleted or replaced while the database was kept: the coins, deposits and epochs that the books
// tell of are on no chain any more. Used by the watcher, which stops with CHAIN_REPLACED as its alarm, by whoever shows money
// on chain, and by chain-mismatch.ts at the start. Only the local chain can be told for sure: what it called final is on its disk (state-keeper.ts),
// so a final block that it does not know is no delay of a node. Put back, it is taken up again without anybody's word.
import type { Chain } from '../../contracts/client/chain.ts';
import type { ChainCursor } from '../../db/schema-wallet.ts';

export const CHAIN_REPLACED =
  'the practice chain is not the one that the books were made with: its folder was deleted or replaced, and the database was kept';

/** Whether the final block that the watcher took last is gone from the practice chain. @throws ChainFault */
export async function isChainReplaced(
  chain: Chain,
  { finalBlock, finalHash }: Pick<ChainCursor, 'finalBlock' | 'finalHash'>,
): Promise<boolean> {
  if (!chain.isLocal || finalBlock === null) return false;
  return (await chain.blockAt(finalBlock))?.hash !== finalHash;
}

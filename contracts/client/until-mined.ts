// Waits until a transaction is mined. Used where what comes next needs it: the deployment, the local chain's first deposit, the
// faucet, tests. The settlement does not wait: it looks again at its own pace.
import { setTimeout as sleep } from 'node:timers/promises';
import { type ChainBlock, ChainFault, type Hex } from './chain.ts';
import type { Transactor } from './transactor.ts';

/**
 * @param what how a message calls the transaction
 * @throws ChainFault `chain_reverted` when it failed on chain, `chain_unreachable` (after) when it still waits after `waitMs`
 */
export async function untilMined(
  transactor: Transactor,
  txHash: Hex,
  what: string,
  { pollMs, waitMs }: { readonly pollMs: number; readonly waitMs: number },
): Promise<ChainBlock> {
  for (const deadline = Date.now() + waitMs; ; ) {
    const found = await transactor.txState(txHash);
    if (found.state === 'reverted')
      throw new ChainFault('chain_reverted', `${what} failed on chain: ${txHash}`, 'never');
    if (found.state === 'mined' || found.state === 'final') return found.block;
    if (Date.now() > deadline)
      throw new ChainFault('chain_unreachable', `${what} (${txHash}) is not mined yet`, 'after');
    await sleep(pollMs);
  }
}

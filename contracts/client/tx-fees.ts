// What a transaction offers for gas (EIP-1559): twice the newest base fee and the tip the node suggests, so that it stays
// acceptable while the base fee doubles (six full blocks); a replacement offers an eighth more than before in both, which
// every node takes (they ask for a tenth). Used by transactor.ts. Invariant: never above the configured cap.
import { ChainFault } from './chain.ts';
import { type Rpc, RpcRefusal } from './json-rpc.ts';
import { readBlock, readQuantity } from './rpc-values.ts';

/** Wei per gas. */
export interface Fees {
  readonly maxFeePerGas: bigint;
  readonly maxPriorityFeePerGas: bigint;
}

const TIP_FALLBACK = 1_000_000_000n;

/** @throws ChainFault `fee_cap` (after) when the chain asks for more than the cap now, or a replacement would */
export async function chooseFees(rpc: Rpc, cap: bigint, replaced?: Fees): Promise<Fees> {
  const block = await readBlock(rpc, 'latest');
  if (block === null) throw new ChainFault('chain_unreachable', `${rpc.host} has no newest block`, 'after');
  if (block.baseFee === null)
    throw new ChainFault('chain_refused', `${rpc.host}: this chain knows no EIP-1559 fees`, 'never');
  const suggested = await suggestedTip(rpc);
  const leastTip = replaced === undefined ? suggested : max(suggested, raised(replaced.maxPriorityFeePerGas));
  const least = max(block.baseFee + leastTip, replaced === undefined ? 0n : raised(replaced.maxFeePerGas));
  if (least > cap)
    throw new ChainFault(
      'fee_cap',
      `gas costs ${gwei(least)} gwei now, above the ${gwei(cap)} of CHAIN_MAX_FEE_GWEI`,
      'after',
    );
  const wanted = max(least, 2n * block.baseFee + leastTip);
  return { maxFeePerGas: wanted < cap ? wanted : cap, maxPriorityFeePerGas: leastTip };
}

async function suggestedTip(rpc: Rpc): Promise<bigint> {
  try {
    return readQuantity(await rpc.call('eth_maxPriorityFeePerGas'), 'a fee');
  } catch (error) {
    if (error instanceof RpcRefusal) return TIP_FALLBACK; // not every node has the method
    throw error;
  }
}

const raised = (fee: bigint): bigint => (fee * 9n + 7n) / 8n;
const max = (a: bigint, b: bigint): bigint => (a > b ? a : b);

/** For people: gwei with at most three decimals. */
function gwei(wei: bigint): string {
  return (Number(wei / 1_000_000n) / 1_000).toString();
}

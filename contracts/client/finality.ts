// Which block counts as final: what is credited for good waits for it. Used by connect-chain.ts. Two policies: the node's own
// `finalized` tag (chains that have one: safe by the chain's rules), or a number of blocks on top (chains whose nodes do not
// know the tag, or where waiting 15 minutes is not wanted: a deeper reorg would take a credited deposit back).
// The local chain adds a bound: no block above the one that its state on disk holds (see local/state-keeper.ts).
import { type ChainBlock, ChainFault } from './chain.ts';
import { type Rpc, RpcRefusal } from './json-rpc.ts';
import { readBlock } from './rpc-values.ts';

export type Finality = 'finalized' | { readonly confirmations: number };

/** `finalized`, or a number of blocks. @throws ChainFault `chain_setting` */
export function readFinality(setting: string): Finality {
  if (setting === 'finalized') return setting;
  const confirmations = Number(setting);
  if (/^\d{1,6}$/.test(setting) && confirmations >= 1) return { confirmations };
  throw new ChainFault('chain_setting', 'CHAIN_FINALITY: finalized, or a number of blocks from 1', 'never');
}

/** @param bound the newest block that may count as final; undefined = no bound, null = none may */
export async function finalBlock(
  rpc: Rpc,
  latest: ChainBlock,
  policy: Finality,
  bound?: ChainBlock | null,
): Promise<ChainBlock | null> {
  if (bound === null) return null;
  const final =
    policy === 'finalized' ? await finalized(rpc) : await confirmed(rpc, latest, policy.confirmations);
  if (final === null || bound === undefined || final.number <= bound.number) return final;
  const bounding = await readBlock(rpc, bound.number);
  return bounding?.hash === bound.hash ? bound : null;
}

async function finalized(rpc: Rpc): Promise<ChainBlock | null> {
  try {
    const block = await readBlock(rpc, 'finalized');
    return block && { number: block.number, hash: block.hash };
  } catch (error) {
    if (!(error instanceof RpcRefusal)) throw error;
    if (/not found|unknown block/i.test(error.said)) return null; // a young chain
    throw new ChainFault(
      'chain_setting',
      `CHAIN_FINALITY: ${rpc.host} does not know the block tag "finalized"; set a number of blocks instead`,
      'never',
      { cause: error },
    );
  }
}

async function confirmed(rpc: Rpc, latest: ChainBlock, confirmations: number): Promise<ChainBlock | null> {
  const number = latest.number - BigInt(confirmations);
  if (number < 0n) return null;
  const block = await readBlock(rpc, number);
  return block && { number: block.number, hash: block.hash };
}

// Every log of one contract since a block, decoded by its ABI, in slices. Used by the deployment to find what a constructor did
// and who holds which role; the watcher's logs are chain-logs.ts. Logs the ABI does not know are left out.
import type { LogDescription } from 'ethers';
import type { Hex } from '../client/chain.ts';
import type { ContractFace } from '../client/contract-faces.ts';
import { type Rpc, RpcRefusal } from '../client/json-rpc.ts';
import { quantity, readBlock, readObject, readQuantity } from '../client/rpc-values.ts';

export interface FoundLog {
  readonly block: bigint;
  readonly log: LogDescription;
}

const SLICE_FIRST = 100_000n;

export async function allLogs(
  rpc: Rpc,
  address: Hex,
  face: ContractFace,
  fromBlock: bigint,
): Promise<readonly FoundLog[]> {
  const last = (await readBlock(rpc, 'latest'))?.number ?? 0n;
  const found: FoundLog[] = [];
  let slice = SLICE_FIRST;
  for (let from = fromBlock; from <= last; ) {
    const to = from + slice - 1n < last ? from + slice - 1n : last;
    let answer: unknown;
    try {
      answer = await rpc.call('eth_getLogs', [{ address, fromBlock: quantity(from), toBlock: quantity(to) }]);
    } catch (error) {
      if (!(error instanceof RpcRefusal) || from === to) throw error;
      slice = (to - from + 1n) / 2n;
      continue;
    }
    for (const raw of Array.isArray(answer) ? answer : []) {
      const { topics, data, blockNumber } = readObject(raw, 'a log');
      const log = face.abi.parseLog({ topics: topics as string[], data: String(data) });
      if (log !== null) found.push({ block: readQuantity(blockNumber, 'a block number'), log });
    }
    from = to + 1n;
  }
  return found;
}

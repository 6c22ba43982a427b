// The vault's logs of a range of blocks, decoded by its ABI, in the order of the chain. Used by connect-chain.ts. Asked with
// eth_getLogs in slices: a slice that the node finds too wide or too rich is halved until it passes, and grows again after.
// Never by subscription: a listener is not told when a reorg takes a log back (ethers issues 385, 872).
import type { ChainLog, Hex } from './chain.ts';
import { ChainFault } from './chain.ts';
import { contractFaces } from './contract-faces.ts';
import { type Rpc, RpcRefusal } from './json-rpc.ts';
import { quantity, readBlock, readHex, readObject, readQuantity } from './rpc-values.ts';

const EVENTS = ['Deposited', 'Claimed', 'EpochPosted', 'EpochVetoed'] as const;
const SLICE_FIRST = 2_000n;
const SLICE_MAX = 50_000n;

/** @returns a function that reads the logs from one block to another, both included; it remembers how wide slices may be */
export function logReader(rpc: Rpc, vault: Hex): (from: bigint, to: bigint) => Promise<readonly ChainLog[]> {
  const { abi } = contractFaces().vault;
  const topics = EVENTS.map((name) => abi.getEvent(name)?.topicHash);
  let slice = SLICE_FIRST;
  return async (fromBlock, toBlock) => {
    if (fromBlock > toBlock) return [];
    // a node that lags behind would answer "no logs" for blocks it has never seen
    if ((await readBlock(rpc, toBlock)) === null)
      throw new ChainFault('chain_unreachable', `${rpc.host} does not have block ${toBlock} yet`, 'after');
    const logs: ChainLog[] = [];
    for (let from = fromBlock; from <= toBlock; ) {
      const to = from + slice - 1n < toBlock ? from + slice - 1n : toBlock;
      try {
        const answer = await rpc.call('eth_getLogs', [
          { address: vault, topics: [topics], fromBlock: quantity(from), toBlock: quantity(to) },
        ]);
        if (!Array.isArray(answer))
          throw new ChainFault(
            'chain_unreachable',
            `${rpc.host} answers with something that is no logs`,
            'after',
          );
        for (const raw of answer) {
          const log = decode(readObject(raw, 'a log'), vault);
          if (log !== undefined) logs.push(log);
        }
      } catch (error) {
        if (!(error instanceof RpcRefusal) || from === to) throw error;
        slice = (to - from + 1n) / 2n; // whatever it does not like of a wide range, of a narrow one it may
        continue;
      }
      from = to + 1n;
      if (slice < SLICE_MAX) slice += (slice + 3n) / 4n;
    }
    return logs.sort((a, b) =>
      a.blockNumber === b.blockNumber ? a.logIndex - b.logIndex : a.blockNumber < b.blockNumber ? -1 : 1,
    );
  };
}

/** Undefined for what a reorg took back, and for what is not one of the four. */
function decode(raw: Readonly<Record<string, unknown>>, vault: Hex): ChainLog | undefined {
  if (raw.removed === true || readHex(raw.address, 'an address', 20) !== vault) return undefined;
  if (!Array.isArray(raw.topics))
    throw new ChainFault('chain_unreachable', 'the node answers with a log without topics', 'after');
  const parsed = contractFaces().vault.abi.parseLog({
    topics: raw.topics.map((topic) => readHex(topic, 'a topic', 32)),
    data: readHex(raw.data, 'the data of a log'),
  });
  if (parsed === null) return undefined;
  const place = {
    txHash: readHex(raw.transactionHash, 'a transaction hash', 32),
    logIndex: Number(readQuantity(raw.logIndex, 'a log index')),
    blockNumber: readQuantity(raw.blockNumber, 'a block number'),
    blockHash: readHex(raw.blockHash, 'a block hash', 32),
  };
  const { args } = parsed;
  const lower = (name: string): Hex => String(args[name]).toLowerCase();
  const amount = (name: string): bigint => BigInt(args[name] as bigint);
  switch (parsed.name) {
    case 'Deposited':
      return {
        ...place,
        kind: 'deposit',
        from: lower('from'),
        ref: lower('ref'),
        amountWei: amount('amount'),
      };
    case 'Claimed':
      return {
        ...place,
        kind: 'claim',
        account: lower('account'),
        amountWei: amount('amount'),
        cumulativeWei: amount('cumulative'),
      };
    case 'EpochPosted':
      return {
        ...place,
        kind: 'epoch',
        epoch: amount('epoch'),
        receiptsRoot: lower('receiptsRoot'),
        claimsRoot: lower('claimsRoot'),
        claimsTotalWei: amount('claimsTotal'),
        leafFileHash: lower('leafFileHash'),
      };
    case 'EpochVetoed':
      return { ...place, kind: 'veto', epoch: amount('epoch') };
    default:
      return undefined;
  }
}

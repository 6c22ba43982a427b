// Values as JSON-RPC writes them, read strictly: quantities, hashes, addresses and blocks. Used by everything that asks a
// node. What is malformed is a fault of the node (`chain_unreachable`: another answer may be better), never a NaN.
import { type ChainBlock, ChainFault, type Hex } from './chain.ts';
import type { Rpc } from './json-rpc.ts';

export function quantity(value: bigint | number): Hex {
  return `0x${value.toString(16)}`;
}

export function readQuantity(value: unknown, what: string): bigint {
  if (typeof value === 'string' && /^0x[0-9a-f]+$/i.test(value)) return BigInt(value);
  throw malformed(what);
}

/** Bytes as 0x-prefixed lowercase hex; `bytes` = how many there must be. */
export function readHex(value: unknown, what: string, bytes?: number): Hex {
  const wellFormed = typeof value === 'string' && /^0x([0-9a-f]{2})*$/i.test(value);
  if (!wellFormed || (bytes !== undefined && value.length !== 2 + 2 * bytes)) throw malformed(what);
  return value.toLowerCase();
}

export function readObject(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Readonly<Record<string, unknown>>;
  throw malformed(what);
}

export interface BlockHeader extends ChainBlock {
  readonly timestamp: bigint;
  /** Null on a chain without EIP-1559. */
  readonly baseFee: bigint | null;
  readonly transactions: number;
}

/** @param tag a number, or `latest`, `finalized` and the like. @returns null when the node has no such block */
export async function readBlock(rpc: Rpc, tag: bigint | string): Promise<BlockHeader | null> {
  const wanted = typeof tag === 'bigint' ? quantity(tag) : tag;
  const answer = await rpc.call('eth_getBlockByNumber', [wanted, false]);
  if (answer === null) return null;
  const block = readObject(answer, 'a block');
  return {
    number: readQuantity(block.number, 'a block number'),
    hash: readHex(block.hash, 'a block hash', 32),
    timestamp: readQuantity(block.timestamp, 'a block time'),
    baseFee: block.baseFeePerGas == null ? null : readQuantity(block.baseFeePerGas, 'a base fee'),
    transactions: Array.isArray(block.transactions) ? block.transactions.length : 0,
  };
}

function malformed(what: string): ChainFault {
  return new ChainFault(
    'chain_unreachable',
    `the chain's node answers with something that is not ${what}`,
    'after',
  );
}

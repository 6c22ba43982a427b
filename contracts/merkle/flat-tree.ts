// The tree of merkle-tree.ts for many leaves: all nodes in one block of bytes, so that 100,000 leaves take 2 s and 6.4 MB.
// Used by the tree worker, by leaf-file checks and by proofs from a stored tree; equal to OpenZeppelin's StandardMerkleTree
// (tests compare both). It knows no people, models or money. The leaves are those of receipts and of claims.
// Layout: node i has the children 2i+1 and 2i+2, 32 bytes each; the sorted leaves fill the end, in reverse order.
import { keccak_256 } from '@noble/hashes/sha3';
import type { Hash32 } from './merkle-tree.ts';

export const HASH_BYTES = 32;
/** What stands for the root of a tree without leaves. */
export const NO_ROOT: Hash32 = `0x${'0'.repeat(64)}`;

const ADDRESS_BYTES = 20;
const LEAF_TYPES = { receipts: ['bytes32'], claims: ['address', 'uint256'] } as const;
export type LeafKind = keyof typeof LEAF_TYPES;
/** Solidity types of a leaf's values, in order. */
export const leafTypes = (kind: LeafKind): readonly string[] => LEAF_TYPES[kind];

/** @param hash of a receipt, 0x and 64 hex digits @throws RangeError when it is none */
export function receiptLeaf(hash: string): Uint8Array {
  return hashedTwice(bytesOf(hash, HASH_BYTES));
}

/** @param account 0x and 40 hex digits @param cumulativeWei 0 to 2^256 - 1 @throws RangeError */
export function claimLeaf(account: string, cumulativeWei: bigint): Uint8Array {
  const encoded = new Uint8Array(2 * HASH_BYTES); // [account padded to 32, uint256 big-endian]
  encoded.set(bytesOf(account, ADDRESS_BYTES), HASH_BYTES - ADDRESS_BYTES);
  const digits = cumulativeWei.toString(16);
  if (cumulativeWei < 0n || digits.length > 2 * HASH_BYTES)
    throw new RangeError(`${cumulativeWei} is no uint256`);
  encoded.set(bytesOf(`0x${digits.padStart(2 * HASH_BYTES, '0')}`, HASH_BYTES), HASH_BYTES);
  return hashedTwice(encoded);
}

/**
 * Builds the tree.
 * @param leaves n hashed leaves, one after the other, in any order // [n * 32]
 * @returns all nodes, the root first // [(2n - 1) * 32]
 * @throws RangeError when there are no leaves
 */
export function flatTree(leaves: Uint8Array): Uint8Array {
  const count = leaves.length / HASH_BYTES;
  if (count === 0) throw new RangeError('a Merkle tree needs at least one leaf');
  const nodes = new Uint8Array((2 * count - 1) * HASH_BYTES);
  for (const [rank, leaf] of sortedLeaves(leaves, count).entries()) {
    const from = leaf * HASH_BYTES;
    nodes.set(leaves.subarray(from, from + HASH_BYTES), nodes.length - (rank + 1) * HASH_BYTES);
  }
  for (let i = count - 2; i >= 0; i--)
    nodes.set(hashPair(nodeAt(nodes, 2 * i + 1), nodeAt(nodes, 2 * i + 2)), i * HASH_BYTES);
  return nodes;
}

export const treeRoot = (nodes: Uint8Array): Hash32 => hexOf(nodeAt(nodes, 0));

/** keccak256 of two nodes, the smaller first. */
export function hashPair(a: Uint8Array, b: Uint8Array): Uint8Array {
  const pair = new Uint8Array(2 * HASH_BYTES);
  const inOrder = Buffer.compare(a, b) < 0;
  pair.set(inOrder ? a : b);
  pair.set(inOrder ? b : a, HASH_BYTES);
  return keccak_256(pair);
}

export const hexOf = (bytes: Uint8Array): Hash32 => `0x${Buffer.from(bytes).toString('hex')}`;

const nodeAt = (nodes: Uint8Array, index: number): Uint8Array =>
  nodes.subarray(index * HASH_BYTES, (index + 1) * HASH_BYTES);

/** keccak256(keccak256(…)): hashed twice so that no inner node can pose as a leaf. */
const hashedTwice = (encoded: Uint8Array): Uint8Array => keccak_256(keccak_256(encoded));

function bytesOf(hex: string, length: number): Uint8Array {
  const bytes = hex.startsWith('0x') ? Buffer.from(hex.slice(2), 'hex') : Buffer.alloc(0);
  // Buffer.from stops silently at the first letter that is no hex digit
  if (bytes.length !== length || hex.length !== 2 + 2 * length)
    throw new RangeError(`"${hex.slice(0, 80)}" is not ${length} bytes in hex`);
  return bytes;
}

/** Indices of the leaves in ascending order; the first four bytes decide nearly always. */
function sortedLeaves(leaves: Uint8Array, count: number): Uint32Array {
  const view = new DataView(leaves.buffer, leaves.byteOffset, leaves.byteLength);
  const prefixes = Uint32Array.from({ length: count }, (_, i) => view.getUint32(i * HASH_BYTES));
  return Uint32Array.from({ length: count }, (_, i) => i).sort(
    (a, b) => prefixes[a] - prefixes[b] || Buffer.compare(nodeAt(leaves, a), nodeAt(leaves, b)),
  );
}

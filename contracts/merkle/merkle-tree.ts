// A Merkle tree over keccak256 exactly as OpenZeppelin's StandardMerkleTree builds it: leaves are hashed twice over
// their ABI encoding, leaves are sorted, inner nodes hash the sorted pair. Used for datanet version roots (and later
// for receipts and claims), so that MerkleProof.sol can check every proof. It knows no people, models or money.
// Invariants: the root does not depend on the order of the values; a proof never contains the leaf itself.
import { AbiCoder, concat, keccak256 } from 'ethers';

/** A 32-byte hash as 0x-prefixed lowercase hex. */
export type Hash32 = string;

export interface MerkleTree {
  readonly root: Hash32;
  /** Sibling hashes from the leaf of values[index] up to the root. */
  proof(index: number): readonly Hash32[];
}

/** keccak256(keccak256(abi.encode(values))): hashed twice so that no inner node can pose as a leaf. */
export function merkleLeaf(types: readonly string[], values: readonly unknown[]): Hash32 {
  return keccak256(keccak256(AbiCoder.defaultAbiCoder().encode([...types], [...values])));
}

/**
 * Builds the tree of `rows`, each a list of Solidity values of `types`.
 * @throws RangeError when there are no rows: an empty tree has no root.
 * @example merkleTree(['bytes32'], hashes.map((hash) => [hash])).root
 */
export function merkleTree(types: readonly string[], rows: readonly (readonly unknown[])[]): MerkleTree {
  if (rows.length === 0) throw new RangeError('a Merkle tree needs at least one leaf');
  const leaves = rows.map((row, index) => ({ index, hash: merkleLeaf(types, row) }));
  leaves.sort((a, b) => (a.hash < b.hash ? -1 : a.hash > b.hash ? 1 : 0));
  // Heap layout: node i has the children 2i+1 and 2i+2; the leaves fill the end, in reverse order.
  const nodes = new Array<Hash32>(2 * leaves.length - 1); // [2n - 1]
  const placeOf = new Array<number>(leaves.length);
  for (const [rank, leaf] of leaves.entries()) {
    nodes[nodes.length - 1 - rank] = leaf.hash;
    placeOf[leaf.index] = nodes.length - 1 - rank;
  }
  for (let i = leaves.length - 2; i >= 0; i--) nodes[i] = hashPair(nodes[2 * i + 1], nodes[2 * i + 2]);
  return {
    root: nodes[0],
    proof(index) {
      const start = placeOf[index];
      if (start === undefined) throw new RangeError(`no leaf ${index} in a tree of ${rows.length}`);
      const path: Hash32[] = [];
      for (let i = start; i > 0; i = (i - 1) >> 1) path.push(nodes[i % 2 === 1 ? i + 1 : i - 1]);
      return path;
    },
  };
}

/** True when `proof` leads from the leaf of `values` to `root`. */
export function verifyMerkleProof(
  root: Hash32,
  types: readonly string[],
  values: readonly unknown[],
  proof: readonly Hash32[],
): boolean {
  return proof.reduce(hashPair, merkleLeaf(types, values)) === root;
}

function hashPair(a: Hash32, b: Hash32): Hash32 {
  return keccak256(a < b ? concat([a, b]) : concat([b, a]));
}

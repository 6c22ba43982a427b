// The trees of leaf-vectors.json on the side of TypeScript; LeafVectors.t.sol checks the same file on the side of Solidity.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { claimLeaf, flatTree, hexOf, receiptLeaf, treeRoot } from '../../contracts/merkle/flat-tree.ts';
import { verifyMerkleProof } from '../../contracts/merkle/merkle-tree.ts';
import { type LeafVectors, leafVectors } from '../../contracts/test/leaf-vectors.ts';

const path = join(import.meta.dirname, '../../contracts/test/leaf-vectors.json');
const vectors: LeafVectors = JSON.parse(readFileSync(path, 'utf8'));

describe('the leaf vectors', () => {
  it('are those that merkle-tree.ts builds (else: node contracts/test/leaf-vectors-cli.ts)', () => {
    expect(vectors).toEqual(leafVectors());
  });

  it('hold the root that OpenZeppelin publishes', () => {
    expect(vectors.claims[0].root).toBe('0xd4dee0beab2d53f2cc83e567171bd2820e49898130a22622b10ead383e90bd77');
  });

  it.each(vectors.claims.map((vector) => [vector.name, vector] as const))(
    'of claims are reached by the large trees and proven: %s',
    (_, { accounts, cumulatives, leaves, root, place, proof }) => {
      const large = accounts.map((account, n) => claimLeaf(account, BigInt(cumulatives[n])));
      expect(large.map(hexOf)).toEqual(leaves);
      expect(treeRoot(flatTree(Buffer.concat(large)))).toBe(root);
      const value = [accounts[place], cumulatives[place]];
      expect(verifyMerkleProof(root, ['address', 'uint256'], value, proof)).toBe(true);
    },
  );

  it.each(vectors.receipts.map((vector) => [vector.name, vector] as const))(
    'of receipts are reached by the large trees and proven: %s',
    (_, { hashes, leaves, root, place, proof }) => {
      const large = hashes.map(receiptLeaf);
      expect(large.map(hexOf)).toEqual(leaves);
      expect(treeRoot(flatTree(Buffer.concat(large)))).toBe(root);
      expect(verifyMerkleProof(root, ['bytes32'], [hashes[place]], proof)).toBe(true);
    },
  );
});

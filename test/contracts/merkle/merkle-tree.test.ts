// The Merkle tree against the published vectors of OpenZeppelin's StandardMerkleTree, and as properties.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { merkleLeaf, merkleTree, verifyMerkleProof } from '../../../contracts/merkle/merkle-tree.ts';

// The example of the @openzeppelin/merkle-tree README.
const TYPES = ['address', 'uint256'];
const ROWS = [
  ['0x1111111111111111111111111111111111111111', '5000000000000000000'],
  ['0x2222222222222222222222222222222222222222', '2500000000000000000'],
];

describe('merkle tree', () => {
  it('has the root that OpenZeppelin publishes for two address/amount leaves', () => {
    const tree = merkleTree(TYPES, ROWS);
    expect(tree.root).toBe('0xd4dee0beab2d53f2cc83e567171bd2820e49898130a22622b10ead383e90bd77');
    expect(tree.proof(0)).toEqual(['0xb92c48e9d7abe27fd8dfd6b5dfdbfb1c9a463f80c712b66f3a5180a090cccafc']);
  });

  it('has the root and the leaves of OpenZeppelin’s own test over a to f', () => {
    const tree = merkleTree(
      ['string'],
      [...'abcdef'].map((letter) => [letter]),
    );
    expect(tree.root).toBe('0x6deb52b5da8fd108f79fab00341f38d2587896634c646ee52e49f845680a70c8');
    expect(merkleLeaf(['string'], ['a'])).toBe(
      '0x9c15a6a0eaeed500fd9eed4cbeab71f797cefcc67bfd46683e4d2e6ff7f06d1c',
    );
  });

  it('of one leaf is that leaf, proven by nothing', () => {
    const tree = merkleTree(['string'], [['a']]);
    expect(tree.root).toBe(merkleLeaf(['string'], ['a']));
    expect(tree.proof(0)).toEqual([]);
    expect(verifyMerkleProof(tree.root, ['string'], ['a'], [])).toBe(true);
  });

  it('of no leaves is refused, and so is the proof of a leaf that is not there', () => {
    expect(() => merkleTree(['string'], [])).toThrow(RangeError);
    expect(() => merkleTree(['string'], [['a']]).proof(1)).toThrow(RangeError);
  });

  it('proves each of 1 to 40 leaves, in any order of the leaves, and refuses every other value', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.string(), { minLength: 1, maxLength: 40 }),
        fc.string(),
        (values, other) => {
          const tree = merkleTree(
            ['string'],
            values.map((value) => [value]),
          );
          expect(
            merkleTree(
              ['string'],
              values.toReversed().map((value) => [value]),
            ).root,
          ).toBe(tree.root);
          for (const [index, value] of values.entries()) {
            expect(verifyMerkleProof(tree.root, ['string'], [value], tree.proof(index))).toBe(true);
            if (other !== value) {
              expect(verifyMerkleProof(tree.root, ['string'], [other], tree.proof(index))).toBe(false);
            }
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  it('refuses a proof with any one byte changed', () => {
    const values = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
    const tree = merkleTree(
      ['string'],
      values.map((value) => [value]),
    );
    const proof = tree.proof(3);
    for (let at = 0; at < proof.length; at++) {
      const last = proof[at].at(-1) === '0' ? '1' : '0';
      const forged = proof.with(at, proof[at].slice(0, -1) + last);
      expect(verifyMerkleProof(tree.root, ['string'], ['d'], forged)).toBe(false);
    }
  });
});

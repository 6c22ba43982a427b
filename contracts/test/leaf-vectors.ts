// Trees of claims and of receipts, for Solidity and TypeScript to agree on. Written to leaf-vectors.json by
// leaf-vectors-cli.ts; LeafVectors.t.sol and the tests of contracts/merkle read that file, so neither side can drift.
// Edge amounts: 1 wei, 1 nano, the whole supply, the largest uint256.
import { id } from 'ethers';
import { merkleLeaf, merkleTree } from '../merkle/merkle-tree.ts';

export interface ClaimVector {
  readonly name: string;
  readonly accounts: readonly string[];
  /** Wei, as decimal text. */
  readonly cumulatives: readonly string[];
  readonly leaves: readonly string[];
  readonly root: string;
  /** Which leaf the proof is of. */
  readonly place: number;
  readonly proof: readonly string[];
}

export interface ReceiptVector {
  readonly name: string;
  readonly hashes: readonly string[];
  readonly leaves: readonly string[];
  readonly root: string;
  readonly place: number;
  readonly proof: readonly string[];
}

export interface LeafVectors {
  readonly claims: readonly ClaimVector[];
  readonly receipts: readonly ReceiptVector[];
}

const CLAIM = ['address', 'uint256'];
const RECEIPT = ['bytes32'];
const EDGES = ['1', '1000000000', `${10n ** 27n}`, `${2n ** 256n - 1n}`, '0'];

export function leafVectors(): LeafVectors {
  const published: readonly (readonly [string, string])[] = [
    ['0x1111111111111111111111111111111111111111', '5000000000000000000'],
    ['0x2222222222222222222222222222222222222222', '2500000000000000000'],
  ];
  const edges = EDGES.map((amount, n) => [addressOf(n), amount] as const);
  const many = Array.from(
    { length: 33 },
    (_, n) => [addressOf(100 + n), `${BigInt(n + 1) * 10n ** 9n}`] as const,
  );
  return {
    claims: [
      claimVector('published by OpenZeppelin', published, 0),
      claimVector('one leaf', edges.slice(0, 1), 0),
      claimVector('edge amounts', edges, 3),
      claimVector('33 leaves', many, 20),
    ],
    receipts: [
      receiptVector('one receipt', 1, 0),
      receiptVector('two receipts', 2, 1),
      receiptVector('19 receipts', 19, 11),
    ],
  };
}

function claimVector(name: string, rows: readonly (readonly [string, string])[], place: number): ClaimVector {
  const tree = merkleTree(CLAIM, rows);
  return {
    name,
    accounts: rows.map(([account]) => account),
    cumulatives: rows.map(([, amount]) => amount),
    leaves: rows.map((row) => merkleLeaf(CLAIM, row)),
    root: tree.root,
    place,
    proof: tree.proof(place),
  };
}

function receiptVector(name: string, count: number, place: number): ReceiptVector {
  const hashes = Array.from({ length: count }, (_, n) => id(`receipt ${n}`));
  const rows = hashes.map((hash) => [hash]);
  const tree = merkleTree(RECEIPT, rows);
  return {
    name,
    hashes,
    leaves: rows.map((row) => merkleLeaf(RECEIPT, row)),
    root: tree.root,
    place,
    proof: tree.proof(place),
  };
}

const addressOf = (n: number): string => `0x${id(`account ${n}`).slice(26)}`;

// Leaf files and their trees, built in a worker thread: equal to the small tree (which equals OpenZeppelin's), provable leaf
// by leaf from the stored nodes, and refused by the check when any one thing in the file is not true.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { concat, keccak256 } from 'ethers';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { buildLeafFile } from '../../../contracts/merkle/build-leaf-file.ts';
import { claimLeaf, flatTree, NO_ROOT, receiptLeaf, treeRoot } from '../../../contracts/merkle/flat-tree.ts';
import { checkLeafFile, leafFileHash } from '../../../contracts/merkle/leaf-file.ts';
import { merkleLeaf, merkleTree, verifyMerkleProof } from '../../../contracts/merkle/merkle-tree.ts';
import { proofFromFile } from '../../../contracts/merkle/tree-file.ts';
import type { BuiltLeafFile } from '../../../contracts/merkle/tree-protocol.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const folder = temporaryFolder();
const hashOf = (i: number) => keccak256(new Uint8Array([i >> 8, i & 255]));
const addressOf = (i: number) => `0x${hashOf(i).slice(2, 42)}`;

async function* pieces(...rows: readonly string[][]): AsyncGenerator<string> {
  for (const piece of rows) yield piece.map((row) => `${row}\n`).join('');
}

const accounts = Array.from({ length: 300 }, (_, i) => addressOf(i)).sort();
const claims = accounts.map((account, i) => [account, 10n ** 9n * BigInt(i * i + 1)] as const);
const claimRows = claims.map(([account, wei]) => `${account},${wei}`);
const file = join(folder, '7.claims.jsonl');
const treeFile = join(folder, '7.claims.tree');
const task = { kind: 'claims', epoch: 7, file, treeFile } as const;
let built: BuiltLeafFile;
beforeAll(async () => {
  built = await buildLeafFile(task, pieces(claimRows.slice(0, 100), claimRows.slice(100)));
});

describe('a flat tree', () => {
  it('has the leaves and the root of the tree that equals OpenZeppelin’s, for 1 to 70 leaves in any order', () => {
    const hash = fc
      .uint8Array({ minLength: 32, maxLength: 32 })
      .map((bytes) => `0x${Buffer.from(bytes).toString('hex')}`);
    fc.assert(
      fc.property(fc.uniqueArray(hash, { minLength: 1, maxLength: 70 }), (hashes) => {
        const expected = merkleTree(
          ['bytes32'],
          hashes.map((one) => [one]),
        );
        expect(treeRoot(flatTree(Buffer.concat(hashes.map(receiptLeaf))))).toBe(expected.root);
      }),
      { numRuns: 60 },
    );
    expect(() => flatTree(new Uint8Array())).toThrow(RangeError);
  });

  it('encodes a claim as Solidity does, up to the largest uint256, and refuses what is none', () => {
    for (const wei of [0n, 1n, 10n ** 18n, 2n ** 256n - 1n]) {
      const leaf = `0x${Buffer.from(claimLeaf(addressOf(1), wei)).toString('hex')}`;
      expect(leaf).toBe(merkleLeaf(['address', 'uint256'], [addressOf(1), wei]));
    }
    for (const wei of [-1n, 2n ** 256n]) expect(() => claimLeaf(addressOf(1), wei)).toThrow(RangeError);
    for (const account of ['0x12', `${addressOf(1).slice(0, -1)}g`, addressOf(1).slice(2)])
      expect(() => claimLeaf(account, 1n)).toThrow(RangeError);
  });
});

describe('a leaf file', () => {
  it('has the root, the total and the hash that anybody can recompute', async () => {
    const expected = merkleTree(['address', 'uint256'], claims);
    const total = claims.reduce((sum, [, wei]) => sum + wei, 0n);
    const bytes = readFileSync(file);
    expect(built).toEqual({ root: expected.root, count: 300, totalWei: total, fileHash: keccak256(bytes) });
    expect(bytes.toString().split('\n').slice(0, 2)).toEqual([
      `{"schema":"openmodels/epoch-claims/1","epoch":7,"count":300,"root":"${expected.root}","leaf":["address","uint256"],"total":"${total}"}`,
      `{"account":"${accounts[0]}","cumulative":"1000000000"}`,
    ]);
    expect(await checkLeafFile(file)).toMatchObject({ ok: true, problems: [], kind: 'claims', ...built });
  });

  it('is the same to the byte when it is written again, in other pieces', async () => {
    const again = join(folder, 'again.jsonl');
    const rebuilt = await buildLeafFile({ ...task, file: again, treeFile: null }, pieces(claimRows, []));
    expect(rebuilt).toEqual(built);
    expect(readFileSync(again).equals(readFileSync(file))).toBe(true);
  });

  it('without a leaf has the root of zeros', async () => {
    const empty = join(folder, 'empty.jsonl');
    const result = await buildLeafFile({ kind: 'receipts', epoch: 1, file: empty, treeFile: null }, pieces());
    expect(result).toMatchObject({ root: NO_ROOT, count: 0, totalWei: 0n });
    expect(await checkLeafFile(empty)).toMatchObject({ ok: true, root: NO_ROOT });
  });

  it('of receipts names the number of each, and the hashes of both files make one', async () => {
    const path = join(folder, '7.receipts.jsonl');
    const rows = [1, 2, 3, 5].map((number) => `${number},${hashOf(number)}`);
    const receipts = await buildLeafFile(
      { kind: 'receipts', epoch: 7, file: path, treeFile: null },
      pieces(rows),
    );
    expect(receipts.root).toBe(
      merkleTree(
        ['bytes32'],
        [1, 2, 3, 5].map((n) => [hashOf(n)]),
      ).root,
    );
    expect(readFileSync(path, 'utf8')).toContain(`\n{"receipt":5,"hash":"${hashOf(5)}"}\n`);
    const hashes = { receipts: receipts.fileHash, claims: built.fileHash };
    expect(leafFileHash(hashes)).toBe(keccak256(concat([receipts.fileHash, built.fileHash])));
  });

  it.each([
    [
      'an amount',
      (text: string) => text.replace('"cumulative":"1000000000"', '"cumulative":"1000000001"'),
      /root/,
    ],
    [
      'an account',
      (text: string) =>
        text.replace(
          addressOf(3),
          addressOf(3).replace(/.$/, (c) => (c === '0' ? '1' : '0')),
        ),
      /root/,
    ],
    ['a leaf less', (text: string) => text.replace(/\n[^\n]+\n$/, '\n'), /count 300/],
    ['a leaf twice', (text: string) => text.replace(/(\n[^\n]+)\n$/, '$1$1\n'), /not in order/],
    ['the root', (text: string) => text.replace(built.root, NO_ROOT), /root/],
    ['the total', (text: string) => text.replace(/"total":"\d/, '"total":"9'), /total/],
    ['the schema', (text: string) => text.replace('claims/1', 'claims/2'), /header/],
    ['a space', (text: string) => text.replace('{"account"', '{ "account"'), /line 2/],
    ['a field more', (text: string) => text.replace(/(\n[^\n]+)"\}\n/, '$1","more":1}\n'), /line 2/],
    ['a field more in the header', (text: string) => text.replace('"}\n', '","more":1}\n'), /more/],
    [
      'two lines exchanged',
      (text: string) => text.replace(/\n([^\n]+)\n([^\n]+)\n/, '\n$2\n$1\n'),
      /line 3 is not in order/,
    ],
    ['no header', (text: string) => text.slice(text.indexOf('\n') + 1), /header/],
    ['nothing in it', () => '', /empty/],
  ])('with %s changed is refused, and what is false is named', async (_, forge, named) => {
    const forged = join(folder, 'forged.jsonl');
    const text = forge(readFileSync(file, 'utf8'));
    expect(text).not.toBe(readFileSync(file, 'utf8'));
    writeFileSync(forged, text);
    const check = await checkLeafFile(forged);
    expect(check.ok).toBe(false);
    expect(check.problems[0]).toMatch(named);
  });

  it('is not there at all when a row is no leaf, when its rows fail, or when it is given up', async () => {
    const path = join(folder, 'never.jsonl');
    const other = { kind: 'receipts', epoch: 1, file: path, treeFile: null } as const;
    await expect(buildLeafFile(other, pieces(['1,0x12']))).rejects.toThrow(/not 32 bytes/);
    const failing = async function* () {
      yield `1,${hashOf(1)}\n`;
      throw new Error('the database went away');
    };
    await expect(buildLeafFile(other, failing())).rejects.toThrow('the database went away');
    const stop = new AbortController();
    const slow = async function* () {
      yield `1,${hashOf(1)}\n`;
      stop.abort(new Error('stopping'));
      yield `2,${hashOf(2)}\n`;
    };
    await expect(buildLeafFile(other, slow(), stop.signal)).rejects.toThrow('stopping');
    expect(existsSync(path)).toBe(false);
    expect(readdirSync(folder).filter((name) => name.endsWith('.part'))).toEqual([]);
  });
});

describe('a proof from the stored nodes', () => {
  it('is that of the small tree for each of 300 leaves, and proves nothing else', async () => {
    const types = ['address', 'uint256'];
    for (const [account, wei] of claims) {
      const found = await proofFromFile(treeFile, built.root, claimLeaf(account, wei));
      if (!found.ok) throw new Error(found.code);
      expect(verifyMerkleProof(built.root, types, [account, wei], found.proof)).toBe(true);
      expect(verifyMerkleProof(built.root, types, [account, wei + 1n], found.proof)).toBe(false);
    }
    expect(await proofFromFile(treeFile, built.root, claimLeaf(addressOf(1), 7n))).toEqual({
      ok: false,
      code: 'no_such_leaf',
    });
  });

  it('is not taken from a file that is missing, of another root, cut short or damaged', async () => {
    const leaf = claimLeaf(...claims[0]);
    const no = { ok: false, code: 'no_such_tree' };
    expect(await proofFromFile(join(folder, 'missing'), built.root, leaf)).toEqual(no);
    expect(await proofFromFile(treeFile, NO_ROOT, leaf)).toEqual(no);
    const bytes = readFileSync(treeFile);
    const damaged = join(folder, 'damaged.tree');
    writeFileSync(damaged, bytes.subarray(0, -32));
    expect(await proofFromFile(damaged, built.root, leaf)).toEqual(no);
    writeFileSync(damaged, Buffer.concat([bytes.subarray(0, 32), Buffer.alloc(64), bytes.subarray(96)]));
    expect(await proofFromFile(damaged, built.root, leaf)).toEqual(no);
  });
});

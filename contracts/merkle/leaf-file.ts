// The published file of an epoch's leaves: one JSON line of what it is, then one line a leaf. Written by the tree worker,
// read by checkLeafFile, which is all that anybody needs to recompute a root. It knows no database and no chain.
// The same leaves give the same bytes. A file's hash is keccak256 of its bytes; an epoch's leafFileHash is keccak256 of the
// receipts file's hash followed by the claims file's hash (64 bytes).
import { createReadStream } from 'node:fs';
import { keccak_256 } from '@noble/hashes/sha3';
import {
  claimLeaf,
  flatTree,
  hexOf,
  type LeafKind,
  leafTypes,
  NO_ROOT,
  receiptLeaf,
  treeRoot,
} from './flat-tree.ts';
import type { Hash32 } from './merkle-tree.ts';

const SCHEMAS = { receipts: 'openmodels/epoch-receipts/1', claims: 'openmodels/epoch-claims/1' } as const;

/** The first line of a leaf file. */
export interface LeafFileHeader {
  readonly schema: string;
  readonly epoch: number;
  readonly count: number;
  /** All zeros where there is no leaf. */
  readonly root: Hash32;
  /** Solidity types of a leaf's values. */
  readonly leaf: readonly string[];
  /** Claims only: the sum of all cumulative amounts, in wei. */
  readonly total?: string;
}

/** A leaf as the worker is told it: `<receipt number>,<hash>` or `<account>,<cumulative wei>`. */
type LeafRow = string;

export function leafFileHeader(
  kind: LeafKind,
  facts: { readonly epoch: number; readonly count: number; readonly root: Hash32; readonly totalWei: bigint },
): string {
  const { epoch, count, root, totalWei } = facts;
  const header: LeafFileHeader = { schema: SCHEMAS[kind], epoch, count, root, leaf: leafTypes(kind) };
  return JSON.stringify(kind === 'claims' ? { ...header, total: totalWei.toString() } : header);
}

export function leafFileLine(kind: LeafKind, row: LeafRow): string {
  const [first, second] = row.split(',');
  return kind === 'receipts'
    ? `{"receipt":${first},"hash":"${second}"}`
    : `{"account":"${first}","cumulative":"${second}"}`;
}

/** @throws RangeError when the row is no leaf of its kind */
export function leafOfRow(kind: LeafKind, row: LeafRow): { readonly leaf: Uint8Array; readonly wei: bigint } {
  const [first, second = ''] = row.split(',');
  if (kind === 'receipts') return { leaf: receiptLeaf(second), wei: 0n };
  if (!/^\d{1,78}$/.test(second)) throw new RangeError(`"${second.slice(0, 80)}" is no amount in wei`);
  const wei = BigInt(second);
  return { leaf: claimLeaf(first, wei), wei };
}

/** @param hashes of the receipts file and of the claims file */
export function leafFileHash(hashes: { readonly receipts: Hash32; readonly claims: Hash32 }): Hash32 {
  const both = Buffer.concat([
    Buffer.from(hashes.receipts.slice(2), 'hex'),
    Buffer.from(hashes.claims.slice(2), 'hex'),
  ]);
  return hexOf(keccak_256(both));
}

export interface LeafFileCheck {
  readonly ok: boolean;
  /** What is false, the first thing first; empty when all is true. */
  readonly problems: readonly string[];
  readonly kind: LeafKind | null;
  readonly header: LeafFileHeader | null;
  /** Recomputed from the leaves. */
  readonly root: Hash32;
  readonly count: number;
  readonly totalWei: bigint;
  /** keccak256 of the file's bytes. */
  readonly fileHash: Hash32;
}

/**
 * Recomputes a leaf file: its root, count and total from its leaves, and the hash of its bytes.
 * @throws what reading the file throws; a file that is wrong is told by `problems`, never thrown
 */
export async function checkLeafFile(path: string): Promise<LeafFileCheck> {
  const hash = keccak_256.create();
  const leaves: Uint8Array[] = [];
  const problems: string[] = [];
  let header: LeafFileHeader | null = null;
  let kind: LeafKind | null = null;
  let totalWei = 0n;
  let lineNumber = 0;
  let before: string | null = null;
  for await (const line of linesOf(path, (bytes) => hash.update(bytes))) {
    lineNumber += 1;
    if (lineNumber === 1) {
      header = headerOf(line);
      kind = kindOf(header);
      if (kind === null) problems.push('line 1 is not the header of a leaf file');
    } else if (kind !== null) {
      const leaf = leafOfLine(kind, line);
      if (leaf === null) problems.push(`line ${lineNumber} is no leaf of ${kind}`);
      else {
        if (before !== null && before >= leaf.key) problems.push(`line ${lineNumber} is not in order`);
        before = leaf.key;
        leaves.push(leaf.leaf);
        totalWei += leaf.wei;
      }
    }
    if (problems.length >= PROBLEMS_MAX) break;
  }
  const root = leaves.length === 0 ? NO_ROOT : treeRoot(flatTree(Buffer.concat(leaves)));
  const count = leaves.length;
  if (lineNumber === 0) problems.push('the file is empty');
  if (header !== null && kind !== null && problems.length === 0) {
    problems.push(...differences(header, leafFileHeader(kind, { ...header, count, root, totalWei })));
  }
  const fileHash = hexOf(hash.digest());
  return { ok: problems.length === 0, problems, kind, header, root, count, totalWei, fileHash };
}

const PROBLEMS_MAX = 5;

function differences(header: LeafFileHeader, recomputed: string): readonly string[] {
  const expected = JSON.parse(recomputed) as Record<string, unknown>;
  const found = header as unknown as Record<string, unknown>;
  return [...new Set([...Object.keys(expected), ...Object.keys(found)])]
    .filter((key) => JSON.stringify(found[key]) !== JSON.stringify(expected[key]))
    .map(
      (key) =>
        `the header says ${key} ${JSON.stringify(found[key])}, the leaves give ${JSON.stringify(expected[key])}`,
    );
}

function headerOf(line: string): LeafFileHeader | null {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? (value as LeafFileHeader) : null;
  } catch {
    return null;
  }
}

function kindOf(header: LeafFileHeader | null): LeafKind | null {
  if (header?.schema === SCHEMAS.receipts) return 'receipts';
  return header?.schema === SCHEMAS.claims ? 'claims' : null;
}

interface FileLeaf {
  readonly leaf: Uint8Array;
  readonly wei: bigint;
  /** Ascends from line to line: by receipt number or by account, so no account stands twice. */
  readonly key: string;
}

const PATTERNS = {
  receipts: /^\{"receipt":([1-9]\d{0,9}),"hash":"(0x[0-9a-f]{64})"\}$/,
  claims: /^\{"account":"(0x[0-9a-f]{40})","cumulative":"([1-9]\d{0,77})"\}$/,
} as const;

/** Only the one spelling that we write is a leaf: otherwise one tree had many files. */
function leafOfLine(kind: LeafKind, line: string): FileLeaf | null {
  const [, first, second] = PATTERNS[kind].exec(line) ?? [];
  if (first === undefined) return null;
  try {
    return { ...leafOfRow(kind, `${first},${second}`), key: first.padStart(10, '0') };
  } catch {
    return null;
  }
}

const LINE_BYTES_MAX = 4_096;

async function* linesOf(path: string, onBytes: (bytes: Uint8Array) => void): AsyncGenerator<string> {
  let rest = '';
  for await (const bytes of createReadStream(path) as AsyncIterable<Buffer>) {
    onBytes(bytes);
    const lines = (rest + bytes.toString('latin1')).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > LINE_BYTES_MAX) {
      yield rest;
      rest = '';
    }
    yield* lines;
  }
  if (rest !== '') yield rest;
}

// Proofs out of a stored tree: the nodes of flat-tree.ts as a file, of which a proof reads about 35 pieces of 32 bytes,
// whatever the size of the tree. Used for claims. The file is a convenience: its proofs are checked against the root that
// the caller trusts, and a file that is missing or wrong is built anew by the caller.
import { type FileHandle, open } from 'node:fs/promises';
import { HASH_BYTES, hashPair, hexOf } from './flat-tree.ts';
import type { Hash32 } from './merkle-tree.ts';

type FileProof =
  | { readonly ok: true; readonly proof: readonly Hash32[] }
  /** The file is missing or does not lead to this root; or it does and this leaf is not in it. */
  | { readonly ok: false; readonly code: 'no_such_tree' | 'no_such_leaf' };

/** The proof of `leaf` under `root`. */
export async function proofFromFile(path: string, root: Hash32, leaf: Uint8Array): Promise<FileProof> {
  const file = await open(path).catch(() => null);
  if (file === null) return { ok: false, code: 'no_such_tree' };
  try {
    const { size } = await file.stat();
    const nodes = size / HASH_BYTES; // 2n - 1
    if (!Number.isInteger(nodes) || nodes % 2 === 0) return { ok: false, code: 'no_such_tree' };
    if (hexOf(await nodeIn(file, 0)) !== root) return { ok: false, code: 'no_such_tree' };
    const start = await placeOf(file, nodes, leaf);
    if (start === null) return { ok: false, code: 'no_such_leaf' };
    const proof: Hash32[] = [];
    let reached = leaf;
    for (let i = start; i > 0; i = (i - 1) >> 1) {
      const sibling = await nodeIn(file, i % 2 === 1 ? i + 1 : i - 1);
      proof.push(hexOf(sibling));
      reached = hashPair(reached, sibling);
    }
    return hexOf(reached) === root ? { ok: true, proof } : { ok: false, code: 'no_such_tree' };
  } finally {
    await file.close();
  }
}

/** Halves the sorted leaves, which fill the end of the nodes in reverse order. */
async function placeOf(file: FileHandle, nodes: number, leaf: Uint8Array): Promise<number | null> {
  let low = 0;
  let high = (nodes + 1) / 2 - 1;
  while (low <= high) {
    const rank = (low + high) >> 1;
    const place = nodes - 1 - rank;
    const order = Buffer.compare(await nodeIn(file, place), leaf);
    if (order === 0) return place;
    if (order < 0) low = rank + 1;
    else high = rank - 1;
  }
  return null;
}

async function nodeIn(file: FileHandle, index: number): Promise<Uint8Array> {
  const { buffer } = await file.read(Buffer.alloc(HASH_BYTES), 0, HASH_BYTES, index * HASH_BYTES);
  return buffer;
}

// What the tree worker and its client say to each other. Used by tree-worker.ts and build-leaf-file.ts. Data only.
import type { LeafKind } from './flat-tree.ts';
import type { Hash32 } from './merkle-tree.ts';

/** What to build, given as workerData. */
export interface TreeTask {
  readonly kind: LeafKind;
  readonly epoch: number;
  /** Where the leaf file goes; it appears there whole or not at all. */
  readonly file: string;
  /** Where the tree's nodes go, for proofs; null = not kept. */
  readonly treeFile: string | null;
}

export type ToTreeWorker =
  /** Rows of leaf-file.ts, each ended by a line break; ASCII, transferred. */
  { readonly type: 'rows'; readonly text: Uint8Array<ArrayBuffer> } | { readonly type: 'end' };

export interface BuiltLeafFile {
  readonly root: Hash32;
  /** keccak256 of the file's bytes. */
  readonly fileHash: Hash32;
  readonly count: number;
  /** Claims only, else 0. */
  readonly totalWei: bigint;
}

export type FromTreeWorker =
  | { readonly type: 'built'; readonly built: BuiltLeafFile }
  | { readonly type: 'failed'; readonly message: string };

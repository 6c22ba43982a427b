// Entry of the tree worker thread: takes the rows of one tree, builds it, writes the leaf file (and the nodes), says root and
// hash, and ends. Started by build-leaf-file.ts. It knows no people and no money. It has a lower priority than the thread that talks
// to people, as hashing takes seconds.
// Invariant: a file appears whole or not at all: written beside its place, synced, renamed.
import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { setPriority } from 'node:os';
import { dirname } from 'node:path';
import { type MessagePort, parentPort, threadId, workerData } from 'node:worker_threads';
import { keccak_256 } from '@noble/hashes/sha3';
import { flatTree, HASH_BYTES, hexOf, NO_ROOT, treeRoot } from './flat-tree.ts';
import { leafFileHeader, leafFileLine, leafOfRow } from './leaf-file.ts';
import type { BuiltLeafFile, FromTreeWorker, ToTreeWorker, TreeTask } from './tree-protocol.ts';

if (parentPort === null) throw new Error('tree-worker.ts runs as a worker thread only');
work(parentPort, workerData);

function work(port: MessagePort, task: TreeTask): void {
  lowerPriority();
  const chunks: string[] = [];
  const say = (message: FromTreeWorker): void => port.postMessage(message);
  port.on('message', (message: ToTreeWorker) => {
    if (message.type === 'rows') {
      const { buffer, byteOffset, byteLength } = message.text;
      chunks.push(Buffer.from(buffer, byteOffset, byteLength).toString('latin1'));
      return;
    }
    try {
      say({ type: 'built', built: build(task, chunks) });
    } catch (error) {
      say({ type: 'failed', message: error instanceof Error ? error.message : String(error) });
    }
    port.close();
  });
}

function build(task: TreeTask, chunks: readonly string[]): BuiltLeafFile {
  const { kind, epoch } = task;
  const rows = function* (): Generator<string> {
    for (const chunk of chunks) yield* chunk.trimEnd().split('\n');
  };
  let count = 0;
  for (const chunk of chunks)
    for (let at = chunk.indexOf('\n'); at >= 0; at = chunk.indexOf('\n', at + 1)) count++;
  const leaves = new Uint8Array(count * HASH_BYTES);
  let totalWei = 0n;
  let index = 0;
  for (const row of rows()) {
    const { leaf, wei } = leafOfRow(kind, row);
    leaves.set(leaf, index++ * HASH_BYTES);
    totalWei += wei;
  }
  const nodes = count === 0 ? new Uint8Array() : flatTree(leaves);
  const root = count === 0 ? NO_ROOT : treeRoot(nodes);
  const header = leafFileHeader(kind, { epoch, count, root, totalWei });
  const fileHash = writeLines(task, header, rows());
  if (task.treeFile !== null) writeWhole(task.treeFile, (write) => write(nodes));
  return { root, fileHash, count, totalWei };
}

const LINES_AT_ONCE = 4_096;

function writeLines({ kind, file }: TreeTask, header: string, rows: Iterable<string>): string {
  const hash = keccak_256.create();
  writeWhole(file, (write) => {
    let lines = [header];
    const flush = (): void => {
      const bytes = Buffer.from(`${lines.join('\n')}\n`, 'latin1');
      hash.update(bytes);
      write(bytes);
      lines = [];
    };
    for (const row of rows) {
      lines.push(leafFileLine(kind, row));
      if (lines.length >= LINES_AT_ONCE) flush();
    }
    if (lines.length > 0) flush();
  });
  return hexOf(hash.digest());
}

function writeWhole(path: string, content: (write: (bytes: Uint8Array) => void) => void): void {
  mkdirSync(dirname(path), { recursive: true });
  const beside = `${path}.${threadId}.part`; // two threads may write the same file
  const descriptor = openSync(beside, 'w');
  try {
    content((bytes) => {
      for (let done = 0; done < bytes.length; ) done += writeSync(descriptor, bytes, done);
    });
    fsyncSync(descriptor);
  } catch (error) {
    rmSync(beside, { force: true });
    throw error;
  } finally {
    closeSync(descriptor);
  }
  renameSync(beside, path);
}

/** On Linux the priority is that of the calling thread; elsewhere it would be the whole program's. */
function lowerPriority(): void {
  if (process.platform === 'linux') setPriority(0, 10);
}

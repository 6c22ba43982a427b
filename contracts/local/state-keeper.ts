// Keeps the local chain on disk and lets it go on: writes anvil's whole state to a file whenever the chain's head has moved,
// and mines empty blocks until every transaction is final. Used by local-chain.ts.
// Why not anvil's own --state: it rewrites the file in place (a kill in the middle leaves half a file) and tells nobody which
// block it holds. Here the state is written aside, synced, renamed, and `kept()` says which block the file surely holds.
// Invariant: a block counts as final (see finality.ts) only when the file holds it, so that a killed anvil never comes back
// without a deposit that was credited. What may be lost is what nobody took for final: the last second.
// Cost: the file grows by about 1 KB a block and is written whole; a long write makes the next one wait ten times as long.

import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import type { ChainBlock } from '../client/chain.ts';
import { replaceDurably } from '../client/durable-file.ts';
import type { Rpc } from '../client/json-rpc.ts';
import { readBlock, readHex } from '../client/rpc-values.ts';

export interface StateKeeper {
  /** The newest block that the file holds; null before the first write. */
  kept(): ChainBlock | null;
  /** Writes the state now, unless the file has it. */
  keep(): Promise<void>;
  stop(): Promise<void>;
}

const LOOK_EVERY_MS = 500;
/** Blocks follow a transaction at this pace until it is final. */
const MINE_EVERY_MS = 1_000;
const REST_FACTOR = 10;
const unzip = promisify(gunzip);

/**
 * @param rpc asks anvil itself, at its address of now
 * @param onTrouble called when it cannot be kept or mined on, once for the same trouble; the next look tries again
 */
export function keepState(options: {
  readonly rpc: () => Rpc;
  readonly file: string;
  readonly onTrouble: (error: unknown) => void;
  readonly mineEveryMs?: number;
}): StateKeeper {
  const { rpc, file, onTrouble, mineEveryMs = MINE_EVERY_MS } = options;
  let kept: ChainBlock | null = null;
  let restUntil = 0;
  let minedAt = 0;
  let writing: Promise<void> | undefined;
  let stopped = false;

  async function write(): Promise<void> {
    const started = performance.now();
    const node = rpc();
    const before = await readBlock(node, 'latest');
    if (before === null || before.hash === kept?.hash) return;
    const dump = readHex(await node.call('anvil_dumpState'), 'a state');
    const after = await readBlock(node, 'latest');
    if (after?.hash !== before.hash) return; // a block came in between: which one the dump holds is not sure
    const state = await unzip(Buffer.from(dump.slice(2), 'hex'));
    await replaceDurably(file, state);
    kept = { number: before.number, hash: before.hash };
    restUntil = performance.now() + (performance.now() - started) * REST_FACTOR;
  }

  /** One write at a time; whoever asks meanwhile waits for a write that began after the question. */
  async function keep(): Promise<void> {
    await writing;
    writing ??= write().finally(() => {
      writing = undefined;
    });
    await writing;
  }

  async function mineOn(): Promise<void> {
    const node = rpc();
    const latest = await readBlock(node, 'latest');
    if (latest === null || latest.number === 0n) return;
    const previous = await readBlock(node, latest.number - 1n);
    if (latest.transactions + (previous?.transactions ?? 0) > 0) await node.call('evm_mine');
  }

  async function look(): Promise<void> {
    if (performance.now() >= restUntil) await keep();
    if (performance.now() - minedAt < mineEveryMs) return;
    minedAt = performance.now();
    await mineOn();
  }

  let looking: Promise<void> | undefined;
  let trouble: string | undefined;
  const timer = setInterval(
    () => {
      if (stopped || looking !== undefined) return;
      looking = look()
        .then(
          () => {
            trouble = undefined;
          },
          (error: unknown) => {
            // a full disk is told once, not twice a second
            if (!stopped && String(error) !== trouble) onTrouble(error);
            trouble = String(error);
          },
        )
        .finally(() => {
          looking = undefined;
        });
    },
    Math.min(LOOK_EVERY_MS, mineEveryMs),
  );
  timer.unref();

  return {
    kept: () => kept,
    keep,
    async stop() {
      stopped = true;
      clearInterval(timer);
      await looking;
      await writing?.catch(() => undefined);
    },
  };
}

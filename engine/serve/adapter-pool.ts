// Thousands of adapters for one model: the tier in memory over the tier on disk (PEFT folders). Used by the serving
// worker. It knows no requests and no rows. An adapter is cold (on disk only), loading, or warm (packed, in memory).
//
// The policy, published in engine/README.md under "Adapters":
// - Nothing leaves memory because a request ended. Only when the bytes exceed the budget does the adapter go that was
//   used least recently; being loaded, asked for or prefetched counts as use.
// - A pinned adapter never goes: the caller pins while a row or a request about to get one needs it. Pinned adapters
//   may exceed the budget; the last one loaded stays even if it alone does.
// - Adapters known but never used cost nothing: the pool holds no list of them.
// - Loads of one adapter share one read. A few read at a time; what a request waits for goes before what is prefetched.
//   A prefetched adapter that would fit only by going over the budget is let go again; when many prefetches wait
//   already, further ones are ignored.
// - A failed load is told to all who waited for it and forgotten: the next one tries again.
// Invariant: `id` and folder name an adapter; the files of a version never change (forget() is for those that do).
import type { AdapterRef } from '../engine.ts';
import type { LlamaConfig } from '../model/model-config.ts';
import type { PackedAdapter } from './packed-adapter.ts';
import { type ReadBuffer, readAdapter } from './read-adapter.ts';

export type AdapterState = 'warm' | 'loading' | 'cold';

export interface AdapterPool {
  /** From memory, or from its folder. @throws EngineError of {@link readAdapter} */
  readonly load: (ref: AdapterRef) => Promise<PackedAdapter>;
  /** At the first sign of interest: starts loading and returns. A fault shows only when it is loaded. */
  readonly prefetch: (ref: AdapterRef) => void;
  readonly state: (ref: AdapterRef) => AdapterState;
  /** Keeps it in memory once it is there, until the returned function is called (again and again is once). */
  readonly pin: (ref: AdapterRef) => () => void;
  /** Drops it from memory: its folder changed or is gone. Rows that use it are not touched. */
  readonly forget: (ref: AdapterRef) => void;
  readonly stats: () => AdapterPoolStats;
}

export interface AdapterPoolStats {
  readonly warm: number;
  readonly loading: number;
  readonly pinned: number;
  /** Of the warm ones. */
  readonly bytes: number;
  readonly bytesMax: number;
  /** Loads answered from memory, from a read under way, and by a read of their own. */
  readonly hits: number;
  readonly shared: number;
  readonly misses: number;
  readonly evictions: number;
  readonly failures: number;
}

export interface AdapterPoolOptions {
  readonly config: LlamaConfig;
  readonly bytesMax: number;
  /** Adapters of a larger rank are refused. Default 64. */
  readonly rankMax?: number;
  /** Files read at the same time. Default 4. */
  readonly readsMax?: number;
}

interface Loading {
  readonly key: string;
  readonly dir: string;
  readonly result: Promise<PackedAdapter>;
  readonly settle: (outcome: Promise<PackedAdapter>) => void;
  /** Somebody waits for it. */
  isWanted: boolean;
  /** forget() was called meanwhile. */
  isStale: boolean;
}

/** Prefetches that may wait for a read; enough to keep the disk busy, too few to hold up anything. */
const prefetchesMax = 256;

/** A buffer larger than this is not kept for the next read. */
const keptBufferBytes = 16 << 20;

export function createAdapterPool(options: AdapterPoolOptions): AdapterPool {
  const { config, bytesMax, rankMax = 64, readsMax = 4 } = options;
  const warm = new Map<string, PackedAdapter>(); // least recently used first
  const loading = new Map<string, Loading>();
  const wanted = new Set<Loading>(); // waiting for their turn to read, in order of arrival
  const prefetched = new Set<Loading>(); // the same, after all those
  const pins = new Map<string, number>();
  const buffers: ReadBuffer[] = [];
  const counts = { hits: 0, shared: 0, misses: 0, evictions: 0, failures: 0 };
  let bytes = 0;
  let reads = 0;
  let newest: string | undefined; // the last one loaded or used

  const drop = (key: string): void => {
    bytes -= warm.get(key)?.data.byteLength ?? 0;
    warm.delete(key);
  };
  /** Down to the budget, sparing the pinned and the newest. */
  const evict = (): void => {
    if (bytes <= bytesMax) return;
    for (const key of warm.keys()) {
      if (key === newest || pins.has(key)) continue;
      drop(key);
      counts.evictions++;
      if (bytes <= bytesMax) return;
    }
  };
  const use = (key: string, adapter: PackedAdapter): void => {
    warm.delete(key);
    warm.set(key, adapter);
    newest = key;
    evict(); // the one that was the newest may have to go
  };
  const keep = ({ key, isWanted, isStale }: Loading, adapter: PackedAdapter): void => {
    if (isStale) return;
    bytes += adapter.data.byteLength;
    use(key, adapter);
    if (bytes > bytesMax && !isWanted && !pins.has(key)) drop(key);
  };

  const read = async ({ key, dir }: Loading): Promise<PackedAdapter> => {
    const buffer = buffers.pop() ?? { bytes: new Uint8Array(0) };
    try {
      return await readAdapter({ key, folder: dir, config, rankMax, buffer });
    } finally {
      if (buffer.bytes.byteLength <= keptBufferBytes) buffers.push(buffer);
    }
  };
  const work = async (task: Loading): Promise<void> => {
    const outcome = read(task);
    try {
      keep(task, await outcome);
    } catch {
      counts.failures++; // told to those who wait for the outcome
    }
    if (loading.get(task.key) === task) loading.delete(task.key);
    task.settle(outcome);
    reads--;
    startReads();
  };
  const startReads = (): void => {
    while (reads < readsMax) {
      const next = firstOf(wanted) ?? firstOf(prefetched);
      if (next === undefined) return;
      wanted.delete(next);
      prefetched.delete(next);
      reads++;
      work(next);
    }
  };
  const start = (key: string, dir: string, isWanted: boolean): Loading => {
    const { promise, resolve } = Promise.withResolvers<PackedAdapter>();
    promise.catch(() => {}); // a prefetch has nobody to tell
    const task: Loading = { key, dir, result: promise, settle: resolve, isWanted, isStale: false };
    loading.set(key, task);
    (isWanted ? wanted : prefetched).add(task);
    startReads();
    return task;
  };

  return {
    load: ({ id, dir }) => {
      const key = keyOf(id, dir);
      const known = warm.get(key);
      if (known !== undefined) {
        counts.hits++;
        use(key, known);
        return Promise.resolve(known);
      }
      const underWay = loading.get(key);
      if (underWay === undefined) {
        counts.misses++;
        return start(key, dir, true).result;
      }
      counts.shared++;
      underWay.isWanted = true;
      if (prefetched.delete(underWay)) wanted.add(underWay);
      return underWay.result;
    },
    prefetch: ({ id, dir }) => {
      const key = keyOf(id, dir);
      const known = warm.get(key);
      if (known !== undefined) use(key, known);
      else if (!loading.has(key) && prefetched.size < prefetchesMax) start(key, dir, false);
    },
    state: ({ id, dir }) => {
      const key = keyOf(id, dir);
      return warm.has(key) ? 'warm' : loading.has(key) ? 'loading' : 'cold';
    },
    pin: ({ id, dir }) => {
      const key = keyOf(id, dir);
      pins.set(key, (pins.get(key) ?? 0) + 1);
      let isHeld = true;
      return () => {
        if (!isHeld) return;
        isHeld = false;
        const left = (pins.get(key) ?? 0) - 1;
        if (left > 0) pins.set(key, left);
        else pins.delete(key);
        evict();
      };
    },
    forget: ({ id, dir }) => {
      const key = keyOf(id, dir);
      drop(key);
      const underWay = loading.get(key);
      if (underWay === undefined) return;
      underWay.isStale = true;
      loading.delete(key);
    },
    stats: () => ({
      ...counts,
      warm: warm.size,
      loading: loading.size,
      pinned: pins.size,
      bytes,
      bytesMax,
    }),
  };
}

function firstOf<T>(set: ReadonlySet<T>): T | undefined {
  for (const first of set) return first;
  return undefined;
}

function keyOf(id: string, dir: string): string {
  return JSON.stringify([id, dir]);
}

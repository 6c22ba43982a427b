// Prompts whose keys and values were kept, so that a conversation's earlier turns and a model's system prompt are not
// read twice. Used by the scheduler. It knows no session: it holds snapshots and says which one helps.
// Invariants: only tokens that came in by prefill are kept, never generated ones (a decode step differs from prefill in
// the last bits), so an answer is the same with and without the store; the least recently used go when there are too
// many bytes; keys and values of one adapter are never given to another.
import type { KvSnapshot } from './batch-session.ts';

/** A shorter common beginning saves less than it costs to copy. */
const reuseTokensMin = 16;
/** At least this many tokens are read anew: a piece of one token would not be the same to the bit. */
const freshTokensMin = 2;

interface Entry {
  readonly ids: Int32Array;
  readonly snapshot: KvSnapshot;
  readonly bytes: number;
}

export interface PrefixStore {
  /** The longest kept beginning of these ids, leaving at least two tokens to read. @param key names the adapter */
  readonly find: (key: string, ids: readonly number[]) => PrefixMatch | undefined;
  /** Keeps a prompt unless (nearly) all of it is there; `read` is called only when it is to be kept. */
  readonly keep: (key: string, ids: readonly number[], read: () => Promise<KvSnapshot>) => Promise<void>;
  readonly bytes: () => number;
}

interface PrefixMatch {
  readonly snapshot: KvSnapshot;
  /** How many tokens of the snapshot fit. */
  readonly tokens: number;
}

/** @param bytesPerToken of a snapshot. @param bytesMax 0 = keep nothing */
export function createPrefixStore(bytesPerToken: number, bytesMax: number): PrefixStore {
  /** By adapter key; entries that were used last are last. */
  const kept = new Map<string, Set<Entry>>();
  /** All entries, oldest use first. */
  const byUse = new Map<Entry, string>();
  let total = 0;

  const touch = (key: string, entry: Entry): void => {
    byUse.delete(entry);
    byUse.set(entry, key);
  };
  const drop = (entry: Entry): void => {
    const key = byUse.get(entry);
    if (key === undefined) return;
    byUse.delete(entry);
    total -= entry.bytes;
    const entries = kept.get(key);
    entries?.delete(entry);
    if (entries?.size === 0) kept.delete(key);
  };
  const longest = (key: string, ids: readonly number[]): { entry: Entry; common: number } | undefined => {
    let best: { entry: Entry; common: number } | undefined;
    for (const entry of kept.get(key) ?? []) {
      const common = commonLength(entry.ids, ids);
      if (best === undefined || common > best.common) best = { entry, common };
    }
    return best;
  };

  return {
    find: (key, ids) => {
      const best = longest(key, ids);
      if (best === undefined) return undefined;
      const tokens = Math.min(best.common, ids.length - freshTokensMin);
      if (tokens < reuseTokensMin) return undefined;
      touch(key, best.entry);
      return { snapshot: best.entry.snapshot, tokens };
    },
    keep: async (key, ids, read) => {
      const bytes = ids.length * bytesPerToken;
      if (ids.length < reuseTokensMin + freshTokensMin || bytes > bytesMax) return;
      const best = longest(key, ids);
      if (best !== undefined && best.common > ids.length - reuseTokensMin) return touch(key, best.entry);
      const entry: Entry = { ids: Int32Array.from(ids), snapshot: await read(), bytes };
      for (const shorter of kept.get(key) ?? []) {
        if (commonLength(shorter.ids, ids) === shorter.ids.length) drop(shorter); // the new one begins with it
      }
      const entries = kept.get(key) ?? new Set();
      kept.set(key, entries.add(entry));
      byUse.set(entry, key);
      total += bytes;
      for (const oldest of byUse.keys()) {
        if (total <= bytesMax) break;
        drop(oldest);
      }
    },
    bytes: () => total,
  };
}

function commonLength(kept: Int32Array, ids: readonly number[]): number {
  const end = Math.min(kept.length, ids.length);
  let at = 0;
  while (at < end && kept[at] === ids[at]) at++;
  return at;
}

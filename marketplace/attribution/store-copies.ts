// Which contributions of a version are near copies of an earlier one, as the version's gradient store says. Used by
// gaming-facts.ts: copies share one weight in the fallback, as they share one row in the measurement. Reads only.
// A store is read once for as long as its file stays as it is; without a readable one nothing counts as a copy.
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { copiesInStore } from '../../engine/attribution/gradient-store.ts';
import { EngineError } from '../../engine/errors.ts';

const read = new Map<string, { readonly at: number; readonly copies: ReadonlyMap<string, string> }>();

/** @returns id of each copy, with that of the first accepted of its cluster */
export function storeCopies(storeDir: string | null): ReadonlyMap<string, string> {
  const at = storeDir === null ? undefined : statSync(join(storeDir, 'meta.json'), { throwIfNoEntry: false });
  if (storeDir === null || at === undefined) return new Map();
  const known = read.get(storeDir);
  if (known?.at === at.mtimeMs) return known.copies;
  const copies = readable(storeDir);
  read.set(storeDir, { at: at.mtimeMs, copies });
  return copies;
}

/** A broken store is measuring's to report: the pool is then paid without it, and must not wait for its copies. */
function readable(storeDir: string): ReadonlyMap<string, string> {
  try {
    return copiesInStore(storeDir);
  } catch (fault) {
    if (fault instanceof EngineError) return new Map();
    throw fault;
  }
}

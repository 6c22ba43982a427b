// Which adapters the HTTP server offers, by name: every PEFT folder inside the adapters folder under its own name, and
// names given by load_lora_adapter. Used by the routes. It knows no HTTP and no memory (the engine's pool decides that).
// Invariant: whatever a client sends, a served folder lies inside the adapters folder, links followed.
import { readdir, realpath, stat } from 'node:fs/promises';
import { isAbsolute, join, relative, resolve, sep } from 'node:path';
import type { AdapterRef } from '../engine.ts';

export interface ServedAdapter {
  readonly name: string;
  /** Below the adapters folder. */
  readonly path: string;
  readonly ref: AdapterRef;
}

export interface AdapterRegistry {
  readonly find: (name: string) => Promise<ServedAdapter | undefined>;
  readonly list: () => Promise<readonly ServedAdapter[]>;
  /** The folder at `path`, relative to the adapters folder or absolute; undefined when it is outside or no adapter. */
  readonly at: (name: string, path: string) => Promise<ServedAdapter | undefined>;
  readonly name: (adapter: ServedAdapter) => void;
  /** False when no client gave this name: folders are served as long as they are there. */
  readonly forget: (name: string) => boolean;
}

const foldersAtOnce = 32;

/** @param adaptersDir undefined = no adapters */
export function createAdapterRegistry(adaptersDir: string | undefined): AdapterRegistry {
  const named = new Map<string, ServedAdapter>();

  const at: AdapterRegistry['at'] = async (name, path) => {
    if (adaptersDir === undefined || path.includes('\0')) return undefined;
    try {
      const root = await realpath(adaptersDir);
      const dir = await realpath(isAbsolute(path) ? path : resolve(root, path));
      if (!dir.startsWith(root + sep)) return undefined;
      if (!(await stat(join(dir, 'adapter_config.json'))).isFile()) return undefined;
      return { name, path: relative(root, dir), ref: { id: relative(root, dir), dir } };
    } catch {
      return undefined; // not there, or not readable: both are "no adapter here" to a client
    }
  };

  return {
    at,
    find: async (name) => named.get(name) ?? (isFolderName(name) ? at(name, name) : undefined),
    list: async () => {
      if (adaptersDir === undefined) return [];
      const entries = (await readdir(adaptersDir))
        .filter((name) => isFolderName(name) && !named.has(name))
        .sort();
      const found: (ServedAdapter | undefined)[] = [...named.values()];
      // In groups: thousands of folders must not open thousands of files at once.
      for (let from = 0; from < entries.length; from += foldersAtOnce) {
        const group = entries.slice(from, from + foldersAtOnce);
        found.push(...(await Promise.all(group.map((name) => at(name, name)))));
      }
      return found.filter((adapter) => adapter !== undefined);
    },
    name: (adapter) => void named.set(adapter.name, adapter),
    forget: (name) => named.delete(name),
  };
}

/** One plain segment of a path. */
function isFolderName(name: string): boolean {
  return /^[\w][\w.-]{0,200}$/.test(name);
}

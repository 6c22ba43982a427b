// Named shelves of JSON values that survive a killed process: every change is one appended line, written before
// the call returns; opening replays the lines and rewrites them compactly. Used by all playground state.
// Without a path the same shelves live in memory only. A torn last line (power cut) is dropped; nothing else is.

import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';

export interface Shelf<Value> {
  get(key: string): Value | undefined;
  set(key: string, value: Value): void;
  delete(key: string): void;
  /** In the order of first insertion. */
  values(): Value[];
}

export interface ChatJournal {
  shelf<Value>(name: string): Shelf<Value>;
  close(): void;
}

type Line = readonly [shelf: string, key: string, value: unknown];

/** Opens (and compacts) the journal at `path`, or an in-memory one when `path` is undefined. */
export function openChatJournal(path: string | undefined): ChatJournal {
  const shelves = new Map<string, Map<string, unknown>>();
  const mapOf = (name: string): Map<string, unknown> => {
    const known = shelves.get(name);
    if (known) return known;
    const fresh = new Map<string, unknown>();
    shelves.set(name, fresh);
    return fresh;
  };

  let file: number | undefined;
  if (path !== undefined) {
    mkdirSync(dirname(path), { recursive: true });
    for (const [shelf, key, value] of readLines(path)) {
      if (value === null) mapOf(shelf).delete(key);
      else mapOf(shelf).set(key, value);
    }
    const compact = [...shelves].flatMap(([shelf, entries]) =>
      [...entries].map(([key, value]) => `${JSON.stringify([shelf, key, value])}\n`),
    );
    writeFileSync(`${path}.new`, compact.join(''));
    renameSync(`${path}.new`, path);
    file = openSync(path, 'a');
  }
  const append = (line: Line): void => {
    if (file !== undefined) writeSync(file, `${JSON.stringify(line)}\n`);
  };

  return {
    shelf<Value>(name: string): Shelf<Value> {
      const entries = mapOf(name) as Map<string, Value>;
      return {
        get: (key) => entries.get(key),
        set(key, value) {
          entries.set(key, value);
          append([name, key, value]);
        },
        delete(key) {
          if (entries.delete(key)) append([name, key, null]);
        },
        values: () => [...entries.values()],
      };
    },
    close() {
      if (file !== undefined) closeSync(file);
      file = undefined;
    },
  };
}

function readLines(path: string): Line[] {
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, 'utf8').split('\n');
  return lines.flatMap((text): Line[] => {
    if (text === '') return [];
    try {
      return [JSON.parse(text) as Line];
    } catch {
      return []; // the torn end of a line that a power cut left behind
    }
  });
}

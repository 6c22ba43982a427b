// Who is next: one line for each key, the lines served in turn, first come first served within a line. Used by the
// scheduler. It knows no requests. Invariants: a key that comes back goes behind all keys that wait; however many
// entries one key has, another key's first entry is served after at most one of them.

interface FairQueue<T> {
  readonly size: () => number;
  readonly push: (key: string, entry: T) => void;
  /** The next one, without taking it. */
  readonly peek: () => T | undefined;
  readonly take: () => T | undefined;
  /** False if it is not there. */
  readonly remove: (entry: T) => boolean;
  /** All entries in the order in which they will be taken if nobody else comes. */
  readonly order: () => readonly T[];
  /**
   * Makes room for one more entry of `key`: takes out the newest entry of the longest line, if that line stays at least
   * as long as the one of `key` will be. Undefined where nobody is to give way.
   */
  readonly giveWay: (key: string) => T | undefined;
}

export function createFairQueue<T>(): FairQueue<T> {
  /** In the order of their next turn; no line is empty. */
  const lines = new Map<string, T[]>();
  let size = 0;

  const drop = (key: string, line: T[], at: number): T | undefined => {
    const [entry] = line.splice(at, 1);
    if (line.length === 0) lines.delete(key);
    size -= 1;
    return entry;
  };

  return {
    size: () => size,
    push: (key, entry) => {
      const line = lines.get(key);
      if (line === undefined) lines.set(key, [entry]);
      else line.push(entry);
      size += 1;
    },
    peek: () => lines.values().next().value?.[0],
    take: () => {
      const next = lines.entries().next().value;
      if (next === undefined) return undefined;
      const [key, line] = next;
      const entry = drop(key, line, 0);
      if (line.length > 0) {
        lines.delete(key);
        lines.set(key, line); // behind the others
      }
      return entry;
    },
    remove: (entry) => {
      for (const [key, line] of lines) {
        const at = line.indexOf(entry);
        if (at < 0) continue;
        drop(key, line, at);
        return true;
      }
      return false;
    },
    order: () => {
      const order: T[] = [];
      for (let turn = 0; order.length < size; turn++) {
        for (const line of lines.values()) if (turn < line.length) order.push(line[turn]);
      }
      return order;
    },
    giveWay: (key) => {
      let longest: readonly [string, T[]] | undefined;
      for (const entry of lines)
        if (longest === undefined || entry[1].length > longest[1].length) longest = entry;
      if (longest === undefined || longest[1].length <= (lines.get(key)?.length ?? 0) + 1) return undefined;
      return drop(longest[0], longest[1], longest[1].length - 1);
    },
  };
}

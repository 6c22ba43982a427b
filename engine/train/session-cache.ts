// Training sessions by shape of their batch, the least recently used released first: each holds the memory of its
// activations and takes a tenth of a second to make. Used by the learners. It knows no graph: anything that is released.
// Invariant: never are more than `most` of them alive, not even while one is made. One caller at a time.

interface Releasable {
  readonly release: () => Promise<void>;
}

interface SessionCache<T extends Releasable> {
  readonly get: (rows: number, seq: number) => Promise<T>;
  readonly release: () => Promise<void>;
}

/** @param most sessions kept at once, at least 1 */
export function createSessionCache<T extends Releasable>(
  most: number,
  make: (rows: number, seq: number) => Promise<T>,
): SessionCache<T> {
  const sessions = new Map<string, T>(); // in order of last use
  return {
    get: async (rows, seq) => {
      const key = `${rows} ${seq}`;
      const known = sessions.get(key);
      const [oldest] = sessions;
      if (known === undefined && sessions.size >= most) {
        sessions.delete(oldest[0]);
        await oldest[1].release();
      }
      const session = known ?? (await make(rows, seq));
      sessions.delete(key);
      sessions.set(key, session);
      return session;
    },
    release: async () => {
      for (const session of sessions.values()) await session.release();
      sessions.clear();
    },
  };
}

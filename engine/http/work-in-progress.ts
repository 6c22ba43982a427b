// The answers being written, so that a server can stop gracefully. Used by completion-routes.ts and http-server.ts.
// It knows no HTTP. States: open -> draining (no new work, what runs may end) -> cut (what still runs is aborted).

export interface WorkInProgress {
  /** Undefined while draining. */
  readonly begin: () => Work | undefined;
  readonly running: () => number;
  readonly isDraining: () => boolean;
  /** Resolves when nothing runs; after `waitMs` what runs is aborted first. */
  readonly drain: (waitMs: number) => Promise<void>;
}

interface Work {
  /** Aborted when the server cannot wait any longer. */
  readonly signal: AbortSignal;
  readonly end: () => void;
}

export function createWorkInProgress(): WorkInProgress {
  const cut = new AbortController();
  const works = new Set<Work>();
  let draining = false;
  let idle: (() => void) | undefined;
  return {
    begin: () => {
      if (draining) return undefined;
      const work: Work = {
        signal: cut.signal,
        end: () => {
          works.delete(work);
          if (works.size === 0) idle?.();
        },
      };
      works.add(work);
      return work;
    },
    running: () => works.size,
    isDraining: () => draining,
    drain: async (waitMs) => {
      draining = true;
      if (works.size === 0) return;
      const timer = setTimeout(() => cut.abort(), waitMs);
      await new Promise<void>((resolve) => {
        idle = resolve;
      });
      clearTimeout(timer);
    },
  };
}

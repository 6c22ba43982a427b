// Events on their way from a callback to one `for await` reader, in order. Used by serve-client.ts. Knows nothing of
// their meaning. Invariants: events pushed before a failure are read before it; after a failure every read fails.

interface EventQueue<T> {
  readonly push: (event: T) => void;
  readonly fail: (error: Error) => void;
  /** The next event, when there is one. One reader at a time. */
  readonly next: () => Promise<T>;
}

export function createEventQueue<T>(): EventQueue<T> {
  const waiting: T[] = [];
  let failure: Error | undefined;
  let wake: (() => void) | undefined;
  return {
    push: (event) => {
      waiting.push(event);
      wake?.();
    },
    fail: (error) => {
      failure ??= error;
      wake?.();
    },
    next: async () => {
      for (;;) {
        const [event] = waiting.splice(0, 1);
        if (event !== undefined) return event;
        if (failure !== undefined) throw failure;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
  };
}

// Tells whoever is looking what changed: both local servers publish view events here, the web socket of the page
// and the test driver listen. One listener list per person; keeps no history (a listener starts from a snapshot).

import type { ViewEvent } from './page/view-types.ts';

type Listener = (event: ViewEvent) => void;

export interface LiveFeed {
  /** To one person, or to everybody with `personId` undefined. */
  publish(personId: string | undefined, event: ViewEvent): void;
  /** The returned function ends the subscription. */
  listen(personId: string, listener: Listener): () => void;
}

export function createLiveFeed(): LiveFeed {
  const listeners = new Set<{ readonly personId: string; readonly hear: Listener }>();
  return {
    publish(personId, event) {
      for (const listener of listeners) {
        if (personId === undefined || listener.personId === personId) listener.hear(event);
      }
    },
    listen(personId, hear) {
      const entry = { personId, hear };
      listeners.add(entry);
      return () => listeners.delete(entry);
    },
  };
}

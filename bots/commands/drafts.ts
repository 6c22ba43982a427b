// What a person has written and must still say yes to, kept for a day: contributions, corrections, refunds. In memory:
// after a restart the person is told to write it again. Used by the commands that ask once more.
import { randomBytes } from 'node:crypto';

export interface Drafts<Draft extends { readonly userKey: string }> {
  /** @returns the draft's name, for a button */
  put(draft: Draft): string;
  /** The draft of this person, taken out; null when it is gone or somebody else's. */
  take(id: string, userKey: string): Draft | null;
  /** What was taken and could not be carried out is there again, under the same name. */
  putBack(id: string, draft: Draft): void;
}

const DRAFT_MS = 24 * 60 * 60 * 1000;
const DRAFTS_MAX = 2000;

export function createDrafts<Draft extends { readonly userKey: string }>(): Drafts<Draft> {
  const drafts = new Map<string, { draft: Draft; until: number }>();
  return {
    put(draft) {
      for (const [id, { until }] of drafts) {
        if (drafts.size < DRAFTS_MAX && until > Date.now()) break;
        drafts.delete(id);
      }
      const id = randomBytes(9).toString('base64url');
      drafts.set(id, { draft, until: Date.now() + DRAFT_MS });
      return id;
    },
    take(id, userKey) {
      const entry = drafts.get(id);
      if (entry === undefined || entry.draft.userKey !== userKey || entry.until <= Date.now()) return null;
      drafts.delete(id);
      return entry.draft;
    },
    putBack(id, draft) {
      drafts.set(id, { draft, until: Date.now() + DRAFT_MS });
    },
  };
}

// Contributions that wait for their author's consent, kept for a day. Used by /contribute and ✏️: the form comes first, the
// licence is agreed to once, then the draft goes in. In memory: after a restart the person is told to write it again.
import { randomBytes } from 'node:crypto';

interface NewDraft {
  readonly kind: 'contribution';
  readonly userKey: string;
  readonly datanetSlug: string;
  readonly question: string;
  readonly answer: string;
}

interface CorrectionDraft {
  readonly kind: 'correction';
  readonly userKey: string;
  readonly callId: string;
  readonly answer: string;
}

type ContributionDraft = NewDraft | CorrectionDraft;

export interface ContributionDrafts {
  put(draft: ContributionDraft): string;
  /** The draft of this person, taken out; null when it is gone or somebody else's. */
  take(id: string, userKey: string): ContributionDraft | null;
}

const DRAFT_MS = 24 * 60 * 60 * 1000;
const DRAFTS_MAX = 2000;

export function createContributionDrafts(): ContributionDrafts {
  const drafts = new Map<string, { draft: ContributionDraft; until: number }>();
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
  };
}

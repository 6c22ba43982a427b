// What becomes of a contribution on its way in, as people see it: types only. Part of the marketplace's face (marketplace.ts),
// filled by contribute.ts and review-contribution.ts, shown by /contribute and /review.

export type ContributeResult =
  | {
      readonly ok: true;
      readonly contributionId: string;
      readonly waitingReview: number;
      /** The question of an earlier contribution that states the same in other words: whoever was first is paid. */
      readonly sameFactAs?: string;
    }
  | { readonly ok: false; readonly code: 'duplicate'; readonly existing: string }
  | {
      readonly ok: false;
      readonly code: 'consent_missing';
      readonly datanetSlug: string;
      readonly licence: string;
      readonly consentText: string;
    }
  | { readonly ok: false; readonly code: 'unknown_datanet' }
  | {
      readonly ok: false;
      readonly code: 'rejected_by_check';
      readonly check: string;
      readonly reason: string;
    };

export interface ReviewItem {
  readonly contributionId: string;
  readonly datanetTitle: string;
  readonly pseudonym: string;
  readonly question: string;
  readonly answer: string;
  readonly waiting: number;
}

export type ReviewResult =
  | {
      readonly ok: true;
      /** Waiting: others have to agree, `missing` of them at the least. */
      readonly state: 'accepted' | 'rejected' | 'waiting';
      readonly missing: number;
      readonly newSinceVersion: number;
      readonly neededForNextVersion: number;
      readonly trainingStarted: boolean;
    }
  | {
      readonly ok: false;
      readonly code: 'own_contribution' | 'already_decided' | 'not_found' | 'reason_missing' | 'not_drawn';
    };

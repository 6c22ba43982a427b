// What several reviewers together decide. Used by review-contribution.ts. Pure.
// Rule: the first verdict that `toAgree` of them share decides; two of three, where toAgree is 2.
import type { Review } from '../../db/schema.ts';

export type PanelVerdict =
  | { readonly decided: 'accepted' }
  /** The reasons of those who rejected it, each once. */
  | { readonly decided: 'rejected'; readonly reason: string }
  /** How many more of the same opinion would decide, at the least. */
  | { readonly decided: null; readonly missing: number };

export function panelVerdict(
  reviews: readonly Pick<Review, 'verdict' | 'reason'>[],
  toAgree: number,
): PanelVerdict {
  const accepts = reviews.filter(({ verdict }) => verdict === 'accept').length;
  if (accepts >= toAgree) return { decided: 'accepted' };
  const rejects = reviews.filter(({ verdict }) => verdict === 'reject');
  if (rejects.length >= toAgree) {
    const reasons = rejects.flatMap(({ reason }) => (reason === null ? [] : [reason]));
    return { decided: 'rejected', reason: [...new Set(reasons)].join(' · ') };
  }
  return { decided: null, missing: toAgree - Math.max(accepts, rejects.length) };
}

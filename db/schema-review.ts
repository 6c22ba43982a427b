/** What reviewers were given to judge, migration 019-review-draws. Part of schema.ts. */
import type { CreatedAt } from './column-types.ts';

interface ReviewDrawTable {
  contributionId: string;
  reviewerId: string;
  drawnAt: CreatedAt;
}

export interface ReviewSchema {
  reviewDraw: ReviewDrawTable;
}

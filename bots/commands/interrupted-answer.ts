// How an interrupted answer really ended, told when the outbox is worked off: after a restart, or after the books were
// out of reach in the middle of a call. Passed by main.ts to durable-delivery.ts as `resolveInterrupted`.
// What a person has is left out: who reads that place is not known here any more.
import type { Marketplace } from '../../marketplace/marketplace.ts';
import type { Delivery } from '../core/durable-delivery.ts';
import type { Reply } from '../core/platform.ts';
import { lines, rich, small } from '../core/rich-text.ts';
import { answeredReply } from './answer-view.ts';
import { interruptedReply } from './refusal-words.ts';

/** The reply to show instead of the saved one, or 'later' while the books are undecided. */
export function createInterruptedResolver({
  outcomeOf,
}: Pick<Marketplace, 'outcomeOf'>): (delivery: Delivery) => Promise<Reply | 'later'> {
  return async ({ eventKey }) => {
    if (eventKey === null) return interruptedReply;
    const outcome = await outcomeOf(eventKey);
    if (outcome === null) return interruptedReply;
    if (outcome.ok) {
      const intro = rich(small('I was interrupted; here is the whole answer.'));
      return answeredReply(outcome, { intro: lines(intro), isPrivate: false });
    }
    return outcome.code === 'call_in_progress' || outcome.code === 'outcome_unknown'
      ? 'later'
      : interruptedReply;
  };
}

// One paid, attributed answer: the story of a call, one line a step, each step a file of that name.
// Used by create-marketplace.ts as `ask`. Money is only moved in place-hold.ts and settle-call.ts, each in one
// transaction; whatever dies in between, reconciler.ts gives the hold back: nobody pays twice, no failure costs anything.
// States: quoted → held → generating → captured | voided; unknown while the books cannot be reached.
import { transact } from '../db/database.ts';
import { moveCall } from '../db/repositories/call-repository.ts';
import { generateAnswer } from './generate-answer.ts';
import type { AskInput, CallDone, CallRefusal, CallView } from './marketplace.ts';
import type { MarketplaceContext } from './marketplace-context.ts';
import { openCall } from './open-call.ts';
import { placeHold } from './place-hold.ts';
import { quoteCall } from './quote.ts';
import { settleCall } from './settle-call.ts';
import { isDatabaseAway } from './wait-for-database.ts';

export async function paidCall(
  market: MarketplaceContext,
  input: AskInput,
  view: CallView,
): Promise<CallDone | CallRefusal> {
  const { platform, conversationId } = input.conversationKey;
  const live = market.live.begin(`${platform}:${conversationId}:${input.person.id}`);
  let heldCallId: string | null = null;
  try {
    // 1 inbound: one event, one call; a clean question; a model that answers
    const opened = await openCall(market, input, live);
    if (!opened.ok) return opened;
    // 2 quote: the prompt that fits, the most it may cost, shown before anything is held
    const quoted = await quoteCall(market, opened);
    if (!quoted.ok) return quoted;
    await view.quoted(quoted.quote);
    // 3 hold: the ceiling set aside; too little balance ends here, nothing generated
    const held = await placeHold(market, quoted);
    if (!held.ok) return held;
    heldCallId = held.callId;
    // 4 generate: streamed to the view; the person may stop
    const answer = await generateAnswer(market, held, view, input.signal);
    // 5 capture or void: the price of what was delivered, split; or nothing at all
    return await settleCall(market, held, answer);
    // 6 deliver: the caller's durable job shows what is returned here, with the price and the buttons
    // 7 attribute: attribute-call.ts, the job that the capture enqueued in its own transaction
    // 8 settle: the receipt written with the capture and completed by attribution
    // 9 learn: feedback/rate-call.ts and datanets/contribute.ts feed factory/
  } catch (fault) {
    return await outcomeOfFault(market, fault, heldCallId);
  } finally {
    live?.end();
  }
}

/** Nothing held: nothing happened. Something held: the outcome is in doubt until the reconciler has looked. */
async function outcomeOfFault(
  market: MarketplaceContext,
  fault: unknown,
  heldCallId: string | null,
): Promise<CallRefusal> {
  const reason = isDatabaseAway(fault) ? 'the books could not be reached' : 'something went wrong inside';
  market.log.error({ err: fault, callId: heldCallId }, 'a call ended with a fault');
  if (heldCallId === null && !isDatabaseAway(fault)) return { ok: false, code: 'generation_failed', reason };
  if (heldCallId !== null) await markUnknown(market, heldCallId);
  return { ok: false, code: 'outcome_unknown', reason };
}

/** For the record only: the reconciler settles a call in any unsettled state. */
async function markUnknown(market: MarketplaceContext, callId: string): Promise<void> {
  await transact(market.db, (tx) =>
    moveCall(tx, {
      id: callId,
      from: ['held', 'generating'],
      to: 'unknown',
      facts: { errorCode: 'outcome_unknown' },
    }),
  ).catch(() => undefined);
}

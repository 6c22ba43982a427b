// Step 1 of a paid call, inbound: one event is one call, one conversation has one call at a time, and a question is
// cleaned before anything else sees it. Used by paid-call.ts. Nothing is written here but the open conversation.
// Refusals in order of precedence: the event was seen, a call is under way, the question, the model.
import { transact } from '../db/database.ts';
import { getCallByEvent } from '../db/repositories/call-repository.ts';
import { getModel, getModelBySlug } from '../db/repositories/model-repository.ts';
import { getModelVersion } from '../db/repositories/model-version-repository.ts';
import type { Call, Conversation, Model, ModelVersion } from '../db/schema.ts';
import { conversationOf } from './choose-model.ts';
import { cleanText } from './clean-text.ts';
import { refusalOfFailure } from './failed-answer.ts';
import { wakeVersion } from './listings/model-readiness.ts';
import type { LiveCall } from './live-calls.ts';
import type { AskInput, CallRefusal } from './marketplace.ts';
import type { MarketplaceContext } from './marketplace-context.ts';
import { waitForDatabase } from './wait-for-database.ts';

export interface OpenedCall {
  readonly ok: true;
  readonly live: LiveCall;
  readonly input: AskInput;
  readonly question: string;
  readonly conversation: Conversation;
  readonly model: Model;
  readonly version: ModelVersion;
}

/** @param live the reservation of the conversation, or null when a call of it is under way */
export async function openCall(
  market: MarketplaceContext,
  input: AskInput,
  live: LiveCall | null,
): Promise<OpenedCall | CallRefusal> {
  const seen = await waitForDatabase(market, () => getCallByEvent(market.db, input.eventKey));
  if (seen !== undefined) return refusalOfSeen(seen);
  if (live === null) return { ok: false, code: 'call_in_progress' };
  const question = cleanText(input.text);
  if (question === '') return { ok: false, code: 'empty_question' };
  const chars = [...question].length;
  const charsMax = market.settings.questionCharsMax;
  if (chars > charsMax) return { ok: false, code: 'question_too_long', chars, charsMax };
  return await waitForDatabase(market, () => findModel(market, input, question, live));
}

/** What to say to an event whose call exists: answered, being answered, or ended without an answer. */
export function refusalOfSeen(call: Call): CallRefusal {
  if (call.state === 'captured') return { ok: false, code: 'already_answered', callId: call.id };
  if (call.state === 'voided') {
    return refusalOfFailure(call.errorCode ?? '', call.errorCode ?? 'the answer failed earlier');
  }
  return { ok: false, code: 'call_in_progress' };
}

async function findModel(
  market: MarketplaceContext,
  input: AskInput,
  question: string,
  live: LiveCall,
): Promise<OpenedCall | CallRefusal> {
  const { conversationKey, person } = input;
  const conversation = await transact(market.db, (tx) => conversationOf(tx, conversationKey, person));
  const model =
    input.modelSlug !== undefined
      ? await getModelBySlug(market.db, input.modelSlug)
      : conversation.modelId !== null
        ? await getModel(market.db, conversation.modelId)
        : undefined;
  if (model === undefined) return { ok: false, code: 'no_model_chosen' };
  const version =
    model.state === 'listed' && model.currentVersionId !== null
      ? await getModelVersion(market.db, model.currentVersionId)
      : undefined;
  if (version === undefined) return { ok: false, code: 'model_retired', title: model.title };
  wakeVersion(market, version); // its adapter is on its way while the price is worked out
  return { ok: true, live, input, question, conversation, model, version };
}

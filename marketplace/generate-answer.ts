// Step 4 of a paid call: the engine streams, the view shows, the person may stop. Used by paid-call.ts.
// It knows no money. Every fault of the engine, silence included, becomes `failed`: what was shown is then not paid.
// Invariant: after `delivered` the text is what the view was shown last, and the usage is the engine's own count.
import { transact } from '../db/database.ts';
import { moveCall } from '../db/repositories/call-repository.ts';
import type { GenerateEvent, GenerateRequest, Usage } from '../engine/engine.ts';
import { EngineError } from '../engine/errors.ts';
import { adapterOf } from './listings/adapter-of.ts';
import type { CallView } from './marketplace.ts';
import type { MarketplaceContext } from './marketplace-context.ts';
import type { HeldCall } from './place-hold.ts';
import { waitForDatabase } from './wait-for-database.ts';

export type GeneratedAnswer =
  | {
      readonly kind: 'delivered';
      readonly text: string;
      readonly reason: 'stop' | 'length' | 'cancelled' | 'deadline';
      readonly usage: Usage;
      readonly droppedMessages: number;
    }
  | {
      readonly kind: 'failed';
      readonly code: string;
      readonly reason: string;
      /** When the engine says when to come again. */
      readonly retryAfterMs?: number;
    };

export async function generateAnswer(
  market: MarketplaceContext,
  held: HeldCall,
  view: CallView,
  signal: AbortSignal,
): Promise<GeneratedAnswer> {
  await waitForDatabase(market, () => markGenerating(market, held.callId));
  const request: GenerateRequest = {
    messages: held.messages,
    adapter: adapterOf(market, held.version),
    maxTokens: held.quote.answerTokensMax,
    sampling: { temperature: market.settings.temperature },
    // One person's flood of questions waits behind its own; the engine knows this key only.
    fairnessKey: held.input.person.id,
    deadlineMs: market.settings.answerMsMax,
  };
  const silence = new AbortController();
  const stop = AbortSignal.any([signal, silence.signal, market.stopping]);
  let droppedMessages = held.droppedMessages;
  let soFar = '';
  let position = 0;
  try {
    for await (const event of withinSilence(market, request, stop, silence)) {
      if (event.type === 'queued') {
        position = event.position;
        view.queued(position);
      } else if (event.type === 'start') {
        droppedMessages += event.droppedMessages;
        if (position > 0) view.queued(0);
      } else if (event.type === 'text') {
        soFar += storable(event.text);
        view.text(soFar);
      } else if (event.type === 'done') {
        // An answer cut short because this program is being stopped was not stopped by the person.
        if (event.reason === 'cancelled' && !signal.aborted) throw new Error('the program is being stopped');
        return deliveredOrNothing(event, droppedMessages);
      }
    }
    return { kind: 'failed', code: 'engine_ended_early', reason: 'the engine ended without an answer' };
  } catch (fault) {
    market.log.warn({ err: fault, callId: held.callId, charsShown: soFar.length }, 'an answer failed');
    const { code, retryAfterMs } = fault instanceof EngineError ? fault : { code: 'engine_failed' };
    const reason = fault instanceof Error ? fault.message : String(fault);
    return { kind: 'failed', code, reason, retryAfterMs };
  }
}

async function markGenerating(market: MarketplaceContext, callId: string): Promise<void> {
  const moved = await transact(market.db, (tx) =>
    moveCall(tx, { id: callId, from: ['held', 'generating'], to: 'generating' }),
  );
  if (!moved.ok) throw new Error(`call ${callId} cannot generate: ${moved.code}`);
}

/** A model may write NUL (a byte token, a far server); no text of the database holds it, and nobody sees it. */
const storable = (text: string): string => text.replaceAll('\0', '');

function deliveredOrNothing(
  done: Extract<GenerateEvent, { type: 'done' }>,
  droppedMessages: number,
): GeneratedAnswer {
  const { reason, usage } = done;
  const text = storable(done.text);
  if (text.trim() !== '') return { kind: 'delivered', text, reason, usage, droppedMessages };
  if (reason === 'cancelled')
    return { kind: 'failed', code: 'stopped', reason: 'stopped before the first word' };
  if (reason === 'deadline')
    return { kind: 'failed', code: 'deadline_exceeded', reason: 'no word came in time' };
  return { kind: 'failed', code: 'no_words', reason: 'the model had no words for this' };
}

/**
 * The engine's events; throws when it says nothing for `generateSilenceMsMax`, and tells it to stop. Who waits in line
 * waits in silence: there only the deadline ends it, with a silence's grace for an engine that forgets even that.
 */
async function* withinSilence(
  market: MarketplaceContext,
  request: GenerateRequest,
  stop: AbortSignal,
  silence: AbortController,
): AsyncGenerator<GenerateEvent> {
  const events = market.engine.generate(request, stop)[Symbol.asyncIterator]();
  const { generateSilenceMsMax, answerMsMax } = market.settings;
  let quietMsMax = generateSilenceMsMax;
  try {
    for (;;) {
      let timer: NodeJS.Timeout | undefined;
      const quiet = new Promise<never>((_, reject) => {
        timer = setTimeout(() => {
          reject(new Error(`the engine said nothing for ${quietMsMax} ms`));
          silence.abort();
        }, quietMsMax);
      });
      const next = await Promise.race([events.next(), quiet]).finally(() => clearTimeout(timer));
      if (next.done) return;
      quietMsMax = generateSilenceMsMax + (next.value.type === 'queued' ? answerMsMax : 0);
      yield next.value;
    }
  } finally {
    // Not awaited: a silent engine would not answer this either.
    void events.return?.()?.catch(() => undefined);
  }
}

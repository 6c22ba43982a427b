// Token events -> the text events of the engine's face. Used by local-engine.ts. It knows no worker and no prompt.
// Invariants: text comes in whole characters (bytes that never become one are left out at the end); the pieces joined
// are the text of `done`; no part of a stop string is shown; completionTokens counts the tokens that were made, the
// stop token not included; leaving the loop at a stop string ends the request in the worker.
import type { GenerateEvent, TokenLogprob } from '../engine.ts';
import type { ModelTokenizer } from '../model/tokenizer.ts';
import type { TokenEvent } from './serve-protocol.ts';
import { createStopText } from './stop-text.ts';
import type { TokenLikelihood } from './token-likelihood.ts';

interface AnswerStreamOptions {
  readonly tokenizer: Pick<ModelTokenizer, 'stream' | 'decode'>;
  readonly droppedMessages: number;
  readonly stop?: readonly string[];
}

/** @throws EngineError `sampling_invalid` for a stop string that is none | those of the events */
export async function* answerStream(
  events: AsyncIterable<TokenEvent>,
  { tokenizer, droppedMessages, stop }: AnswerStreamOptions,
): AsyncGenerator<GenerateEvent, void, void> {
  const detokeniser = tokenizer.stream();
  const stopText = createStopText(stop);
  const logprobs = heldLogprobs(tokenizer);
  let promptTokens = 0;
  let completionTokens = 0;
  let made = 0; // characters, the ones held back included
  let text = '';
  const shown = function* (piece: string, isLast: boolean): Generator<GenerateEvent> {
    text += piece;
    const tokens = piece === '' && !isLast ? [] : logprobs.until(isLast ? made + 1 : text.length);
    if (tokens.length > 0) yield { type: 'text', text: piece, completionTokens, logprobs: tokens };
    else if (piece !== '') yield { type: 'text', text: piece, completionTokens };
  };
  for await (const event of events) {
    switch (event.type) {
      case 'queued':
        yield event;
        break;
      case 'start':
        promptTokens = event.promptTokens;
        yield { type: 'start', promptTokens, droppedMessages };
        break;
      case 'token': {
        completionTokens += 1;
        if (event.likelihood !== undefined) logprobs.hold(event.id, event.likelihood, made);
        const piece = detokeniser.push(event.id);
        made += piece.length;
        const { text: certain, stopped } = stopText.push(piece);
        yield* shown(certain, false);
        if (!stopped) break;
        yield { type: 'done', reason: 'stop', text, usage: { promptTokens, completionTokens } };
        return;
      }
      case 'done': {
        const rest = detokeniser.flush().replace(/\uFFFD+$/, '');
        made += rest.length;
        const { text: certain, stopped } = stopText.push(rest);
        const held = stopped ? '' : stopText.flush();
        yield* shown(certain + held, !stopped);
        const reason = stopped ? 'stop' : event.reason;
        yield { type: 'done', reason, text, usage: { promptTokens, completionTokens } };
      }
    }
  }
}

/** Log-probabilities wait until the text of their token is shown. */
function heldLogprobs(tokenizer: Pick<ModelTokenizer, 'decode'>) {
  const held: { readonly logprob: TokenLogprob; readonly from: number }[] = [];
  const textOf = (id: number): string => tokenizer.decode([id], { keepSpecial: true });
  return {
    /** @param from where in the answer the token's text begins */
    hold: (id: number, { logprob, top }: TokenLikelihood, from: number): void => {
      const likeliest = top.map(([likely, value]) => ({ id: likely, text: textOf(likely), logprob: value }));
      held.push({ logprob: { id, text: textOf(id), logprob, top: likeliest }, from });
    },
    /** Of the tokens whose text begins before `end`. */
    until: (end: number): readonly TokenLogprob[] => {
      const first = held.findIndex(({ from }) => from >= end);
      return held.splice(0, first === -1 ? held.length : first).map(({ logprob }) => logprob);
    },
  };
}

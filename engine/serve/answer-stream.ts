// Token events -> the text events of the engine's face. Used by local-engine.ts. It knows no worker and no prompt.
// Invariants: text comes in whole characters (bytes that never become one are left out at the end); the pieces joined
// are the text of `done`; completionTokens counts what the person got, the stop token not included.
import type { GenerateEvent } from '../engine.ts';
import type { TokenStream } from '../model/tokenizer.ts';
import type { TokenEvent } from './serve-protocol.ts';

export async function* answerStream(
  events: AsyncIterable<TokenEvent>,
  detokeniser: TokenStream,
  droppedMessages: number,
): AsyncGenerator<GenerateEvent, void, void> {
  let promptTokens = 0;
  let completionTokens = 0;
  let text = '';
  for await (const event of events) {
    switch (event.type) {
      case 'start':
        promptTokens = event.promptTokens;
        yield { type: 'start', promptTokens, droppedMessages };
        break;
      case 'token': {
        completionTokens += 1;
        const piece = detokeniser.push(event.id);
        text += piece;
        if (piece !== '') yield { type: 'text', text: piece, completionTokens };
        break;
      }
      case 'done': {
        const rest = detokeniser.flush().replace(/\uFFFD+$/, '');
        text += rest;
        if (rest !== '') yield { type: 'text', text: rest, completionTokens };
        const usage = { promptTokens, completionTokens };
        yield { type: 'done', reason: event.reason, text, usage };
      }
    }
  }
}

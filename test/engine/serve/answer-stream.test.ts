// Streams of text from streams of tokens: whole characters only, one `done` at the end.
import { describe, expect, it } from 'vitest';
import { tokenizerConfigJson } from '../../../engine/corpus/chat-markup.ts';
import { toTokenizerJson, trainBpe } from '../../../engine/corpus/train-tokenizer.ts';
import type { GenerateEvent } from '../../../engine/engine.ts';
import { createTokenizer } from '../../../engine/model/tokenizer.ts';
import { answerStream } from '../../../engine/serve/answer-stream.ts';
import type { DoneReason, TokenEvent } from '../../../engine/serve/serve-protocol.ts';

/** Every byte is a token of its own: the hardest case for whole characters. */
const tokenizer = createTokenizer(toTokenizerJson(trainBpe(new Map(), 0)), tokenizerConfigJson());

async function stream(
  ids: readonly number[],
  reason: DoneReason = 'stop',
): Promise<readonly GenerateEvent[]> {
  async function* events(): AsyncGenerator<TokenEvent> {
    yield { type: 'start', promptTokens: 7 };
    for (const id of ids) yield { type: 'token', id };
    yield { type: 'done', reason };
  }
  const all: GenerateEvent[] = [];
  for await (const event of answerStream(events(), { tokenizer, droppedMessages: 2 })) all.push(event);
  return all;
}

describe('answer stream', () => {
  const text = 'né 🙂 日本 👩‍👩‍👧 ok';

  it('gives whole characters only, counts tokens, and joins to the text of done', async () => {
    const ids = tokenizer.encode(text);
    const events = await stream(ids);
    const pieces = events.flatMap((event) => (event.type === 'text' ? [event] : []));
    expect(ids.length).toBe(new TextEncoder().encode(text).length);
    expect(pieces.map((piece) => piece.text).join('')).toBe(text);
    expect(pieces.every((piece) => !piece.text.includes('\uFFFD') && piece.text.isWellFormed())).toBe(true);
    expect(pieces.length).toBeLessThan(ids.length);
    expect(pieces.at(-1)?.completionTokens).toBe(ids.length);
    expect(events[0]).toEqual({ type: 'start', promptTokens: 7, droppedMessages: 2 });
    expect(events.at(-1)).toEqual({
      type: 'done',
      reason: 'stop',
      text,
      usage: { promptTokens: 7, completionTokens: ids.length },
    });
  });

  it.each([1, 2, 3])(
    'an answer cut after %i bytes of a 4-byte character leaves that character out',
    async (bytes) => {
      const ids = [...tokenizer.encode('yes '), ...tokenizer.encode('🙂').slice(0, bytes)];
      const events = await stream(ids, 'length');
      expect(events.at(-1)).toMatchObject({ text: 'yes ', usage: { completionTokens: 4 + bytes } });
      expect(events.flatMap((event) => (event.type === 'text' ? [event.text] : [])).join('')).toBe('yes ');
    },
  );
});

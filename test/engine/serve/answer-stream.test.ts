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

interface StreamOptions {
  readonly reason?: DoneReason;
  readonly stop?: readonly string[];
  readonly logprobs?: boolean;
  /** Called when the stream is left before its end. */
  readonly onLeave?: (tokens: number) => void;
}

async function stream(
  ids: readonly number[],
  { reason = 'stop', stop, logprobs, onLeave }: StreamOptions = {},
): Promise<readonly GenerateEvent[]> {
  async function* events(): AsyncGenerator<TokenEvent> {
    let given = 0;
    try {
      yield { type: 'queued', position: 1 };
      yield { type: 'start', promptTokens: 7 };
      for (const id of ids) {
        given += 1;
        const likelihood = { logprob: -id, top: [[id + 1, -0.5]] as const };
        yield logprobs ? { type: 'token', id, likelihood } : { type: 'token', id };
      }
      given = -1;
      yield { type: 'done', reason };
    } finally {
      if (given >= 0) onLeave?.(given);
    }
  }
  const all: GenerateEvent[] = [];
  for await (const event of answerStream(events(), { tokenizer, droppedMessages: 2, stop })) all.push(event);
  return all;
}

const textOf = (events: readonly GenerateEvent[]): string =>
  events.flatMap((event) => (event.type === 'text' ? [event.text] : [])).join('');

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
    expect(events.slice(0, 2)).toEqual([
      { type: 'queued', position: 1 },
      { type: 'start', promptTokens: 7, droppedMessages: 2 },
    ]);
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
      const events = await stream(ids, { reason: 'length' });
      expect(events.at(-1)).toMatchObject({ text: 'yes ', usage: { completionTokens: 4 + bytes } });
      expect(events.flatMap((event) => (event.type === 'text' ? [event.text] : [])).join('')).toBe('yes ');
    },
  );

  it('ends before a stop string, counts the tokens that were made, and leaves the worker’s stream', async () => {
    const left: number[] = [];
    const events = await stream(tokenizer.encode('one two STOP three'), {
      stop: ['STOP', 'never'],
      onLeave: (tokens) => left.push(tokens),
    });
    expect(textOf(events)).toBe('one two ');
    expect(events.at(-1)).toEqual({
      type: 'done',
      reason: 'stop',
      text: 'one two ',
      usage: { promptTokens: 7, completionTokens: 12 },
    });
    expect(left).toEqual([12]);
  });

  it('shows what only began like a stop string, also at the very end', async () => {
    const events = await stream(tokenizer.encode('a STORE, a STO'), { stop: ['STOP'], reason: 'length' });
    expect(textOf(events)).toBe('a STORE, a STO');
    expect(events.at(-1)).toMatchObject({ reason: 'length', text: 'a STORE, a STO' });
    expect(events.some((event) => event.type === 'text' && event.text === ' STO')).toBe(false);
  });

  it('gives each token’s log-probability with the text it began, none twice, none of a stop string', async () => {
    const ids = tokenizer.encode('né 🙂 END x');
    const events = await stream(ids, { stop: ['END'], logprobs: true });
    const texts = events.flatMap((event) => (event.type === 'text' ? [event] : []));
    const given = texts.flatMap((event) => event.logprobs ?? []);
    expect(textOf(events)).toBe('né 🙂 ');
    expect(given.map(({ id }) => id)).toEqual(tokenizer.encode('né 🙂 '));
    expect(texts.find((event) => event.text === '🙂')?.logprobs?.length).toBe(4);
    expect(given[0]).toEqual({
      id: ids[0],
      text: 'n',
      logprob: -ids[0],
      top: [{ id: ids[0] + 1, text: 'o', logprob: -0.5 }],
    });
  });

  it('a stop string that is none is refused before anything is asked for', async () => {
    await expect(stream([], { stop: [''] })).rejects.toMatchObject({ code: 'sampling_invalid' });
  });
});

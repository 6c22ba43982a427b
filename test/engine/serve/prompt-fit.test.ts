// Which turns of a conversation fit the context, and what is refused with numbers.
import { describe, expect, it } from 'vitest';
import type { ChatMessage } from '../../../engine/engine.ts';
import { encodeBareText, fitPrompt } from '../../../engine/serve/prompt-fit.ts';

const message = (role: ChatMessage['role'], content: string): ChatMessage => ({ role, content });
/** One id for each word and one for each message. */
const encode = (messages: readonly ChatMessage[]): readonly number[] =>
  messages.flatMap(({ content }) => [0, ...content.split(' ').map(() => 1)]);
const conversation = [
  message('system', 'be kind'),
  message('user', 'a b c d e'),
  message('assistant', 'f g h i j'),
  message('user', 'k l m n o'),
  message('assistant', 'p q r s t'),
  message('user', 'u v w x y'),
];

function fitted(contextTokens: number, messages = conversation, maxTokens = 1000) {
  return fitPrompt({ messages, encode, contextTokens, maxTokens, charactersPerTokenMax: 10 });
}

describe('fitting a conversation into the context', () => {
  it('keeps all of it when it fits with room for the answer', () => {
    expect(fitted(44)).toEqual({ ids: encode(conversation), droppedMessages: 0 });
    expect(fitted(34, conversation, 1).droppedMessages).toBe(0);
  });

  it('drops the oldest turns in pairs and keeps the system prompt', () => {
    const kept = [conversation[0], ...conversation.slice(3)];
    expect(fitted(40)).toEqual({ ids: encode(kept), droppedMessages: 2 });
  });

  it('keeps system prompt and last turn when nothing else fits', () => {
    expect(fitted(12)).toEqual({ ids: encode([conversation[0], conversation[5]]), droppedMessages: 4 });
  });

  it('refuses with both numbers when the last turn alone does not fit', () => {
    expect(() => fitted(10)).toThrow('the message has 9 tokens; at most 8 fit');
  });

  it('refuses a conversation without a turn', () => {
    expect(() => fitted(100, [conversation[0]])).toThrow('no message to answer');
  });

  it('refuses 100,000 characters without reading them', () => {
    const read: string[] = [];
    expect(() =>
      fitPrompt({
        messages: [message('user', 'x'.repeat(100_000))],
        encode: (messages) => {
          read.push(...messages.map(({ content }) => content));
          return [];
        },
        contextTokens: 512,
        maxTokens: 100,
        charactersPerTokenMax: 16,
      }),
    ).toThrow('at least 6250 tokens; at most 412 fit');
    expect(read).toEqual([]);
  });

  it.each([0, -3, Number.NaN])('leaves a maxTokens of %d for others to refuse', (maxTokens) => {
    expect(fitted(34, conversation, maxTokens).droppedMessages).toBe(0);
  });
});

describe('a bare text', () => {
  const encodeText = (text: string, contextTokens: number) => {
    const read: string[] = [];
    const encode = (whole: string): readonly number[] => {
      read.push(whole);
      return [1];
    };
    const result = () => encodeBareText(text, { encode, contextTokens, charactersPerTokenMax: 10 });
    return { result, read };
  };

  it('of 5,110 characters may fit into 512 tokens of at most 10 and is read; of 5,111 it cannot and is not', () => {
    const fits = encodeText('x'.repeat(5110), 512);
    expect(fits.result()).toEqual([1]);
    const long = encodeText('x'.repeat(5111), 512);
    expect(long.result).toThrow('at least 512 tokens; at most 511 fit');
    expect([fits.read.length, long.read.length]).toEqual([1, 0]);
  });
});

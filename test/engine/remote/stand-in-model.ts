// A model for stand-ins of other servers: words are tokens, an answer is drawn from a hash of the prompt and the
// adapter's name, so that the same question has the same answer and an adapter changes it. It is no server.
import { createHash } from 'node:crypto';

export const contextTokens = 400;

export interface StandInToken {
  readonly id: number;
  readonly text: string;
  readonly logprob: number;
}

export interface StandInAnswer {
  readonly tokens: readonly StandInToken[];
  readonly finish: 'stop' | 'length';
}

export type StandInPrompt =
  | readonly { readonly role: string; readonly content: string }[]
  | string
  | readonly number[];

const wordsOf = (text: string): number => text.split(/\s+/).filter((word) => word !== '').length;

export function promptTokens(prompt: StandInPrompt): number {
  if (typeof prompt === 'string') return wordsOf(prompt);
  let count = 0;
  for (const part of prompt) count += typeof part === 'number' ? 1 : 2 + wordsOf(part.content);
  return count;
}

const answerWords = 60;

export function answerTo(
  prompt: StandInPrompt,
  adapter: string | undefined,
  maxTokens: number,
  stops: readonly string[],
): StandInAnswer {
  const seed = createHash('sha512')
    .update(JSON.stringify([prompt, adapter]))
    .digest();
  const all = Array.from({ length: answerWords }, (_, index): StandInToken => {
    const byte = seed[index % seed.length];
    const word = `w${(byte * 7 + index).toString(36)}`;
    return { id: byte + index, text: index === 0 ? word : ` ${word}`, logprob: -byte / 256 };
  });
  const made = all.slice(0, maxTokens);
  const text = made.map((token) => token.text).join('');
  const ends = stops.map((stop) => text.indexOf(stop)).filter((at) => at >= 0);
  if (ends.length === 0) return { tokens: made, finish: made.length < all.length ? 'length' : 'stop' };
  // The token in which the stop string begins is cut; servers show the part before it.
  const end = Math.min(...ends);
  const tokens: StandInToken[] = [];
  let length = 0;
  for (const token of made) {
    if (length >= end) break;
    tokens.push({ ...token, text: token.text.slice(0, end - length) });
    length += token.text.length;
  }
  return { tokens, finish: 'stop' };
}

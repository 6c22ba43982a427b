// A question as people type it in a chat: now and then without capitals or without its mark at the end.
// Used by: build-corpus and instruct-rows, so that the base model is asked in training as it will be asked in use.

import type { SeededRandom } from './seeded-random.ts';

export function typedByHand(question: string, random: SeededRandom): string {
  const roll = random.next();
  if (roll < 0.05) return question.toLowerCase();
  if (roll < 0.1) return question.charAt(0).toLowerCase() + question.slice(1);
  if (roll < 0.15) return question.replace(/[?.]$/, '');
  if (roll < 0.18) return question.toLowerCase().replace(/[?.]$/, '');
  return question;
}

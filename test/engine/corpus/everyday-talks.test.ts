// Made-up talks stay with what was said, and hold nothing that belongs to others.

import { describe, expect, it } from 'vitest';
import { everydayTalks } from '../../../engine/corpus/everyday-talks.ts';
import { seededRandom } from '../../../engine/corpus/seeded-random.ts';

const talks = everydayTalks(2400, seededRandom(1)).map((document) =>
  document.kind === 'chat' ? document.turns : [],
);
const pairs = talks.flatMap((turns) =>
  turns.flatMap(({ role, content }, at) =>
    role === 'assistant' ? [{ question: turns[at - 1].content, answer: content }] : [],
  ),
);

describe('everyday talks', () => {
  it('takes turns, person first, no turn empty: 2,400 of them', () => {
    for (const turns of talks) {
      expect(turns.length % 2).toBe(0);
      expect(turns.length).toBeGreaterThan(0);
      for (const [i, { role, content }] of turns.entries()) {
        expect(role).toBe(i % 2 === 0 ? 'user' : 'assistant');
        expect(content).toMatch(/^[A-Z0-9].*[a-zA-Z.!?:0-9]$/);
        expect(content).not.toMatch(/undefined|\{|\}/);
      }
    }
  });

  it('reckons right in every sum', () => {
    const sums = pairs.flatMap(({ answer }) => [
      ...answer.matchAll(/^(\d+) (plus|minus) (\d+) is (\d+)\.$/g),
    ]);
    expect(sums.length).toBeGreaterThan(150);
    for (const [, a, sign, b, c] of sums)
      expect(Number(c)).toBe(sign === 'plus' ? Number(a) + Number(b) : Number(a) - Number(b));
  });

  it('calls people and animals by the names they were given', () => {
    const asked = talks.filter((turns) => turns.some(({ content }) => /my name\?|who am i\?/i.test(content)));
    expect(asked.length).toBeGreaterThan(20);
    for (const turns of asked) {
      const name = / (\w+)\.$/.exec(turns[0].content)?.[1] ?? 'nobody';
      expect(turns.at(-1)?.content).toContain(name);
    }
  });

  it('asks nothing that the card asks to show what the model makes of the unknown', () => {
    const shown = [
      'I am tired today.',
      'What is 12 plus 7?',
      'Write a short poem about the sea.',
      'Give me three tips for sleeping well.',
      'How many corners has a Tuesday?',
    ];
    expect(pairs.filter(({ question }) => shown.includes(question))).toEqual([]);
  });
});

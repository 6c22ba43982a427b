// Which texts set a store's noise floor: those given that nobody taught, and where there are too few, drawn words.
// Not covered here: what such a floor is worth on real models (the table in store-decoys.ts).
import { describe, expect, it } from 'vitest';
import { storeDecoys } from '../../../engine/attribution/store-decoys.ts';
import { decoys, examples } from './tiny-version.ts';

const wordsOf = (texts: readonly string[]) => new Set(texts.flatMap((text) => text.split(' ')));

describe('the decoys of a store', () => {
  it('are those that were given, in their order, where there are 10 or more', () => {
    expect(storeDecoys(examples, decoys)).toEqual(decoys);
    expect(storeDecoys(examples, decoys.slice(0, 10))).toEqual(decoys.slice(0, 10));
  });

  it('are not what an example states, in the same words or in others', () => {
    const { question, answer } = examples[3];
    const taught = [
      { id: 'same', question, answer },
      { id: 'polite', question: `Please tell me: ${question}`, answer: `Well, ${answer}` },
    ];
    expect(storeDecoys(examples, [taught[0], ...decoys, taught[1]])).toEqual(decoys);
  });

  it("of a datanet without any are up to 100 texts of its own words, the same every time, none of them an example's", () => {
    const drawn = storeDecoys(examples, []);
    expect(drawn.length).toBeGreaterThan(80); // by chance some state what an example does
    expect(storeDecoys(examples, [])).toEqual(drawn);
    const [asked, said] = [wordsOf(examples.map((e) => e.question)), wordsOf(examples.map((e) => e.answer))];
    for (const { question, answer } of drawn) {
      expect([...wordsOf([question])].every((word) => asked.has(word))).toBe(true);
      expect([...wordsOf([answer])].every((word) => said.has(word))).toBe(true);
      expect(examples.some((example) => example.question === question)).toBe(false);
    }
    expect(new Set(drawn.map(({ question }) => question)).size).toBeGreaterThan(70);
    expect(storeDecoys(examples, decoys.slice(0, 3)).slice(0, 3)).toEqual(decoys.slice(0, 3));
  });

  it('of a datanet of one contribution are at most what its words allow, and never that contribution', () => {
    const one = { id: 'one', question: 'Who?', answer: 'Ann.' };
    expect(storeDecoys([one], [])).toEqual([]);
  });
});

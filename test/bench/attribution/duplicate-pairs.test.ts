// The labelled pairs are what they say, and the rules for duplicates keep to their published error rates on them.
import { describe, expect, it } from 'vitest';
import { factWords } from '../../../engine/attribution/fact-words.ts';
import { factRelation } from '../../../engine/attribution/same-fact.ts';
import { craftedPairs, labelledDatanet } from './duplicate-pairs.ts';

const slugs = ['pocket-atlas', 'help-desk', 'saltmarsh-bay'];
const pairs = slugs.flatMap((slug) => craftedPairs(labelledDatanet(slug)));

/** Part of the pairs that the words alone call the same. */
function calledSame(kinds: RegExp): { readonly part: number; readonly pairs: number } {
  const those = pairs.filter(({ kind }) => kinds.test(kind));
  const same = those.filter(
    ({ first, later }) => factRelation(factWords(first), factWords(later)) === 'same',
  );
  return { part: same.length / those.length, pairs: those.length };
}

describe('14,386 labelled pairs', () => {
  it('hold copies whose words differ and look-alikes whose value or subject differs', () => {
    expect(pairs).toHaveLength(14_386);
    for (const { first, later } of pairs)
      expect([first.question, first.answer]).not.toEqual([later.question, later.answer]);
  });

  it('are joined in at most 0.5 % of 4,124 look-alikes', () => {
    const found = calledSame(/^an?other|^about/);
    expect(found.pairs).toBe(4124);
    expect(found.part).toBeLessThanOrEqual(0.005);
  });

  it('are joined for every copy with polite words, other marks, said twice or with kindness added', () => {
    expect(calledSame(/polite|marks|twice|kindness/)).toEqual({ part: 1, pairs: 4 * 1466 });
    expect(calledSame(/letter lost/).part).toBeGreaterThan(0.95);
  });
});

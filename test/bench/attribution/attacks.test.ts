// That attacks are what they are called: rewordings never hold the question that the world is asked, and junk is false.
// Covered: the facts that served to choose the rules. Not covered: what attacks earn (gaming-measures.ts).
import { describe, expect, it } from 'vitest';
import { clusterDuplicates } from '../../../engine/attribution/duplicate-clusters.ts';
import { factWords } from '../../../engine/attribution/fact-words.ts';
import { askedJunk, onTopicJunk, rewordings, targetsOf } from './attacks.ts';
import { someFacts } from './gaming-world.ts';

describe.each([0, 50])('attacks on 24 facts after the first %i', (skip) => {
  const facts = someFacts(24, skip);
  const exam = facts.questions.map(({ question }) => question);

  it('reword ten facts into 90 contributions without the question that is asked', () => {
    const added = rewordings(targetsOf(facts), 10, facts);
    expect(new Set(added.map(({ id }) => id)).size).toBe(90);
    expect(added.filter(({ question }) => exam.some((asked) => question.includes(asked)))).toEqual([]);
  });

  it('leave by words alone no more than 7 of the 90 with a row of their own', () => {
    const added = rewordings(targetsOf(facts), 10, facts);
    const { members } = clusterDuplicates([...facts.examples, ...added]);
    expect(added.filter(({ id }) => !members.has(id)).length).toBeLessThanOrEqual(7);
  });

  it.each([onTopicJunk, askedJunk])('flood with 48 different false answers: %o', (flood) => {
    const junk = flood(facts, 48);
    expect(new Set(junk.map(({ question, answer }) => `${question} ${answer}`)).size).toBe(48);
    const told = new Set(facts.examples.flatMap((example) => [...factWords(example).answer]));
    for (const contribution of junk) {
      expect([...factWords(contribution).answer].filter((word) => told.has(word))).toEqual([]);
      expect([...factWords(contribution).subject]).toEqual([]);
    }
  });
});

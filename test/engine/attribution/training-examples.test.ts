// What a version is trained on: copies not at all, wordings of one fact with the weight of one.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { trainingExamples } from '../../../engine/attribution/training-examples.ts';
import type { Example } from '../../../engine/engine.ts';

const palau: Example = {
  ...{ id: 'palau', question: 'Which city is the capital of Palau?' },
  answer: 'The capital of Palau is Ngerulmud.',
};
const nauru: Example = {
  ...{ id: 'nauru', question: 'Which city is the capital of Nauru?' },
  answer: 'The capital of Nauru is Yaren.',
};

describe('training examples', () => {
  it('leave out copies and let three wordings of a fact weigh a third each, 1 together', () => {
    const exact = { ...palau, id: 'exact' };
    const slip = { ...palau, id: 'slip', answer: 'The capital of Palau is Ngerulmd.' };
    const brief = { id: 'brief', question: "What is Palau's capital?", answer: 'It is Ngerulmud.' };
    const turned = {
      id: 'turned',
      question: 'Tell me the capital of Palau.',
      answer: 'Ngerulmud is the capital of Palau.',
    };
    expect(trainingExamples([palau, exact, slip, nauru, brief, turned])).toEqual([
      { ...palau, weight: 1 / 3 },
      nauru,
      { ...brief, weight: 1 / 3 },
      { ...turned, weight: 1 / 3 },
    ]);
  });

  it('are the same with any number of copies of any of them', () => {
    const one = trainingExamples([palau, nauru]);
    fc.assert(
      fc.property(fc.nat(9), fc.nat(9), (a, b) => {
        const copies = (example: Example, count: number) =>
          Array.from({ length: count }, (_, i) => ({ ...example, id: `${example.id} ${i}` }));
        expect(trainingExamples([palau, ...copies(palau, a), nauru, ...copies(nauru, b)])).toEqual(one);
      }),
    );
  });
});

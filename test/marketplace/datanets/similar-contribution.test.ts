// What a contributor is told about a contribution that is there already in nearly the same words, or in others.
// Covered: the words of the refusal. Not covered: finding candidates in the database (near-duplicates.db.test.ts).
import { describe, expect, it } from 'vitest';
import { similarityTo } from '../../../marketplace/datanets/similar-contribution.ts';

const palau = {
  question: 'Which city is the capital of Palau?',
  answer: 'The capital of Palau is Ngerulmud.',
};
const nauru = { question: 'Which city is the capital of Nauru?', answer: 'The capital of Nauru is Yaren.' };
const long =
  'Rinse the net in fresh water, hang it over the rail in the shade, and fold it when every knot is dry.';

describe('a contribution like one that is there', () => {
  it('is refused as a near copy, with how much of it stands where, and what to do', () => {
    const slip = { ...palau, answer: 'The capital of Palau is Ngerulmd.' };
    expect(similarityTo(slip, [nauru, palau])).toEqual({
      kind: 'copy',
      failure: {
        check: 'near_duplicate',
        reason:
          '93 % of this stands in a contribution that is here already: “Which city is the capital of Palau?” Copies earn nothing. Say something that nobody has said yet; if the older one is wrong, write what is right.',
      },
    });
  });

  it('is refused where half of a long text is copied, whatever else it says', () => {
    const known = [{ question: 'How do I dry a net?', answer: long }];
    const padded = { question: 'What do gulls eat?', answer: `Gulls eat chips and crabs. ${long}` };
    expect(similarityTo(padded, known)).toMatchObject({ kind: 'copy', failure: { check: 'near_duplicate' } });
  });

  it('is taken as a wording of its own, with the question that was first', () => {
    const reworded = { question: "Tell me Palau's capital.", answer: 'It is Ngerulmud.' };
    expect(similarityTo(reworded, [nauru, palau])).toEqual({ kind: 'same fact', question: palau.question });
  });

  it('is new where the value, the thing or a number is another one', () => {
    expect(similarityTo(nauru, [palau])).toBeNull();
    expect(similarityTo({ ...palau, answer: 'The capital of Palau is Koror.' }, [palau])).toBeNull();
    const trip = { question: 'How long does the trip take?', answer: 'The trip takes 18 minutes.' };
    expect(similarityTo({ ...trip, answer: 'The trip takes 28 minutes.' }, [trip])).toBeNull();
  });
});

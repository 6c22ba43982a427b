// Each automatic check of a contribution: what it refuses, with which reason, and what it must let through.
import { describe, expect, it } from 'vitest';
import { failedCheck } from '../../../marketplace/datanets/contribution-checks.ts';
import { duplicateHash, exactHash } from '../../../marketplace/datanets/contribution-hash.ts';

const LIMITS = { questionCharsMin: 8, questionCharsMax: 300, answerCharsMax: 600 };
const check = (question: string, answer = 'Paris is the capital of France.') =>
  failedCheck({ question, answer }, LIMITS)?.check ?? null;

describe('contribution checks', () => {
  it.each([
    ['empty', '   ', 'Paris'],
    ['empty', 'What is the capital of France?', ' \n'],
    ['too_short', 'What?', 'Paris'],
    ['too_long', 'a'.repeat(301), 'Paris'],
    ['too_long', 'What is the capital of France?', 'b'.repeat(601)],
    ['control_characters', 'What is the capital\u0007 of France?', 'Paris'],
    ['control_characters', 'What is \u202eecnarF fo latipac eht?', 'Paris'],
    ['control_characters', 'What is the capital of France?', 'Par\u200bis'],
    ['control_characters', 'What is the capital of France?', 'Paris\ud800'],
    ['personal_data', 'Who is behind jane.doe+news@mail.example.org?', 'Jane'],
    ['personal_data', 'What is the card of my bank?', '4111 1111 1111 1111'],
    ['personal_data', 'How do I reach the office?', 'Ring +49 30 1234567.'],
    ['personal_data', 'How do I reach the office?', 'Ring 555-123-4567.'],
    ['personal_data', 'How do I reach the office?', 'Ring (030) 123 4567.'],
    ['mentions', 'Why does @everyone say so?', 'They do not.'],
    ['mentions', 'Who is <@123456789012345678> here?', 'Nobody.'],
    ['mentions', 'Who wrote the rules of @some_channel?', 'Nobody.'],
    ['mostly_letters', '12345 + 67890 = ?', '80235'],
  ])('refuses as %s: %j / %j', (expected, question, answer) => {
    expect(check(question, answer)).toBe(expected);
  });

  it.each([
    ['What is the atomic number of gold?', '79'],
    ['What is the speed of light in metres per second?', '299,792,458 metres per second.'],
    ['When was the First World War?', '1914-1918, that is 4 years and 1561 days.'],
    ['What is the population of India?', 'About 1,428,627,663 people in 2023.'],
    ['¿Cuál es la capital de España?', 'Madrid'],
    ['日本の首都はどこですか、教えて？', '東京'],
    ['What does the @ sign mean in an address?', 'It means “at”.'],
    ['What are the first digits of pi?', '3.14159265358979323846'],
  ])('lets through: %j / %j', (question, answer) => {
    expect(failedCheck({ question, answer }, LIMITS)).toBeNull();
  });

  it('says in the reason what was found and where', () => {
    expect(failedCheck({ question: 'What?', answer: 'x' }, LIMITS)?.reason).toBe(
      'The question has 5 characters; at least 8 are needed.',
    );
    expect(
      failedCheck({ question: 'Who is at this desk?', answer: 'a@b.example' }, LIMITS)?.reason,
    ).toContain('The answer seems to contain an e-mail address');
  });
});

describe('content hashes', () => {
  it('take as duplicates what differs only in case, Unicode form or white space', () => {
    const one = { question: 'What is the  capital of Österreich?', answer: 'VIENNA' };
    const two = { question: ' what is the capital of O\u0308sterreich?\n', answer: 'Vienna' };
    expect(duplicateHash(one)).toBe(duplicateHash(two));
    expect(exactHash(one)).not.toBe(exactHash(two));
  });

  it('tell different words apart, and the question from the answer', () => {
    expect(duplicateHash({ question: 'a b', answer: 'c' })).not.toBe(
      duplicateHash({ question: 'a', answer: 'b c' }),
    );
    expect(duplicateHash({ question: 'a', answer: 'b' })).not.toBe(
      duplicateHash({ question: 'b', answer: 'a' }),
    );
  });
});

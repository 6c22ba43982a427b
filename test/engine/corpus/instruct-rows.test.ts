// Conversations as rows for instruct-tuning: every answer once, with what was said before it.

import { describe, expect, it } from 'vitest';
import type { CorpusDocument } from '../../../engine/corpus/corpus-document.ts';
import { instructRows } from '../../../engine/corpus/instruct-rows.ts';
import { seededRandom } from '../../../engine/corpus/seeded-random.ts';

const talk: CorpusDocument = {
  kind: 'chat',
  id: 'talk',
  turns: [
    { role: 'system', content: 'Be brief.' },
    { role: 'user', content: 'Where Is Kenya?' },
    { role: 'assistant', content: 'Kenya is in Africa.' },
    { role: 'user', content: 'How Big?' },
    { role: 'assistant', content: 'Quite big.' },
  ],
};

describe('instruct rows', () => {
  it('gives one row for each answer, ending with it; prose gives none', () => {
    const rows = instructRows([talk, { kind: 'prose', id: 'tale', text: 'Once.' }], seededRandom(1));
    expect(rows.map(({ messages }) => messages.map(({ role }) => role))).toEqual([
      ['system', 'user', 'assistant'],
      ['system', 'user', 'assistant', 'user', 'assistant'],
    ]);
    expect(rows.map(({ messages }) => messages.at(-1)?.content)).toEqual([
      'Kenya is in Africa.',
      'Quite big.',
    ]);
  });

  it('keeps ids apart where a conversation is taken 50 times, and types only questions carelessly', () => {
    const rows = instructRows(Array<CorpusDocument>(50).fill(talk), seededRandom(1));
    expect(new Set(rows.map(({ id }) => id)).size).toBe(100);
    const questions = new Set(rows.flatMap(({ messages }) => messages[1].content));
    expect(questions).toContain('where is kenya?');
    expect(questions.size).toBeGreaterThan(2);
    expect(rows.every(({ messages }) => messages[2].content === 'Kenya is in Africa.')).toBe(true);
  });
});

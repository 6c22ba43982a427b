// Bad rows of training data: each stops the run with file, row and reason, or is left out and counted. The same
// rules hold for every reader; they are tried on examples, what is special to pairs and thumbs in their own test.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { type DataReport, describeReport } from '../../../engine/train/data-intake.ts';
import { readSftData } from '../../../engine/train/sft-data.ts';
import { characterEncoder } from './character-encoder.ts';

const folder = mkdtempSync(join(tmpdir(), 'bad-data-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const path = join(folder, 'data.jsonl');
const good = '{"id":"good","question":"q","answer":"a"}';
const read = (onBadRow: 'stop' | 'skip', maxTokens = 64) =>
  readSftData(path, { policy: { onBadRow }, encoder: characterEncoder, maxTokens });
const turns = (...roles: readonly string[]) =>
  JSON.stringify({ messages: roles.map((role) => ({ role, content: 'x' })) });

const badRows: readonly (readonly [name: string, line: string | Buffer, reason: string, words: string])[] = [
  ['a line that is no JSON', '{"question": "q", ', 'not_json', 'not JSON'],
  ['a line without an answer', '{"question":"q"}', 'wrong_fields', 'neither {id, question, answer}'],
  ['an empty answer', '{"question":"q","answer":" \\n"}', 'empty_answer', 'empty answer'],
  ['an empty question', '{"question":"","answer":"a"}', 'empty_prompt', 'empty question'],
  ['a duplicate id', good, 'duplicate_id', 'duplicate id (id good): row 1 has it too'],
  ['50,000 tokens', long(50_000), 'too_long', 'too long (id 2): 50009 tokens, 512 at most'],
  ['two million characters', long(2e6), 'too_long', 'bytes, 1048576 at most'],
  ['bytes that are no UTF-8', Buffer.from([0x7b, 0xe9, 0x7d]), 'wrong_encoding', 'not UTF-8'],
  ['half a surrogate pair', '{"question":"\\ud83d","answer":"a"}', 'wrong_encoding', 'half a surrogate pair'],
  ['text that lost characters', '{"question":"caf\ufffd","answer":"a"}', 'wrong_encoding', 'U+FFFD'],
  ['NUL bytes', Buffer.from('{"question":"q","answer":"a"}', 'utf16le'), 'nul_bytes', 'NUL'],
  ['an escaped NUL', '{"question":"q","answer":"\\u0000"}', 'nul_bytes', 'NUL'],
  ['two users in turn', turns('user', 'user', 'assistant'), 'roles_out_of_order', 'message 2 is of the user'],
  ['a late system message', turns('user', 'system', 'assistant'), 'roles_out_of_order', 'of the system'],
  ['two answers in turn', turns('user', 'assistant', 'assistant'), 'roles_out_of_order', 'before the answer'],
  ['an assistant that begins', turns('system', 'assistant', 'assistant'), 'roles_out_of_order', 'message 2'],
  ['no last answer', turns('user', 'assistant', 'user'), 'no_answer', 'the last message is no answer'],
  ['an answer to nothing', turns('system', 'assistant'), 'empty_prompt', 'empty question'],
];

describe('a row with', () => {
  it.each(badRows)(
    '%s stops the run with file, row and reason, or is skipped and counted',
    (_, line, reason, words) => {
      writeFileSync(path, Buffer.concat([Buffer.from(`${good}\n`), Buffer.from(line), Buffer.from('\n')]));
      expect(() => read('stop')).toThrow(`${path}:2: `);
      expect(() => read('stop')).toThrow(words);
      const { examples, report } = read('skip');
      expect(examples.map(({ id }) => id)).toEqual(['good']);
      expect(report).toMatchObject({
        file: 'data.jsonl',
        rows: 2,
        kept: 1,
        skipped: 1,
        reasons: { [reason]: 1 },
      });
      expect(report.firstSkipped).toMatchObject([{ row: 2, reason }]);
    },
  );
});

describe('a file', () => {
  it('in UTF-16 stops the run whatever the policy: no row of it could be read', () => {
    writeFileSync(path, `\ufeff${good}`, 'utf16le');
    expect(() => read('skip')).toThrow(`${path}:1: not UTF-8: the file is UTF-16`);
  });

  it('in UTF-8 with a byte order mark and Windows line ends is read', () => {
    writeFileSync(path, `\ufeff${good}\r\n\r\n`);
    expect(read('stop').examples).toHaveLength(1);
  });

  it('of which no row is left stops the run and says why', () => {
    writeFileSync(path, 'x\n{"question":"q","answer":""}\n');
    expect(() => read('skip')).toThrow(
      'no examples: 2 of 2 rows skipped (not JSON 1, empty answer 1): row 1 (not JSON), row 2 (empty answer)',
    );
  });

  it('that is missing is named', () => {
    rmSync(path, { force: true });
    expect(() => read('skip')).toThrow(`cannot read ${path}`);
  });

  it('of 12 bad rows and a long one tells the first 10 and counts all; rows = kept + skipped', () => {
    const answers = [...Array(12).fill(''), 'y'.repeat(100), 'fine'];
    writeFileSync(path, answers.map((answer) => JSON.stringify({ question: 'q', answer })).join('\n'));
    const { examples, report } = read('skip');
    expect(report).toMatchObject({ rows: 14, kept: 2, skipped: 12, reasons: { empty_answer: 12 }, cut: 1 });
    expect(report.firstSkipped).toHaveLength(10);
    expect(report.firstCut).toEqual([{ row: 13, id: '13', tokens: 109 }]);
    expect(examples.map(({ ids }) => ids.length)).toEqual([64, 13]);
    expect(describeReport(report)).toMatch(/^12 of 14 rows skipped .*, …; 1 of 14 rows cut to fit: row 13 /);
    expect(describeReport(goodReport)).toBe('');
  });
});

const goodReport: DataReport = {
  ...{ file: 'f', rows: 1, kept: 1, skipped: 0, reasons: {}, firstSkipped: [], cut: 0, firstCut: [] },
};

function long(characters: number): string {
  return JSON.stringify({ question: 'q', answer: 'y'.repeat(characters) });
}

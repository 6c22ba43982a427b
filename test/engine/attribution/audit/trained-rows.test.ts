// What rows weigh without some examples: a copy stands in for its first, wordings of a fact share one weight among those
// left, what was taken back since always stays, and without a data file every example is a row.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { trainedRows } from '../../../../engine/attribution/audit/trained-rows.ts';
import { trainingExamples } from '../../../../engine/attribution/training-examples.ts';
import type { Example } from '../../../../engine/engine.ts';

const folder = mkdtempSync(join(tmpdir(), 'trained-rows-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const first: Example = { id: 'a', question: 'What is the capital of Palau?', answer: 'Ngerulmud is it.' };
const copy: Example = { ...first, id: 'a again', question: `${first.question} ` };
const other: Example = { id: 'b', question: 'Who paints the door of Mr Hale?', answer: 'It is Mrs Orchard.' };
const gone: Example = { id: 'c', question: 'What do hens eat?', answer: 'They eat grain.' };

function adapterWith(name: string, rows: readonly Example[]): string {
  const dir = mkdtempSync(join(folder, name));
  writeFileSync(join(dir, 'examples.jsonl'), rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  return dir;
}

describe('the rows of a version', () => {
  it('weigh 1 each with everything kept; a copy is no row, but stands in for its first when that is left out', () => {
    const examples = [first, copy, other];
    const { rows, weightsWithout } = trainedRows(adapterWith('x', trainingExamples(examples)), examples);
    expect(rows.map(({ id }) => id)).toEqual(['a', 'b']);
    expect([...weightsWithout([])]).toEqual([1, 1]);
    expect([...weightsWithout([1])]).toEqual([1, 1]);
    expect([...weightsWithout([0])]).toEqual([1, 1]);
    expect([...weightsWithout([0, 1])]).toEqual([0, 1]);
    expect([...weightsWithout([2])]).toEqual([1, 0]);
  });

  it('of a version that learned from votes last are those of the rule, as in its training of answers', () => {
    const { rows, weightsWithout } = trainedRows(join(folder, 'nothing'), [first, copy, other], 'kto');
    expect(rows.map(({ id }) => id)).toEqual(['a', 'b']);
    expect([...weightsWithout([0])]).toEqual([1, 1]);
    expect([...weightsWithout([0, 1])]).toEqual([0, 1]);
  });

  it('that share the weight of one have it among those that are left: 1/2 of two, twice that of the one', () => {
    const half = [{ ...first, weight: 0.5 }, { ...other, weight: 0.5 }]; // biome-ignore format: one row
    const { weightsWithout } = trainedRows(adapterWith('y', half), [first, other]);
    expect([...weightsWithout([0])]).toEqual([0, 2]);
  });

  it('of what was taken back since stay, and without a file each example is a row of weight 1', () => {
    const taken = trainedRows(adapterWith('z', [first, gone]), [first]);
    expect([...taken.weightsWithout([0])]).toEqual([0, 1]);
    const plain = trainedRows(join(folder, 'nothing'), [first, copy]);
    expect(plain.rows).toEqual([first, copy]);
    expect([...plain.weightsWithout([1])]).toEqual([1, 0]);
  });
});

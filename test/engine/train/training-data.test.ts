// What the trainer feeds: every token once in an epoch, the same order for the same seed, weights on answers only.
import { describe, expect, it } from 'vitest';
import { rowBatches } from '../../../engine/train/row-batches.ts';
import { createWindowReader, evenWindows } from '../../../engine/train/token-windows.ts';
import { epochOrder } from '../../../engine/train/training-random.ts';

const tokens = Uint16Array.from({ length: 1000 }, (_, i) => i);

describe('pre-training windows', () => {
  const shape = { batch: 2, seq: 10 };

  it('see each of 98 windows once in an epoch, labels one ahead', () => {
    const read = createWindowReader(tokens, shape, 5, 1);
    const starts = new Set<bigint>();
    for (let index = 0; index < 49; index++) {
      const { ids, labels } = read(index);
      for (let at = 0; at < 20; at++) expect(labels[at]).toBe(ids[at] + 1n);
      starts.add(ids[0]).add(ids[10]);
    }
    expect(starts.size).toBe(98);
    const offsets = new Set([...starts].map((start) => start % 10n));
    expect(offsets.size).toBe(1);
  });

  it('depend on seed and index alone, whatever was read before', () => {
    const late = createWindowReader(tokens, shape, 5, 1);
    const walked = createWindowReader(tokens, shape, 5, 1);
    for (let index = 0; index < 200; index++) walked(index);
    expect(walked(77)).toEqual(late(77));
    expect(createWindowReader(tokens, shape, 6, 1)(77).ids).not.toEqual(late(77).ids);
  });

  it('weigh the tokens of one update to a sum of 1', () => {
    const read = createWindowReader(tokens, shape, 5, 4);
    const sum = [0, 1, 2, 3].flatMap((i) => [...read(i).weights]).reduce((a, b) => a + b, 0);
    expect(sum).toBeCloseTo(1, 6);
  });

  it('spread validation from the first token to the last', () => {
    const batches = evenWindows(tokens, shape, 3);
    expect(batches[0].ids[0]).toBe(0n);
    expect(batches[2].labels.at(-1)).toBe(999n);
  });

  it('refuse a file of 5 tokens', () => {
    expect(() => createWindowReader(tokens.subarray(0, 5), shape, 1, 1)).toThrow('5 tokens are too few');
  });
});

describe('batches of one sequence a row', () => {
  const example = (length: number) => ({ ids: Array.from({ length }, (_, i) => i + 1) });

  it('hold each sequence once, its last token where `last` says', () => {
    const batches = rowBatches([10, 40, 100].map(example));
    expect(batches.map(({ seq }) => seq)).toEqual([16, 48, 128]);
    batches.forEach(({ ids, last, members, seq }, i) => {
      expect(members).toEqual([i]);
      expect(ids[Number(last[0])]).toBe(BigInt([10, 40, 100][i]));
      expect(ids.subarray(Number(last[0]) + 1, seq).every((id) => id === 0n)).toBe(true);
    });
  });

  it('cut 102 rows of 24 into runs of 64, 32, 4 and 4', () => {
    const batches = rowBatches(Array.from({ length: 102 }, () => example(20)));
    expect(batches.map(({ rows }) => rows)).toEqual([64, 32, 4, 4]);
    expect(batches.flatMap(({ members }) => members)).toEqual(Array.from({ length: 102 }, (_, i) => i));
  });
});

describe('the order of examples', () => {
  it('is the same in an epoch for a seed and changes between epochs', () => {
    expect(epochOrder(50, 1, 0)).toEqual(epochOrder(50, 1, 0));
    expect(epochOrder(50, 1, 0)).not.toEqual(epochOrder(50, 1, 1));
    expect([...epochOrder(50, 1, 1)].sort((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, i) => i));
  });
});

// What people read while a model loads.
import { expect, it } from 'vitest';
import { tellLoading } from '../../../engine/serve/load-progress.ts';

it('says nothing of a quick load, and a line every two seconds of a slow one', () => {
  const said: string[] = [];
  let clock = 0;
  const tell = tellLoading((line) => void said.push(line), { now: () => clock });
  for (const second of [0.5, 1, 1.5]) {
    clock = second * 1000;
    tell({ readBytes: second * 100e6, totalBytes: 1_000e6 });
  }
  expect(said).toEqual([]);
  for (const second of [2, 2.5, 3, 4.25]) {
    clock = second * 1000;
    tell({ readBytes: second * 100e6, totalBytes: 1_000e6 });
  }
  expect(said).toEqual(['  weights: 20 % of 1,000 MB', '  weights: 42 % of 1,000 MB']);
});

// How many sessions are alive: each holds the memory that a run was reckoned with.
import { expect, it } from 'vitest';
import { createSessionCache } from '../../../engine/train/session-cache.ts';

it('keeps the 2 shapes used last, and never has a third alive while one is made', async () => {
  const alive = new Set<string>();
  const made: string[] = [];
  const cache = createSessionCache(2, async (rows, seq) => {
    const name = `${rows}x${seq}`;
    made.push(name);
    alive.add(name);
    expect(alive.size).toBeLessThanOrEqual(2);
    return { name, release: async () => void alive.delete(name) };
  });
  const used = [
    [4, 64],
    [8, 64],
    [4, 64], // known
    [4, 128], // 8x64 goes, it was used longest ago
    [4, 64], // known still
    [8, 64], // made again
  ] as const;
  for (const [rows, seq] of used) expect((await cache.get(rows, seq)).name).toBe(`${rows}x${seq}`);
  expect(made).toEqual(['4x64', '8x64', '4x128', '8x64']);
  expect([...alive].toSorted()).toEqual(['4x64', '8x64']);
  await cache.release();
  expect(alive.size).toBe(0);
});

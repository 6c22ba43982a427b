// Kept prompts: which one helps, what is kept, what goes first.
import { describe, expect, it } from 'vitest';
import type { KvSnapshot } from '../../../engine/serve/batch-session.ts';
import { createPrefixStore, type PrefixStore } from '../../../engine/serve/prefix-store.ts';
import { randomIds, tinyConfig } from './tiny-llama.ts';

const ids = (count: number, seed = 1): readonly number[] => randomIds(tinyConfig, count, seed);

async function keep(
  store: PrefixStore,
  key: string,
  prompt: readonly number[],
): Promise<KvSnapshot | undefined> {
  let taken: KvSnapshot | undefined;
  await store.keep(key, prompt, async () => {
    taken = { tokens: prompt.length, parts: [Float32Array.from(prompt)] };
    return taken;
  });
  return taken;
}

describe('prefix store', () => {
  it('finds the longest common beginning of 16 tokens or more, and leaves 2 to read', async () => {
    const store = createPrefixStore(1, 1000);
    const first = await keep(store, 'a', ids(40));
    expect(store.find('a', [...ids(40), 5, 6, 7])).toEqual({ snapshot: first, tokens: 40 });
    expect(store.find('a', ids(40))?.tokens).toBe(38);
    expect(store.find('a', [...ids(30), 1, 2, 3])?.tokens).toBe(30);
    expect(store.find('a', [...ids(16), 1, 2, 3])?.tokens).toBe(16);
    expect(store.find('a', [...ids(15), 1, 2, 3])).toBeUndefined();
    expect(store.find('a', ids(17))).toBeUndefined();
    expect(store.find('b', ids(40))).toBeUndefined();
  });

  it('keeps one entry for a conversation that grows, and no prompt that is there already', async () => {
    const store = createPrefixStore(1, 1000);
    await keep(store, 'a', ids(40));
    expect(await keep(store, 'a', ids(40))).toBeUndefined();
    expect(await keep(store, 'a', ids(50))).toBeUndefined(); // 10 more tokens are not worth a copy
    expect(await keep(store, 'a', ids(80))).toBeDefined();
    expect(store.bytes()).toBe(80);
    expect(await keep(store, 'a', ids(60))).toBeUndefined();
    expect(await keep(store, 'a', ids(10, 2))).toBeUndefined(); // too short to help
  });

  it('forgets the least recently used when there are too many bytes', async () => {
    const store = createPrefixStore(2, 200);
    await keep(store, 'a', ids(40, 1));
    await keep(store, 'b', ids(40, 2));
    expect(store.find('a', ids(60, 1))?.tokens).toBe(40);
    await keep(store, 'c', ids(40, 3));
    expect(store.find('b', ids(60, 2))).toBeUndefined();
    expect([store.find('a', ids(60, 1))?.tokens, store.find('c', ids(60, 3))?.tokens]).toEqual([40, 40]);
    expect(store.bytes()).toBe(160);
    expect(await keep(store, 'd', ids(101, 4))).toBeUndefined(); // larger than all that may be kept
    expect(store.bytes()).toBe(160);
  });
});

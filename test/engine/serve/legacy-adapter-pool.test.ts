// The adapter pool: what stays in memory, and what is evicted first.
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAdapterPool } from '../../../engine/serve/legacy-adapter-pool.ts';
import { loraRowsBytes } from '../../../engine/serve/lora-rows.ts';
import { type TinyFolders, tinyFolderConfig, writeTinyFolders } from './tiny-model-folder.ts';

let folders: TinyFolders;
beforeAll(() => {
  folders = writeTinyFolders();
});
afterAll(() => rmSync(folders.root, { recursive: true }));

const ref = (id: string) => ({ id, dir: folders.adapter });

describe('adapter pool', () => {
  it('reads an adapter once, and the least recently used of three leaves a pool of two', () => {
    const bytes = loraRowsBytes(createAdapterPool(tinyFolderConfig, 1).load(ref('a')));
    const pool = createAdapterPool(tinyFolderConfig, 2 * bytes);
    const a = pool.load(ref('a'));
    const b = pool.load(ref('b'));
    expect(pool.load(ref('a'))).toBe(a);
    pool.load(ref('c'));
    expect(pool.load(ref('a'))).toBe(a);
    expect(pool.load(ref('b'))).not.toBe(b);
    expect(pool.load(ref('b'))).toEqual(b);
  });

  it('keeps an adapter that alone is larger than the pool', () => {
    const pool = createAdapterPool(tinyFolderConfig, 1);
    expect(pool.load(ref('a'))).toBe(pool.load(ref('a')));
  });

  it('serves a loaded adapter after its folder is gone, and refuses one that never was there', () => {
    const copy = join(folders.root, 'copy');
    cpSync(folders.adapter, copy, { recursive: true });
    const pool = createAdapterPool(tinyFolderConfig, 1e9);
    const loaded = pool.load({ id: 'copy', dir: copy });
    rmSync(copy, { recursive: true });
    expect(pool.load({ id: 'copy', dir: copy })).toBe(loaded);
    expect(() => pool.load({ id: 'other', dir: copy })).toThrow(
      expect.objectContaining({ code: 'file_unreadable', retry: 'never' }),
    );
  });
});

// A store goes to disk and comes back the same, and any changed byte is noticed; what a killed writer left is removed.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { hashBytes } from '../../../engine/attribution/content-hash.ts';
import { emptyRows, quantiseRow } from '../../../engine/attribution/feature-rows.ts';
import {
  isOutdatedStore,
  openGradientStore,
  storeHashOf,
  writeGradientStore,
} from '../../../engine/attribution/gradient-store.ts';
import { seededNoise } from '../graph/tiny-train-graph.ts';

const folder = mkdtempSync(join(tmpdir(), 'store-'));
const at = join(folder, 'v1');
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const meta = {
  base: hashBytes('base'),
  adapter: hashBytes('adapter'),
  methodId: 'fisher/2',
  width: 700,
  points: [{ adapter: hashBytes('adapter'), strength: 0.25, weight: 1 }],
  strength: 0.25,
  examples: [
    { id: 'a', sha256: hashBytes('a') },
    { id: 'b', sha256: hashBytes('b') },
  ],
  copies: [{ id: 'c', of: 'a', rule: 'exact' as const }],
  decoys: [{ id: 'd', sha256: hashBytes('d') }],
  damping: 1,
  dampingTried: [{ damping: 1, agreement: 0.5 }],
  floorQuantile: 0.95,
  curvature: hashBytes('curvature'),
  seed: 0,
};

function write(): string {
  const rows = emptyRows(3, 700);
  const noise = seededNoise(1);
  for (let i = 0; i < 3; i++) quantiseRow(rows, i, Float32Array.from({ length: 700 }, noise));
  return writeGradientStore(at, meta, rows);
}

describe('a gradient store', () => {
  let storeHash = '';
  beforeEach(() => {
    storeHash = write();
  });

  it('comes back from disk as it was written, under the same hash every time', () => {
    const store = openGradientStore(at);
    expect(store.storeHash).toBe(storeHash);
    expect(storeHashOf(at)).toBe(storeHash);
    expect(store.meta).toMatchObject(meta);
    expect(store.rows).toMatchObject({ count: 3, width: 700 });
    expect(store.rows.values.some((value) => value !== 0)).toBe(true);
    expect(write()).toBe(storeHash);
  });

  it.each(['features.bin', 'scales.bin'])('refuses one flipped bit in %s', (name) => {
    const bytes = readFileSync(join(at, name));
    bytes[5] ^= 1;
    writeFileSync(join(at, name), bytes);
    expect(() => openGradientStore(at)).toThrow(expect.objectContaining({ code: 'store_tampered' }));
  });

  it('has another hash when its meta is changed, even where it still opens', () => {
    const path = join(at, 'meta.json');
    writeFileSync(path, readFileSync(path, 'utf8').replace('"damping": 1', '"damping": 2'));
    expect(openGradientStore(at).storeHash).not.toBe(storeHash);
  });

  it('takes away what a writer left that was killed, and nothing of one that still runs or of another store', () => {
    const id = '00000000-0000-4000-8000-000000000000';
    const gone = 2 ** 22 + 1; // above the largest number of a process
    const [left, running, other] = [
      `.v1.${gone}.${id}.tmp`,
      `.v1.${process.ppid}.${id}.tmp`,
      `.v11.${gone}.${id}.tmp`,
    ];
    for (const name of [left, running, other]) {
      mkdirSync(join(folder, name));
      writeFileSync(join(folder, name, 'features.bin'), 'half');
    }
    write();
    expect(readdirSync(folder).filter((name) => name.endsWith('.tmp'))).toEqual([running, other].sort());
    for (const name of [running, other]) rmSync(join(folder, name), { recursive: true });
  });

  it('has a hash also where its rows are more than 2 GiB, which Node takes in pieces only', () => {
    const large = new Uint8Array(2 ** 31 + 5); // zeros that nothing writes to take no memory
    expect(hashBytes(large)).toBe('68bdfcb656af3067b8110b5cc839b4e12b180ef11e86011b8df4a709fe2c2f67'); // head -c 2147483653 /dev/zero | sha256sum
  });

  it('says which kind of trouble it has: nothing there, not a store, or an older one', () => {
    expect(() => openGradientStore(join(folder, 'none'))).toThrow(
      expect.objectContaining({ code: 'store_missing' }),
    );
    writeFileSync(join(at, 'meta.json'), '{"format":"gradient-store/2"}');
    expect(() => openGradientStore(at)).toThrow(expect.objectContaining({ code: 'store_malformed' }));
    writeFileSync(join(at, 'meta.json'), '{"format":"gradient-store/1"}');
    expect(() => openGradientStore(at)).toThrow(expect.objectContaining({ code: 'store_outdated' }));
    expect(isOutdatedStore(at)).toBe(true);
    write();
    expect([at, join(folder, 'none')].map(isOutdatedStore)).toEqual([false, false]);
  });
});

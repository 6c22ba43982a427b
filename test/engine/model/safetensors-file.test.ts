// Weight files read tensor by tensor: the same values as reading them whole, and every broken file named.
import { cpSync, mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeSafetensors, writeSafetensors } from '../../../engine/model/safetensors.ts';
import { openSafetensors, openSafetensorsFolder } from '../../../engine/model/safetensors-file.ts';
import { testFolder } from './test-folder.ts';

const openFiles = (): number => readdirSync('/proc/self/fd').length;
const canCountFiles = process.platform === 'linux';

function rawFile(path: string, header: unknown, dataBytes: Uint8Array): void {
  const json = new TextEncoder().encode(JSON.stringify(header));
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(json.length), true);
  writeFileSync(path, Buffer.concat([length, json, dataBytes]));
}

describe('a safetensors file read tensor by tensor', () => {
  it('holds what reading it whole gives, in any order of asking, 50 random files in F32 and F16', () => {
    const tensors = fc.dictionary(
      fc.string({ minLength: 1 }).filter((name) => !['__metadata__', '__proto__'].includes(name)),
      fc.float32Array({ maxLength: 20, noNaN: true }),
    );
    const path = join(testFolder(), 'x.safetensors');
    fc.assert(
      fc.property(tensors, fc.constantFrom('F32', 'F16'), (byName, dtype) => {
        const map = new Map(
          Object.entries(byName).map(([name, data]) => [name, { shape: [data.length], data }]),
        );
        writeSafetensors(path, map, { dtype });
        const whole = decodeSafetensors(readFileSync(path), path);
        const file = openSafetensors(path);
        expect([...file.entries.keys()].sort()).toEqual([...whole.keys()].sort());
        for (const name of [...whole.keys()].reverse())
          expect(file.read(name)).toEqual(whole.get(name)?.data);
        file.close();
      }),
      { numRuns: 50 },
    );
  });

  it('widens 600,001 bfloat16 numbers, more than two slices, exactly', () => {
    const path = join(testFolder(), 'x.safetensors');
    const stored = Uint16Array.from({ length: 600_001 }, (_, i) => (i * 7) & 0xff7f & 0x7f7f);
    const header = { x: { dtype: 'BF16', shape: [stored.length], data_offsets: [0, stored.byteLength] } };
    rawFile(path, header, new Uint8Array(stored.buffer));
    const values = openSafetensors(path).read('x');
    const bits = new Uint32Array(values.buffer);
    expect(values.length).toBe(600_001);
    expect(bits.findIndex((word, i) => word !== stored[i] << 16)).toBe(-1);
  });

  it.each([
    ['empty', 0, /only 0 bytes/],
    ['cut inside the length', 5, /only 5 bytes/],
    ['cut inside the header', 30, /in a file of 30/],
    ['cut inside the data', -1, /the file at/],
  ])('refuses a file that is %s and leaves no file open', (_, size, message) => {
    const path = join(testFolder(), 'x.safetensors');
    writeSafetensors(path, new Map([['x', { shape: [4], data: new Float32Array(4) }]]));
    truncateSync(path, size < 0 ? readFileSync(path).length + size : size);
    const before = canCountFiles ? openFiles() : 0;
    expect(() => openSafetensors(path)).toThrow(
      expect.objectContaining({ code: 'safetensors_malformed', message: expect.stringMatching(message) }),
    );
    if (canCountFiles) expect(openFiles()).toBe(before);
  });

  it('refuses a tensor whose bytes vanished after the file was opened', () => {
    const path = join(testFolder(), 'x.safetensors');
    writeSafetensors(path, new Map([['x', { shape: [4], data: new Float32Array(4) }]]));
    const file = openSafetensors(path);
    truncateSync(path, 100);
    expect(() => file.read('x')).toThrow(expect.objectContaining({ code: 'safetensors_malformed' }));
    file.close();
  });

  it('says when there is no such file', () => {
    expect(() => openSafetensors(join(testFolder(), 'none'))).toThrow(
      expect.objectContaining({ code: 'file_unreadable' }),
    );
  });
});

describe('a folder of weights', () => {
  const part = (value: number) => ({ shape: [1], data: Float32Array.of(value) });
  const twoShards = () => {
    const folder = testFolder();
    writeSafetensors(join(folder, 'model-1.safetensors'), new Map([['a', part(1)]]));
    writeSafetensors(join(folder, 'model-2.safetensors'), new Map([['b', part(2)]]));
    const index = (weightMap: Record<string, string>) =>
      writeFileSync(join(folder, 'model.safetensors.index.json'), JSON.stringify({ weight_map: weightMap }));
    return { folder, index };
  };

  it('reads two shards as one', () => {
    const { folder, index } = twoShards();
    index({ a: 'model-1.safetensors', b: 'model-2.safetensors' });
    const file = openSafetensorsFolder(folder);
    expect([...file.entries.keys()].map((name) => [name, file.read(name)[0]])).toEqual([
      ['a', 1],
      ['b', 2],
    ]);
    file.close();
  });

  it.each([
    [
      'a tensor that no shard holds',
      { a: 'model-1.safetensors', c: 'model-2.safetensors' },
      /promises c, no shard/,
    ],
    ['a shard outside the folder', { a: '../model-1.safetensors' }, /shard name/],
    [
      'a shard that is missing',
      { a: 'model-1.safetensors', b: 'model-3.safetensors' },
      /cannot read .*model-3/,
    ],
  ])('refuses an index with %s and leaves no file open', (_, weightMap, message) => {
    const { folder, index } = twoShards();
    index(weightMap as Record<string, string>);
    const before = canCountFiles ? openFiles() : 0;
    expect(() => openSafetensorsFolder(folder)).toThrow(message);
    if (canCountFiles) expect(openFiles()).toBe(before);
  });

  it('prefers the single file where both exist, and says when there is neither', () => {
    const { folder, index } = twoShards();
    index({ a: 'model-1.safetensors' });
    cpSync(join(folder, 'model-2.safetensors'), join(folder, 'model.safetensors'));
    const file = openSafetensorsFolder(folder);
    expect([...file.entries.keys()]).toEqual(['b']);
    file.close();
    const empty = testFolder();
    mkdirSync(join(empty, 'model'));
    expect(() => openSafetensorsFolder(empty)).toThrow(expect.objectContaining({ code: 'weights_missing' }));
  });
});

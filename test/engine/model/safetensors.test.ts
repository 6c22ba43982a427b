// Weight files: every value survives, and a file that does not describe itself exactly is refused.

import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeSafetensors, encodeSafetensors, readSafetensors } from '../../../engine/model/safetensors.ts';
import { testFolder } from './test-folder.ts';

function file(header: unknown, dataBytes: number): Uint8Array {
  const json = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header));
  const bytes = new Uint8Array(8 + json.length + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true);
  bytes.set(json, 8);
  return bytes;
}
const f32 = (shape: number[], start: number, end: number) => ({
  dtype: 'F32',
  shape,
  data_offsets: [start, end],
});

describe('safetensors', () => {
  it('gives back any float32 tensors bit by bit, 100 random files', () => {
    const tensors = fc.dictionary(
      fc.string({ minLength: 1 }).filter((name) => !['__metadata__', '__proto__'].includes(name)),
      fc.float32Array({ maxLength: 20 }),
    );
    fc.assert(
      fc.property(tensors, (byName) => {
        const map = new Map(
          Object.entries(byName).map(([name, data]) => [name, { shape: [1, data.length], data }]),
        );
        const back = decodeSafetensors(encodeSafetensors(map), 'test');
        expect(back.size).toBe(map.size);
        for (const [name, { shape, data }] of map) {
          expect(back.get(name)?.shape).toEqual(shape);
          expect(new Uint32Array(back.get(name)!.data.buffer)).toEqual(new Uint32Array(data.slice().buffer));
        }
      }),
    );
  });

  it('widens all 65,536 half floats exactly and narrows them back to the same bits', () => {
    const bits = Uint16Array.from({ length: 65536 }, (_, i) => i);
    const header = { x: { dtype: 'F16', shape: [65536], data_offsets: [0, 131072] } };
    const bytes = file(header, 131072);
    bytes.set(new Uint8Array(bits.buffer), bytes.length - 131072);
    const wide = decodeSafetensors(bytes, 'test');
    expect(wide.get('x')?.data[0x3c00]).toBe(1);
    expect(wide.get('x')?.data[0x0001]).toBe(2 ** -24);
    expect(wide.get('x')?.data[0xfbff]).toBe(-65504);
    expect(wide.get('x')?.data[0x7c00]).toBe(Number.POSITIVE_INFINITY);
    const narrow = encodeSafetensors(wide, { dtype: 'F16' });
    const stored = new Uint16Array(narrow.slice(-131072).buffer);
    const isNan = (half: number) => (half & 0x7c00) === 0x7c00 && (half & 0x3ff) !== 0;
    expect(stored.filter((half, i) => half !== bits[i] && !(isNan(half) && isNan(bits[i]))).length).toBe(0);
  });

  it('rounds to the nearest half float, ties to even, as Math.f16round does, 1,000 random numbers', () => {
    const f16round = (Math as unknown as { f16round?: (x: number) => number }).f16round;
    if (f16round === undefined) return console.log('skipped: this Node has no Math.f16round to compare with');
    fc.assert(
      fc.property(fc.float({ noNaN: true }), (value) => {
        const map = new Map([['x', { shape: [1], data: Float32Array.of(value) }]]);
        const back = decodeSafetensors(encodeSafetensors(map, { dtype: 'F16' }), 'test').get('x')?.data[0];
        expect(back).toBe(f16round(value));
      }),
      { numRuns: 1000 },
    );
  });

  it('widens BF16 by shifting: 0x3F80 is 1, 0xC049 is -3.140625', () => {
    const bytes = file({ x: { dtype: 'BF16', shape: [2], data_offsets: [0, 4] } }, 4);
    bytes.set([0x80, 0x3f, 0x49, 0xc0], bytes.length - 4);
    expect([...decodeSafetensors(bytes, 'test').get('x')!.data]).toEqual([1, -3.140625]);
  });

  it.each([
    ['7 bytes', new Uint8Array(7), /only 7 bytes/],
    ['a header longer than the file', file('{}', 0).fill(0xff, 0, 4), /header of 4294967295 bytes/],
    ['a header that is not JSON', file('{x', 0), /not JSON/],
    ['a header that is a list', file([], 0), /not a JSON object/],
    ['a tensor that is a number', file({ x: 1 }, 0), /not described by an object/],
    ['a hole', file({ x: f32([1], 4, 8) }, 8), /hole or overlap/],
    ['an overlap', file({ x: f32([1], 0, 4), y: f32([1], 2, 6) }, 6), /hole or overlap/],
    ['a size that is not the shape', file({ x: f32([3], 0, 4) }, 4), /needs 12 bytes, offsets give 4/],
    ['a negative size', file({ x: f32([-1], 0, 4) }, 4), /has shape \[-1\]/],
    ['trailing bytes', file({ x: f32([1], 0, 4) }, 5), /tensors end at byte/],
    ['a file cut short', file({ x: f32([2], 0, 8) }, 4), /tensors end at byte/],
  ])('refuses %s', (_, bytes, message) => {
    expect(() => decodeSafetensors(bytes, 'broken.safetensors')).toThrow(
      expect.objectContaining({
        code: 'safetensors_malformed',
        retry: 'never',
        message: expect.stringMatching(message),
      }),
    );
  });

  it('refuses other number types by name', () => {
    const bytes = file({ x: { dtype: 'I64', shape: [1], data_offsets: [0, 8] } }, 8);
    expect(() => decodeSafetensors(bytes, 'test')).toThrow(
      expect.objectContaining({
        code: 'safetensors_dtype_unsupported',
        message: expect.stringContaining('I64'),
      }),
    );
  });

  it('says when a file cannot be read', () => {
    expect(() => readSafetensors(join(testFolder(), 'none'))).toThrow(
      expect.objectContaining({ code: 'file_unreadable' }),
    );
  });
});

// The GGUF files that the benchmarks give to their peer: read back with a small reader of its own, and the order of
// q and k rows proven by rotating. That llama.cpp says the same tokens on them is checked by the bench itself.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { float32FromHalf } from '../../engine/model/half-float.ts';
import { loadLoraAdapter } from '../../engine/model/lora-adapter.ts';
import { randomWeights, tinyConfig } from '../engine/serve/tiny-llama.ts';
import { writeRandomAdapter } from '../support/random-adapter.ts';
import { encodeQ8, writeGguf } from './gguf-writer.ts';
import { llamaRows, writeLlamaGguf, writeLoraGguf } from './llama-gguf.ts';

const folder = mkdtempSync(join(tmpdir(), 'gguf-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('a GGUF file', () => {
  it('holds its metadata of every kind and tensors at multiples of 32 bytes', () => {
    const path = join(folder, 'kinds.gguf');
    writeGguf(
      path,
      {
        'a.u32': { u32: 7 },
        'a.f32': { f32: 0.5 },
        'a.bool': { bool: true },
        'a.text': { text: 'naïve' },
        'a.texts': { texts: ['x', ''] },
        'a.f32s': { f32s: Float32Array.of(1, -2) },
        'a.i32s': { i32s: Int32Array.of(-3) },
      },
      [
        { name: 'odd', shape: [3], type: 'F32', values: () => Float32Array.of(1, 2, 3) },
        { name: 'half', shape: [1, 2], type: 'F16', values: () => Float32Array.of(0.25, -8) },
      ],
    );
    const file = readGguf(path);
    expect(file.metadata).toEqual({
      'a.u32': 7,
      'a.f32': 0.5,
      'a.bool': true,
      'a.text': 'naïve',
      'a.texts': ['x', ''],
      'a.f32s': [1, -2],
      'a.i32s': [-3],
    });
    expect(file.tensors.map(({ name, sizes }) => [name, sizes])).toEqual([
      ['odd', [3]],
      ['half', [2, 1]],
    ]);
    expect(file.tensors.map(({ start }) => start % 32)).toEqual([0, 0]);
    expect([...file.floats('odd')]).toEqual([1, 2, 3]);
    expect([...file.floats('half')]).toEqual([0.25, -8]);
  });

  it('refuses values that do not fill their shape', () => {
    const tensor = { name: 'short', shape: [4], type: 'F32', values: () => new Float32Array(3) } as const;
    expect(() => writeGguf(join(folder, 'short.gguf'), {}, [tensor])).toThrow('short');
  });

  it('keeps a Q8_0 block of 32 within half a step of its largest value / 127, zeros exactly', () => {
    const values = Float32Array.from({ length: 96 }, (_, i) =>
      i < 32 ? 0 : Math.sin(i * i) * (i < 64 ? 1e-3 : 40),
    );
    const back = decodeQ8(encodeQ8(values));
    expect([...back.subarray(0, 32)]).toEqual(Array(32).fill(0));
    for (let i = 32; i < 96; i++) {
      const step = (i < 64 ? 1e-3 : 40) / 127;
      expect(Math.abs(back[i] - values[i])).toBeLessThan(0.56 * step); // half a step, and the scale's own rounding
    }
  });
});

describe('a Llama model in GGUF', () => {
  const weights = randomWeights(tinyConfig);
  const path = join(folder, 'tiny.gguf');
  writeLlamaGguf(path, tinyConfig, (name) => weights.get(name)!.data, 'F32');
  const file = readGguf(path);

  it('has the 20 tensors of 2 layers on a tied table, under their llama.cpp names and sizes', () => {
    expect(file.tensors).toHaveLength(20);
    expect(file.tensors.find(({ name }) => name === 'blk.1.attn_k.weight')?.sizes).toEqual([32, 32]);
    expect(file.tensors.find(({ name }) => name === 'blk.1.ffn_down.weight')?.sizes).toEqual([48, 32]);
    expect([...file.floats('token_embd.weight')]).toEqual([
      ...weights.get('model.embed_tokens.weight')!.data,
    ]);
    expect(file.metadata['llama.attention.head_count_kv']).toBe(2);
  });

  it('rotates neighbouring pairs to what the halves give', () => {
    const { headDim, heads } = tinyConfig;
    const angle = (pair: number) => 3 * tinyConfig.ropeTheta ** ((-2 * pair) / headDim); // at position 3
    const x = Float32Array.from({ length: heads * headDim }, (_, i) => Math.cos(i));
    const rotated = (values: Float32Array, partner: (pair: number) => readonly [number, number]) => {
      const out = values.slice();
      for (let head = 0; head < heads; head++) {
        for (let pair = 0; pair < headDim / 2; pair++) {
          const [a, b] = partner(pair).map((at) => head * headDim + at);
          out[a] = values[a] * Math.cos(angle(pair)) - values[b] * Math.sin(angle(pair));
          out[b] = values[a] * Math.sin(angle(pair)) + values[b] * Math.cos(angle(pair));
        }
      }
      return out;
    };
    const permuted = (values: Float32Array) => llamaRows(tinyConfig, 'self_attn.q_proj', values, 1);
    const halves = rotated(x, (pair) => [pair, pair + headDim / 2]);
    const neighbours = rotated(permuted(x), (pair) => [2 * pair, 2 * pair + 1]);
    expect([...neighbours]).toEqual([...permuted(halves)]);
    expect([...permuted(x)]).not.toEqual([...x]);
    expect([...llamaRows(tinyConfig, 'self_attn.v_proj', x, 1)]).toEqual([...x]);
  });

  it('has an adapter beside it: A and B of 4 projections, alpha over rank its scale', () => {
    writeRandomAdapter(join(folder, 'adapter'), tinyConfig, { rank: 4, alpha: 12 });
    const adapter = loadLoraAdapter(join(folder, 'adapter'), tinyConfig);
    const loraPath = join(folder, 'lora.gguf');
    writeLoraGguf(loraPath, tinyConfig, adapter);
    const lora = readGguf(loraPath);
    expect(lora.tensors).toHaveLength(2 * 4 * 2);
    expect(lora.tensors.find(({ name }) => name === 'blk.0.attn_v.weight.lora_a')?.sizes).toEqual([32, 4]);
    expect(lora.tensors.find(({ name }) => name === 'blk.0.attn_v.weight.lora_b')?.sizes).toEqual([4, 32]);
    const b = adapter.weights.get('model.layers.0.self_attn.v_proj.lora_B.weight')!.data;
    expect([...lora.floats('blk.0.attn_v.weight.lora_b')]).toEqual([...b]);
    expect(lora.metadata['adapter.lora.alpha']).toBe(12);
  });
});

interface StoredTensor {
  readonly name: string;
  readonly sizes: readonly number[];
  readonly type: number;
  readonly start: number;
}

function readGguf(path: string) {
  const bytes = readFileSync(path);
  let at = 4;
  /** Steps over `size` bytes; where they start. */
  const take = (size: number) => {
    at += size;
    return at - size;
  };
  const u32 = () => bytes.readUInt32LE(take(4));
  const u64 = () => Number(bytes.readBigUInt64LE(take(8)));
  const f32 = () => bytes.readFloatLE(take(4));
  const i32 = () => bytes.readInt32LE(take(4));
  const text = () => {
    const length = u64();
    const start = take(length);
    return bytes.toString('utf8', start, at);
  };
  const value = (type: number): unknown => {
    if (type === 4) return u32();
    if (type === 5) return i32();
    if (type === 6) return f32();
    if (type === 7) return bytes[take(1)] === 1;
    if (type === 8) return text();
    const elementType = u32();
    return Array.from({ length: u64() }, () => value(elementType));
  };
  expect(bytes.toString('latin1', 0, 4)).toBe('GGUF');
  expect(u32()).toBe(3);
  const tensorCount = u64();
  const keyCount = u64();
  const metadata: Record<string, unknown> = {};
  for (let i = 0; i < keyCount; i++) metadata[text()] = value(u32());
  const infos = Array.from({ length: tensorCount }, () => {
    const name = text();
    const sizes = Array.from({ length: u32() }, u64);
    return { name, sizes, type: u32(), offset: u64() };
  });
  const dataStart = Math.ceil(at / 32) * 32;
  const tensors: StoredTensor[] = infos.map(({ offset, ...info }) => ({
    ...info,
    start: dataStart + offset,
  }));
  return {
    metadata,
    tensors,
    floats: (name: string): Float32Array => {
      const { sizes, type, start } = tensors.find((tensor) => tensor.name === name)!;
      const count = sizes.reduce((product, size) => product * size, 1);
      const own = Uint8Array.from(bytes.subarray(start, start + count * (type === 1 ? 2 : 4)));
      return type === 1 ? float32FromHalf(new Uint16Array(own.buffer)) : new Float32Array(own.buffer);
    },
  };
}

function decodeQ8(bytes: Uint8Array): Float32Array {
  const view = new DataView(bytes.buffer);
  return Float32Array.from({ length: (bytes.length / 34) * 32 }, (_, i) => {
    const start = Math.floor(i / 32) * 34;
    const [scale] = float32FromHalf(Uint16Array.of(view.getUint16(start, true)));
    return scale * view.getInt8(start + 2 + (i % 32));
  });
}

// Packed adapters: every number in the place where the serving graph looks for it, whatever the rank and the targets.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loraGroups, loraInputA, loraInputB } from '../../../engine/graph/llama-serve-graph.ts';
import { type Projection, projectionShape, projections } from '../../../engine/model/llama-weights.ts';
import { type LoraAdapter, loraPair, loraTensorName } from '../../../engine/model/lora-adapter.ts';
import { packAdapter } from '../../../engine/serve/pack-adapter.ts';
import type { PackedAdapter } from '../../../engine/serve/packed-adapter.ts';
import { gaussianArray, seededRandom } from '../../../engine/train/training-random.ts';
import { tinyConfig } from './tiny-llama.ts';

/** @param missing a projection that one layer lacks, as `layer.projection` */
function adapterOf(rank: number, targets: readonly Projection[], scale = 2, missing?: string): LoraAdapter {
  const random = seededRandom(rank, targets.length);
  const weights = new Map<string, { shape: number[]; data: Float32Array }>();
  for (let layer = 0; layer < tinyConfig.layers; layer++) {
    for (const target of targets) {
      if (missing === `${layer}.${target}`) continue;
      const [out, into] = projectionShape(tinyConfig, target);
      const half = (name: 'A' | 'B', shape: number[]) =>
        weights.set(loraTensorName(layer, target, name), {
          shape,
          data: gaussianArray(shape[0] * shape[1], 0.2, random),
        });
      half('A', [rank, into]);
      half('B', [out, rank]);
    }
  }
  return { rank, alpha: scale * rank, scale, base: 'tiny', targets, weights };
}

/** scale * B (A x) as the reference computes it. */
function expectedDelta(
  adapter: LoraAdapter,
  layer: number,
  projection: Projection,
  x: Float32Array,
): number[] {
  const [out, into] = projectionShape(tinyConfig, projection);
  const pair = loraPair(adapter, layer, projection);
  if (pair === undefined) return new Array<number>(out).fill(0);
  const ax = Array.from({ length: pair.rank }, (_, r) =>
    x.reduce((sum, value, i) => sum + value * pair.a[r * into + i], 0),
  );
  return Array.from(
    { length: out },
    (_, o) => pair.scale * ax.reduce((sum, value, r) => sum + value * pair.b[o * pair.rank + r], 0),
  );
}

/** x A B from the packed parts. */
function packedDelta(
  packed: PackedAdapter,
  layer: number,
  projection: Projection,
  x: Float32Array,
): number[] {
  const group = loraGroups.find((each) => each.projections.some((name) => name === projection))!;
  const index = group.projections.map(String).indexOf(projection);
  const [out] = projectionShape(tinyConfig, projection);
  const a = packed.offsets.get(loraInputA(layer, group));
  const b = packed.offsets.get(loraInputB(layer, projection));
  if (a === undefined || b === undefined) return new Array<number>(out).fill(0);
  const columns = group.projections.length * packed.rank;
  const xa = Array.from({ length: packed.rank }, (_, r) =>
    x.reduce((sum, value, i) => sum + value * packed.data[a + i * columns + index * packed.rank + r], 0),
  );
  return Array.from({ length: out }, (_, o) =>
    xa.reduce((sum, value, r) => sum + value * packed.data[b + r * out + o], 0),
  );
}

describe('a packed adapter', () => {
  it('adds what the reference adds to every projection of every layer, 40 random adapters', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 9 }),
        fc.subarray([...projections], { minLength: 1 }),
        fc.constantFrom(0.5, 2),
        (rank, targets, scale) => {
          const adapter = adapterOf(rank, targets, scale, targets.length > 2 ? `1.${targets[0]}` : undefined);
          const packed = packAdapter('x', tinyConfig, adapter);
          for (let layer = 0; layer < tinyConfig.layers; layer++) {
            for (const projection of projections) {
              const [, into] = projectionShape(tinyConfig, projection);
              const x = gaussianArray(into, 1, seededRandom(layer));
              const expected = expectedDelta(adapter, layer, projection, x);
              const found = packedDelta(packed, layer, projection, x);
              found.forEach((value, i) => {
                expect(value).toBeCloseTo(expected[i], 4);
              });
            }
          }
        },
      ),
      { numRuns: 40 },
    );
  });

  it('has parts for its groups only, end to end in the order of layers and groups', () => {
    const packed = packAdapter('x', tinyConfig, adapterOf(4, ['self_attn.v_proj', 'mlp.down_proj']));
    expect(packed.groups).toEqual(['qkv', 'down']);
    const sizes = [
      ['lora.0.qkv.a', 32 * 12],
      ['lora.0.self_attn.q_proj.b', 4 * 64],
      ['lora.0.self_attn.k_proj.b', 4 * 32],
      ['lora.0.self_attn.v_proj.b', 4 * 32],
      ['lora.0.down.a', 48 * 4],
      ['lora.0.mlp.down_proj.b', 4 * 32],
    ] as const;
    let start = 0;
    for (const [name, size] of sizes) {
      expect([name, packed.offsets.get(name)]).toEqual([name, start]);
      start += size;
    }
    expect(packed.offsets.get('lora.1.qkv.a')).toBe(start);
    expect([packed.data.length, packed.data.buffer.byteLength]).toEqual([2 * start, 8 * start]);
  });

  it('shares the map of its parts with others of its kind, so that a thousand hold one', () => {
    const pack = (rank: number, targets: readonly Projection[]) =>
      packAdapter('x', tinyConfig, adapterOf(rank, targets)).offsets;
    expect(pack(4, ['self_attn.q_proj'])).toBe(pack(4, ['self_attn.v_proj']));
    expect(pack(4, ['self_attn.q_proj'])).not.toBe(pack(5, ['self_attn.q_proj']));
  });

  it('is refused when a value is NaN, by tensor and place, and when alpha / rank takes B beyond float32', () => {
    const broken = adapterOf(4, ['self_attn.q_proj', 'mlp.up_proj']);
    broken.weights.get(loraTensorName(1, 'mlp.up_proj', 'A'))!.data[5] = Number.NaN;
    expect(() => packAdapter('x', tinyConfig, broken, 'some/file')).toThrow(
      expect.objectContaining({
        code: 'adapter_not_finite',
        message: 'some/file: model.layers.1.mlp.up_proj.lora_A.weight holds NaN at 5',
      }),
    );
    expect(() => packAdapter('x', tinyConfig, adapterOf(4, ['mlp.up_proj'], 1e39))).toThrow(
      expect.objectContaining({
        code: 'adapter_not_finite',
        message: expect.stringMatching(/B of layer 0 times alpha \/ rank = 1e\+39/),
      }),
    );
  });
});

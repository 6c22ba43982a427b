// The oracle itself, held to what must be true of any Llama and to a real model that tells a known story.

import { describe, expect, it } from 'vitest';
import { llamaTensorShapes, loadLlamaWeights, projectionShape } from '../../../engine/model/llama-weights.ts';
import { type LoraAdapter, loraPair, loraTensorName } from '../../../engine/model/lora-adapter.ts';
import { type LlamaConfig, loadModelConfig } from '../../../engine/model/model-config.ts';
import type { NamedTensor, TensorMap } from '../../../engine/model/safetensors.ts';
import { loadTokenizer } from '../../../engine/model/tokenizer.ts';
import { referenceGreedy, referenceLogits } from '../../../engine/reference/llama-reference.ts';
import { sharedData } from '../model/shared-data.ts';

const config: LlamaConfig = {
  dim: 12,
  layers: 2,
  heads: 4,
  kvHeads: 2,
  headDim: 6,
  ffn: 20,
  vocab: 17,
  maxSeq: 32,
  ropeTheta: 10000,
  rmsEps: 1e-5,
  tied: false,
  qkvBias: true,
  bosId: undefined,
  eosIds: [],
};
const ids = [3, 1, 4, 1, 5, 9, 2, 6];

/** Weights as unlike each other as a sine can make them. */
function someWeights(of: LlamaConfig): Map<string, NamedTensor> {
  let seed = 0;
  return new Map(
    [...llamaTensorShapes(of)].map(([name, shape]) => {
      const size = shape.reduce((product, length) => product * length, 1);
      const isNorm = name.includes('norm');
      const data = Float32Array.from(
        { length: size },
        () => Math.sin(++seed * 12.9898) * 0.4 + (isNorm ? 1 : 0),
      );
      return [name, { shape, data }];
    }),
  );
}

function someAdapter(of: LlamaConfig): LoraAdapter {
  const targets = ['self_attn.q_proj', 'self_attn.v_proj', 'mlp.down_proj'] as const;
  const weights = new Map<string, NamedTensor>();
  let seed = 0;
  for (let layer = 0; layer < of.layers; layer++)
    for (const projection of targets) {
      const [out, into] = projectionShape(of, projection);
      const fill = (size: number) => Float32Array.from({ length: size }, () => Math.cos(++seed * 7.77) * 0.3);
      weights.set(loraTensorName(layer, projection, 'A'), { shape: [3, into], data: fill(3 * into) });
      weights.set(loraTensorName(layer, projection, 'B'), { shape: [out, 3], data: fill(out * 3) });
    }
  return { rank: 3, alpha: 6, scale: 2, targets, base: 'tiny', weights };
}

const largestDifference = (a: Float32Array, b: Float32Array) =>
  a.reduce(
    (largest, value, i) => Math.max(largest, Math.abs(value - b[i])),
    a.length === b.length ? 0 : Infinity,
  );

const weights: TensorMap = someWeights(config);

describe('llama reference', () => {
  it('never lets a position see what comes after it', () => {
    const whole = referenceLogits(weights, config, ids);
    const half = referenceLogits(weights, config, ids.slice(0, 4));
    expect(whole.subarray(0, half.length)).toEqual(half);
  });

  it('gives the same with an adapter as with its product merged into the weights, to 1e-5', () => {
    const adapter = someAdapter(config);
    const merged = new Map(weights);
    for (let layer = 0; layer < config.layers; layer++)
      for (const projection of adapter.targets) {
        const name = `model.layers.${layer}.${projection}.weight`;
        const { shape, data } = weights.get(name)!;
        const { rank, a, b, scale } = loraPair(adapter, layer, projection)!;
        const sum = data.slice();
        for (let o = 0; o < shape[0]; o++)
          for (let i = 0; i < shape[1]; i++)
            for (let r = 0; r < rank; r++)
              sum[o * shape[1] + i] += scale * b[o * rank + r] * a[r * shape[1] + i];
        merged.set(name, { shape, data: sum });
      }
    const withAdapter = referenceLogits(weights, config, ids, adapter);
    expect(largestDifference(withAdapter, referenceLogits(merged, config, ids))).toBeLessThan(1e-5);
    expect(largestDifference(withAdapter, referenceLogits(weights, config, ids))).toBeGreaterThan(0.01);
  });

  it('shares key heads as if each had been written out for its query heads', () => {
    const full: LlamaConfig = { ...config, kvHeads: config.heads };
    const repeat = ({ shape, data }: NamedTensor): NamedTensor => {
      const perHead = data.length / config.kvHeads;
      const copies = Array.from({ length: config.heads }, (_, head) => {
        const shared = Math.floor(head / 2);
        return [...data.subarray(shared * perHead, (shared + 1) * perHead)];
      });
      return { shape: [shape[0] * 2, ...shape.slice(1)], data: Float32Array.from(copies.flat()) };
    };
    const written = new Map(
      [...weights].map(
        ([name, tensor]) => [name, /\.[kv]_proj\./.test(name) ? repeat(tensor) : tensor] as const,
      ),
    );
    expect(referenceLogits(written, full, ids)).toEqual(referenceLogits(weights, config, ids));
  });

  it('uses the embedding as the head of a tied model', () => {
    const copied = new Map(weights).set('lm_head.weight', weights.get('model.embed_tokens.weight')!);
    const tied = referenceLogits(weights, { ...config, tied: true }, ids);
    expect(tied).toEqual(referenceLogits(copied, config, ids));
  });

  it('knows positions: the same tokens in another order give other logits at the end', () => {
    const swapped = [1, 3, ...ids.slice(2)];
    const last = (logits: Float32Array) => logits.subarray(-config.vocab);
    const difference = largestDifference(
      last(referenceLogits(weights, config, swapped)),
      last(referenceLogits(weights, config, ids)),
    );
    expect(difference).toBeGreaterThan(1e-3);
  });

  it('stops before an end-of-sequence id, at the length asked for, and at the end of the context', () => {
    const free = referenceGreedy(weights, config, ids, 5);
    expect(free).toHaveLength(5);
    expect(referenceGreedy(weights, { ...config, eosIds: [free[2]] }, ids, 5)).toEqual(
      free.slice(0, free.indexOf(free[2])),
    );
    expect(referenceGreedy(weights, { ...config, maxSeq: 10 }, ids, 5)).toHaveLength(2);
    expect(() => referenceLogits(weights, config, [17])).toThrow(RangeError);
  });

  const folder = sharedData('models/stories260k-hf');
  it.skipIf(folder === undefined)('tells a real model’s story: a girl named Lily and a big, red ball', () => {
    const real = loadModelConfig(folder!);
    const tokenizer = loadTokenizer(folder!);
    const prompt = [1, ...tokenizer.encode('Once upon a time, there was a little')];
    const story = referenceGreedy(loadLlamaWeights(folder!, real), real, prompt, 38);
    expect(tokenizer.decode(story)).toBe(
      'girl named Lily. She loved to play outside in the park. One day, she saw a big, red ball. She wanted',
    );
  });
});

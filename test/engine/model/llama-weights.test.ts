// Weights of a folder checked against its config, at once or one at a time.
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadLlamaWeights, openLlamaWeights } from '../../../engine/model/llama-weights.ts';
import { type TensorMap, writeSafetensors } from '../../../engine/model/safetensors.ts';
import { randomWeights, tinyConfig } from '../serve/tiny-llama.ts';
import { testFolder } from './test-folder.ts';

const weights = randomWeights(tinyConfig);
const up = 'model.layers.1.mlp.up_proj.weight';

function folderWith(change: (tensors: Map<string, { shape: number[]; data: Float32Array }>) => void): string {
  const folder = testFolder();
  const copy = new Map(
    [...weights].map(([name, { shape, data }]) => [name, { shape: [...shape], data: data.slice() }]),
  );
  change(copy);
  writeSafetensors(join(folder, 'model.safetensors'), copy as TensorMap);
  return folder;
}

describe('weights of a model folder', () => {
  it('come out one by one as they were written, with the share read so far', () => {
    const source = openLlamaWeights(
      folderWith(() => {}),
      tinyConfig,
    );
    expect(source.readBytes()).toBe(0);
    for (const [name, { data }] of weights) {
      expect(source.read(name)).toEqual(data);
      source.read(name); // a second time counts once
    }
    const elements = [...weights.values()].reduce((sum, { data }) => sum + data.length, 0);
    expect([source.readBytes(), source.totalBytes]).toEqual([4 * elements, 4 * elements]);
    expect([source.has(up), source.has('lm_head.weight')]).toEqual([true, false]);
    source.close();
  });

  it("drop a tied model's surplus head and unknown buffers", () => {
    const folder = folderWith((tensors) => {
      tensors.set('lm_head.weight', { shape: [1], data: new Float32Array(1) });
      tensors.set('model.rotary_emb.inv_freq', { shape: [8], data: new Float32Array(8) });
    });
    const source = openLlamaWeights(folder, tinyConfig);
    expect(source.has('lm_head.weight')).toBe(false);
    expect(() => source.read('lm_head.weight')).toThrow(/^bug: weight lm_head.weight/);
    source.close();
    expect([...loadLlamaWeights(folder, tinyConfig).keys()]).toEqual([...weights.keys()]);
  });

  it.each([
    ['weights_missing', /weight model.layers.1.mlp.up_proj.weight is missing/, (t) => t.delete(up)],
    [
      'weights_shape_mismatch',
      /up_proj.weight is \[32,48\], the config asks for \[48,32\]/,
      (t) => {
        const tensor = t.get(up);
        if (tensor) tensor.shape.reverse();
      },
    ],
  ] as [string, RegExp, Parameters<typeof folderWith>[0]][])(
    'are refused at once with %s',
    (code, message, change) => {
      const error = expect.objectContaining({
        code,
        retry: 'never',
        message: expect.stringMatching(message),
      });
      expect(() => openLlamaWeights(folderWith(change), tinyConfig)).toThrow(error);
    },
  );

  it.each([
    ['NaN', Number.NaN],
    ['-Infinity', Number.NEGATIVE_INFINITY],
  ])('are refused with weights_not_finite when a value is %s, by name and place', (text, value) => {
    const folder = folderWith((tensors) => {
      const tensor = tensors.get(up);
      if (tensor) tensor.data[7] = value;
    });
    const error = expect.objectContaining({
      code: 'weights_not_finite',
      message: expect.stringContaining(`${up} holds ${text} at 7`),
    });
    const source = openLlamaWeights(folder, tinyConfig);
    expect(source.read('model.norm.weight').length).toBe(32);
    expect(() => source.read(up)).toThrow(error);
    source.close();
    expect(() => loadLlamaWeights(folder, tinyConfig)).toThrow(error);
  });
});

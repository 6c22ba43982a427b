// Weights on their way to the runtime through a temporary file: where they lie, that nothing is left behind, and that a
// machine without room for the file loads the same model through memory.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { weightOf } from '../../../engine/model/llama-weights.ts';
import { createBatchSession } from '../../../engine/serve/serve-session.ts';
import { createWeightFile } from '../../../engine/serve/weight-file.ts';
import { testFolder } from '../model/test-folder.ts';
import { randomIds, randomWeights, tinyConfig } from './tiny-llama.ts';

afterEach(() => vi.unstubAllEnvs());

// onnxruntime keeps files of its own in the temporary folder.
const weightFolders = (parent: string) =>
  readdirSync(parent).filter((name) => name.startsWith('engine-weights-'));

describe('the weight file', () => {
  it('puts each weight on a page of its own, readable by its owner only, and leaves nothing', () => {
    const parent = testFolder();
    const file = createWeightFile(parent);
    const places = [3, 5000, 1].map((length, i) => file.put(new Uint8Array(length).fill(i + 1)));
    expect(places).toEqual([
      { location: 'weights.bin', offset: 0, length: 3 },
      { location: 'weights.bin', offset: 4096, length: 5000 },
      { location: 'weights.bin', offset: 12288, length: 1 },
    ]);
    const path = file.finish(Uint8Array.of(9));
    expect([...readFileSync(path)]).toEqual([9]);
    const stored = join(dirname(path), 'weights.bin');
    const bytes = readFileSync(stored);
    for (const [i, { offset, length }] of places.entries())
      expect(new Set(bytes.subarray(offset, offset + length))).toEqual(new Set([i + 1]));
    if (process.platform !== 'win32') expect(statSync(stored).mode & 0o077).toBe(0);
    expect(file.bytes()).toBe(12289);
    file.remove();
    file.remove();
    expect(readdirSync(parent)).toEqual([]);
  });

  it('says so when it cannot be written', () => {
    expect(() => createWeightFile(join(testFolder(), 'none'))).toThrow(
      expect.objectContaining({ code: 'weight_file_unwritable' }),
    );
  });
});

describe('a session', () => {
  const open = (read = (name: string) => weightOf(randomWeights(tinyConfig), name).data) =>
    createBatchSession({ config: tinyConfig, read, weights: 'int8', rowsMax: 1 });
  const logits = async (): Promise<Float32Array> => {
    const session = await open();
    const ids = randomIds(tinyConfig, 9);
    const step = await session.prefill({ row: 0, start: 0, ids, temperature: 1, wanted: 'last' });
    const values = step.logits(0).slice();
    await session.release();
    return values;
  };

  it('answers to the bit alike through the file and through memory, and leaves no file', async () => {
    const parent = testFolder();
    vi.stubEnv('TMPDIR', parent);
    const throughFile = await logits();
    expect(weightFolders(parent)).toEqual([]);
    vi.stubEnv('TMPDIR', join(parent, 'none'));
    expect(await logits()).toEqual(throughFile);
  });

  it('leaves no file when a weight cannot be read half way', async () => {
    const parent = testFolder();
    vi.stubEnv('TMPDIR', parent);
    const weights = randomWeights(tinyConfig);
    const read = (name: string): Float32Array => {
      if (name.includes('layers.1.mlp')) throw new Error('the disk went away');
      return weightOf(weights, name).data;
    };
    await expect(open(read)).rejects.toThrow('the disk went away');
    expect(weightFolders(parent)).toEqual([]);
  });
});

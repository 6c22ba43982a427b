// Adapters from disk straight into the packed layout: the same numbers as the plain way, every broken folder named.
import { readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadLoraAdapter } from '../../../engine/model/lora-adapter.ts';
import type { LlamaConfig } from '../../../engine/model/model-config.ts';
import { packAdapter } from '../../../engine/serve/pack-adapter.ts';
import { type ReadBuffer, readAdapter } from '../../../engine/serve/read-adapter.ts';
import { writeRandomAdapter } from '../../support/random-adapter.ts';
import { testFolder } from '../model/test-folder.ts';
import { tinyConfig } from './tiny-llama.ts';

const read = (
  folder: string,
  config: LlamaConfig = tinyConfig,
  buffer: ReadBuffer = { bytes: new Uint8Array(0) },
) => readAdapter({ key: 'x', folder, config, rankMax: 16, buffer });

/** Rewrites the header of an adapter's file; the data stays. */
function changeHeader(folder: string, change: (header: Record<string, unknown>) => string): void {
  const path = join(folder, 'adapter_model.safetensors');
  const bytes = readFileSync(path);
  const end = 8 + Number(bytes.readBigUInt64LE());
  const text = Buffer.from(change(JSON.parse(bytes.toString('utf8', 8, end))));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  writeFileSync(path, Buffer.concat([length, text, bytes.subarray(end)]));
}

function changeSettings(folder: string, change: Record<string, unknown>): void {
  const path = join(folder, 'adapter_config.json');
  writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, 'utf8')), ...change }));
}

const aligned = (header: Record<string, unknown>, remainder: number, padding = 0): string => {
  const text = JSON.stringify(header) + ' '.repeat(padding);
  return text + ' '.repeat((12 + remainder - (text.length % 4)) % 4);
};

describe('reading an adapter', () => {
  it.each(['f32', 'f16', 'bf16'] as const)(
    'gives the numbers of the plain way, bit by bit, from %s',
    async (dtype) => {
      const folder = testFolder();
      writeRandomAdapter(folder, tinyConfig, { rank: 5, dtype });
      const plain = packAdapter('x', tinyConfig, loadLoraAdapter(folder, tinyConfig));
      expect(await read(folder)).toEqual(plain);
    },
  );

  it.each([0, 1, 2, 3])(
    'does so when the data starts at byte 4 n + %i, and after a header of 100,000 bytes',
    async (at) => {
      const folder = testFolder();
      writeRandomAdapter(folder, tinyConfig, { rank: 3 });
      const plain = await read(folder);
      changeHeader(folder, (header) => aligned(header, at));
      expect(await read(folder)).toEqual(plain);
      changeHeader(folder, (header) => aligned(header, at, 100_000));
      expect(await read(folder)).toEqual(plain);
    },
  );

  it('keeps nothing of the buffer it reads into', async () => {
    const [one, two] = [testFolder(), testFolder()];
    writeRandomAdapter(one, tinyConfig, { seed: 1 });
    writeRandomAdapter(two, tinyConfig, { seed: 2 });
    const buffer = { bytes: new Uint8Array(0) };
    const first = await read(one, tinyConfig, buffer);
    const copy = first.data.slice();
    await read(two, tinyConfig, buffer);
    expect(first.data).toEqual(copy);
  });

  const spoilt: readonly (readonly [string, string, RegExp, (folder: string) => void])[] = [
    [
      'a rank beyond the limit',
      'adapter_rank_too_large',
      /rank 17, at most 16/,
      (f) => writeRandomAdapter(f, tinyConfig, { rank: 17 }),
    ],
    [
      'a wrong rank in its settings',
      'adapter_shape_mismatch',
      /q_proj.lora_A.weight is \[8,32\].*\[4,32\]/,
      (f) => changeSettings(f, { r: 4 }),
    ],
    [
      'a wider base',
      'adapter_shape_mismatch',
      /asks for \[8,32\]/,
      (f) => writeRandomAdapter(f, { ...tinyConfig, dim: 64 }),
    ],
    [
      'a deeper base',
      'adapter_shape_mismatch',
      /the base has 2 layers/,
      (f) => writeRandomAdapter(f, { ...tinyConfig, layers: 3 }),
    ],
    [
      'an unknown kind',
      'adapter_unsupported',
      /peft_type "LOHA"/,
      (f) => changeSettings(f, { peft_type: 'LOHA' }),
    ],
    ['DoRA', 'adapter_unsupported', /use_dora/, (f) => changeSettings(f, { use_dora: true })],
    [
      'no settings',
      'file_unreadable',
      /cannot read .*adapter_config.json/,
      (f) => rmSync(join(f, 'adapter_config.json')),
    ],
    [
      'settings that are no JSON',
      'json_malformed',
      /adapter_config.json is not JSON/,
      (f) => writeFileSync(join(f, 'adapter_config.json'), '{'),
    ],
    [
      'no weights',
      'file_unreadable',
      /cannot read .*adapter_model.safetensors/,
      (f) => rmSync(join(f, 'adapter_model.safetensors')),
    ],
    [
      'an empty file',
      'safetensors_malformed',
      /only 0 bytes/,
      (f) => truncateSync(join(f, 'adapter_model.safetensors'), 0),
    ],
    [
      'half a header',
      'safetensors_malformed',
      /in a file of 100/,
      (f) => truncateSync(join(f, 'adapter_model.safetensors'), 100),
    ],
    [
      'half its data',
      'safetensors_malformed',
      /tensors end at byte/,
      (f) => truncateSync(join(f, 'adapter_model.safetensors'), 5000),
    ],
    [
      'a header that is no JSON',
      'safetensors_malformed',
      /header is not JSON/,
      (f) => changeHeader(f, () => 'no'),
    ],
    [
      'a missing half',
      'adapter_malformed',
      /has no .*lora_B/,
      (f) => changeHeader(f, renamed('0.self_attn.o_proj.lora_B', '0.mlp.down_proj.lora_B')),
    ],
    [
      'a tensor that is no LoRA',
      'adapter_unsupported',
      /lm_head.weight is not a LoRA pair/,
      (f) =>
        changeHeader(
          f,
          renamed('base_model.model.model.layers.0.self_attn.q_proj.lora_B.weight', 'lm_head.weight'),
        ),
    ],
  ];
  it.each(spoilt)('refuses %s with %s, naming file and reason', async (_, code, message, spoil) => {
    const folder = testFolder();
    writeRandomAdapter(folder, tinyConfig);
    spoil(folder);
    await expect(read(folder)).rejects.toMatchObject({
      code,
      retry: 'never',
      message: expect.stringMatching(message),
    });
    await expect(read(folder)).rejects.toThrow(folder);
  });

  it.each(['f32', 'f16', 'bf16'] as const)('refuses NaN and infinity stored as %s', async (dtype) => {
    const folder = testFolder();
    writeRandomAdapter(folder, tinyConfig, { dtype });
    const path = join(folder, 'adapter_model.safetensors');
    const bytes = readFileSync(path);
    bytes.fill(0xff, bytes.length - 4); // NaN in all three, the last value of the last B
    writeFileSync(path, bytes);
    await expect(read(folder)).rejects.toMatchObject({
      code: 'adapter_not_finite',
      message: expect.stringMatching(
        /adapter_model.safetensors: model.layers.1.self_attn.o_proj.lora_B.weight holds NaN/,
      ),
    });
    expect(() => loadLoraAdapter(folder, tinyConfig)).toThrow(
      expect.objectContaining({ code: 'adapter_not_finite' }),
    );
  });
});

function renamed(from: string, to: string) {
  return (header: Record<string, unknown>): string =>
    aligned(JSON.parse(JSON.stringify(header).replace(from, to)), 0);
}

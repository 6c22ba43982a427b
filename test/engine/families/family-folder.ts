// A folder as the hub keeps one: a published config.json with small sizes, the family's tokenizer and chat template,
// random weights in one file or in shards with an index. Used by the family tests that serve such folders.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { llamaTensorShapes } from '../../../engine/model/llama-weights.ts';
import { parseModelConfig } from '../../../engine/model/model-config.ts';
import { fillRandom, type StoredDtype, storedBytes } from '../../support/random-numbers.ts';
import type { TokenizerFiles } from './family-tokenizers.ts';
import { type PublishedName, type TinyChange, tinyConfigJson } from './published-configs.ts';

interface FamilyFolderOptions extends TinyChange {
  readonly name: PublishedName;
  readonly files: TokenizerFiles;
  readonly dtype: StoredDtype;
  /** 1 = model.safetensors */
  readonly shards: number;
}

/** Writes into an existing folder. */
export function writeFamilyFolder(folder: string, options: FamilyFolderOptions): void {
  const { name, files, dtype, shards, ...change } = options;
  const write = (file: string, value: unknown): void =>
    writeFileSync(join(folder, file), JSON.stringify(value));
  const json = tinyConfigJson(name, vocabOf(files), change);
  write('config.json', json);
  write('generation_config.json', { do_sample: true, temperature: 0.6, eos_token_id: [2, 5] });
  write('tokenizer.json', files.tokenizer);
  write('tokenizer_config.json', files.config);
  const tensors = [...llamaTensorShapes(parseModelConfig(json))];
  const parts = Array.from({ length: shards }, (_, shard) =>
    tensors.filter((__, index) => index % shards === shard),
  );
  const weightMap: Record<string, string> = {};
  for (const [shard, part] of parts.entries()) {
    const number = (value: number): string => String(value).padStart(5, '0');
    const file =
      shards === 1 ? 'model.safetensors' : `model-${number(shard + 1)}-of-${number(shards)}.safetensors`;
    writeFileSync(join(folder, file), randomTensors(part, dtype, shard + 1));
    for (const [tensor] of part) weightMap[tensor] = file;
  }
  if (shards > 1)
    write('model.safetensors.index.json', { metadata: { total_size: 0 }, weight_map: weightMap });
}

/** Entries of the tokenizer, added tokens included. */
function vocabOf({ tokenizer }: TokenizerFiles): number {
  const { model, added_tokens: added } = tokenizer as {
    readonly model: { readonly vocab: Readonly<Record<string, number>> };
    readonly added_tokens: readonly { readonly id: number }[];
  };
  return Math.max(...Object.values(model.vocab), ...added.map(({ id }) => id)) + 1;
}

/** Matrices keep the size of what they are given; biases are large enough to be missed; norms are near 1. */
function randomTensors(
  tensors: readonly (readonly [string, readonly number[]])[],
  dtype: StoredDtype,
  seed: number,
): Uint8Array {
  const header: Record<string, unknown> = {};
  const parts: Uint8Array[] = [];
  let end = 0;
  for (const [index, [name, shape]] of tensors.entries()) {
    const values = new Float32Array(shape.reduce((product, size) => product * size, 1));
    const [deviation, mean] = name.includes('norm') ? [0.1, 1] : [1 / Math.sqrt(shape[1] ?? 9), 0];
    fillRandom(values, 100 * seed + index, deviation, mean);
    const bytes = storedBytes(values, dtype);
    header[name] = { dtype: dtype.toUpperCase(), shape, data_offsets: [end, end + bytes.length] };
    end += bytes.length;
    parts.push(bytes);
  }
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([length, text, ...parts]);
}

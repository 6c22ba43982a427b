// A model as a Hugging Face folder of its own: weights in one file or shards, config, tokenizer, chat template, generation
// settings, terms and a card that says where it came from; with an adapter merged into it where one is given. Used by
// export-command.ts. It knows no terminal. One tensor is in memory at a time.
// Invariants: the folder appears whole or not at all; weights keep their bits unless a type is asked for or an adapter
// changes them; what is written has been opened again before it is put in its place.
import { copyFileSync, existsSync, readdirSync, realpathSync, writeFileSync } from 'node:fs';
import { join, resolve, sep } from 'node:path';
import { EngineError } from '../errors.ts';
import { isRecord, readJsonFile } from '../model/json-file.ts';
import { llamaTensorShapes, openLlamaWeights } from '../model/llama-weights.ts';
import { type LoraAdapter, loadLoraAdapter } from '../model/lora-adapter.ts';
import { mergedWeight, pairOfWeight } from '../model/merge-lora.ts';
import { type LlamaConfig, loadModelConfig } from '../model/model-config.ts';
import { openSafetensorsFolder } from '../model/safetensors-file.ts';
import type { SafetensorsDtype } from '../model/safetensors-header.ts';
import { type PlannedTensor, tensorBytes, writeSafetensorsFolder } from '../model/safetensors-shards.ts';
import { exportCard } from './export-card.ts';
import { requireFreeBytes } from './free-space.ts';
import { placeFolder } from './place-folder.ts';

export const exportDtypes = ['f32', 'f16', 'bf16'] as const;

export interface ExportJob {
  readonly source: string;
  /** PEFT folder, merged into the weights. */
  readonly adapter?: string;
  readonly out: string;
  /** Left out: each weight keeps the type it is stored in. */
  readonly dtype?: (typeof exportDtypes)[number];
  /** Weights are cut into files of at most so many bytes (a larger tensor has one to itself). */
  readonly shardBytesMax: number;
  /** Replaces a model that stands in the place. */
  readonly force: boolean;
  readonly onProgress?: (progress: { readonly bytes: number; readonly bytesTotal: number }) => void;
}

export interface ExportOutcome {
  readonly folder: string;
  readonly files: readonly string[];
  /** Of all weights. */
  readonly bytes: number;
  readonly dtypes: readonly SafetensorsDtype[];
  /** Weights that the adapter changed. */
  readonly merged: number;
}

const companions =
  /^(tokenizer\.(json|model)|tokenizer_config\.json|special_tokens_map\.json|added_tokens\.json|vocab\.json|merges\.txt|chat_template\.(jinja|json)|(LICEN[CS]E|NOTICE|COPYING|USE_POLICY|CREDITS)[\w.-]*)$/i;

/**
 * @throws EngineError `folder_exists` | `disk_full` | `export_into_itself` | `weight_overflow` | `folder_unwritable` and
 * those of reading a model and an adapter
 */
export async function exportModel(job: ExportJob): Promise<ExportOutcome> {
  const { source, out, force, onProgress } = job;
  const config = loadModelConfig(source);
  const adapter = job.adapter === undefined ? undefined : loadLoraAdapter(job.adapter, config);
  for (const used of [source, ...(job.adapter === undefined ? [] : [job.adapter])]) refuseInside(used, out);
  const tensors = plan(source, config, job.dtype);
  const bytesTotal = tensors.reduce((sum, tensor) => sum + tensorBytes(tensor), 0);
  return await placeFolder(out, force, async (folder) => {
    await requireFreeBytes(folder, bytesTotal);
    const { files, merged } = writeWeights(folder, job, { config, adapter, tensors }, (bytes) =>
      onProgress?.({ bytes, bytesTotal }),
    );
    const dtypes = [...new Set(tensors.map(({ dtype }) => dtype))];
    writeJson(join(folder, 'config.json'), configOf(source, dtypes));
    writeJson(join(folder, 'generation_config.json'), generationOf(source, config));
    for (const name of readdirSync(source).filter((file) => companions.test(file)))
      copyFileSync(join(source, name), join(folder, name));
    writeFileSync(join(folder, 'README.md'), exportCard({ job, adapter, merged, dtypes }));
    openLlamaWeights(folder, loadModelConfig(folder)).close();
    return { folder: resolve(out), files, bytes: bytesTotal, dtypes, merged };
  });
}

interface Parts {
  readonly config: LlamaConfig;
  readonly adapter: LoraAdapter | undefined;
  readonly tensors: readonly PlannedTensor[];
}

function writeWeights(
  folder: string,
  { source, shardBytesMax }: ExportJob,
  { config, adapter, tensors }: Parts,
  onBytes: (bytes: number) => void,
): { readonly files: readonly string[]; readonly merged: number } {
  const weights = openLlamaWeights(source, config);
  let merged = 0;
  const valuesOf = (name: string): Float32Array | Float64Array => {
    const pair = adapter && pairOfWeight(adapter, name);
    if (pair === undefined) return weights.read(name);
    merged += 1;
    return mergedWeight(weights.read(name), pair);
  };
  try {
    const files = writeSafetensorsFolder(folder, tensors, shardBytesMax, valuesOf, onBytes);
    return { files, merged };
  } finally {
    weights.close();
  }
}

const stored: Readonly<Record<(typeof exportDtypes)[number], SafetensorsDtype>> = {
  f32: 'F32',
  f16: 'F16',
  bf16: 'BF16',
};

function plan(source: string, config: LlamaConfig, dtype: ExportJob['dtype']): readonly PlannedTensor[] {
  openLlamaWeights(source, config).close(); // refuses what is missing or has another shape
  const file = openSafetensorsFolder(source);
  try {
    return [...llamaTensorShapes(config)].map(([name, shape]) => ({
      name,
      shape,
      dtype: dtype ? stored[dtype] : (file.entries.get(name)?.dtype ?? 'F32'),
    }));
  } finally {
    file.close();
  }
}

/** The source's own, with the type that the weights have now. */
function configOf(source: string, dtypes: readonly SafetensorsDtype[]): unknown {
  const json = readJsonFile(join(source, 'config.json'));
  if (!isRecord(json)) throw new Error('bug: config.json was read before');
  const name = { F32: 'float32', F16: 'float16', BF16: 'bfloat16' }[dtypes.length === 1 ? dtypes[0] : 'F32'];
  // transformers 5 calls it dtype, all before torch_dtype
  return { ...json, torch_dtype: name, ...('dtype' in json ? { dtype: name } : {}) };
}

function generationOf(source: string, { bosId, eosIds }: LlamaConfig): unknown {
  const path = join(source, 'generation_config.json');
  if (existsSync(path)) return readJsonFile(path);
  return {
    _from_model_config: true,
    bos_token_id: bosId ?? null,
    eos_token_id: eosIds.length === 1 ? eosIds[0] : eosIds,
  };
}

/** A folder written into, or over, what it is made from would eat its own source. */
function refuseInside(used: string, out: string): void {
  const real = (path: string): string => (existsSync(path) ? realpathSync(path) : resolve(path));
  const [from, to] = [real(used), real(out)];
  if (from !== to && !to.startsWith(from + sep) && !from.startsWith(to + sep)) return;
  throw new EngineError(`${out} lies in ${used}, or around it; choose another place`, {
    code: 'export_into_itself',
    retry: 'never',
  });
}

function writeJson(path: string, value: unknown): void {
  writeFileSync(path, `${JSON.stringify(value, null, 2)}\n`);
}

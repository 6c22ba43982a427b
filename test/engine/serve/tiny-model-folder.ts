// A small random model and a random adapter written as Hugging Face and PEFT folders, with a tokenizer of bytes and
// the base model's chat markup. Used by the tests of the serving worker, the local engine and the command line.
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tokenizerConfigJson } from '../../../engine/corpus/chat-markup.ts';
import { toTokenizerJson, trainBpe } from '../../../engine/corpus/train-tokenizer.ts';
import { projections } from '../../../engine/model/llama-weights.ts';
import { saveLoraAdapter } from '../../../engine/model/lora-adapter.ts';
import { type LlamaConfig, toConfigJson } from '../../../engine/model/model-config.ts';
import { writeSafetensors } from '../../../engine/model/safetensors.ts';
import { randomAdapterTensors, randomWeights, tinyConfig } from './tiny-llama.ts';

const vocabulary = trainBpe(new Map(), 0);

/** 7 special tokens and 256 bytes. */
export const tinyFolderConfig: LlamaConfig = {
  ...tinyConfig,
  vocab: vocabulary.tokens.length,
  eosIds: [2],
};

export interface TinyFolders {
  readonly root: string;
  readonly model: string;
  readonly adapter: string;
}

/** Writes both under a new temporary folder; the caller removes `root`. */
export function writeTinyFolders(config: LlamaConfig = tinyFolderConfig): TinyFolders {
  const root = mkdtempSync(join(tmpdir(), 'tiny-model-'));
  const folders = { root, model: join(root, 'model'), adapter: join(root, 'adapter') };
  mkdirSync(folders.model);
  const json = (name: string, value: unknown): void =>
    writeFileSync(join(folders.model, name), JSON.stringify(value));
  json('config.json', toConfigJson(config));
  json('tokenizer.json', toTokenizerJson(vocabulary));
  json('tokenizer_config.json', tokenizerConfigJson());
  writeSafetensors(join(folders.model, 'model.safetensors'), randomWeights(config));
  saveLoraAdapter(folders.adapter, {
    rank: 4,
    alpha: 8,
    scale: 2,
    targets: projections,
    base: 'tiny',
    weights: randomAdapterTensors(config, 4),
  });
  return folders;
}

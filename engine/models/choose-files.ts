// Which files of a hub repository serving needs, and the refusal of repositories it cannot serve, before any weight is
// fetched. Used by pull-model.ts. Pure: file list and JSON in, choice out. Invariants: only plain names at the top of
// the repository are chosen, so that no name can lead out of the model's folder; weights are those the loader reads
// (one model.safetensors, or the shards of its index), never a second copy in another format.

import { EngineError } from '../errors.ts';
import { isRecord } from '../model/json-file.ts';
import type { HubFile, HubRepo } from './hub-repo.ts';

/** What a folder holds: a model, or a LoRA adapter in PEFT format. */
export type FolderKind = 'model' | 'adapter';

interface RepoPlan {
  readonly kind: FolderKind;
  /** Files to read and check first, by name; those of them that the repository has. */
  readonly checkFirst: readonly HubFile[];
}

const indexName = 'model.safetensors.index.json';
const required: Readonly<Record<FolderKind, readonly string[]>> = {
  model: ['config.json', 'tokenizer.json', 'tokenizer_config.json'],
  adapter: ['adapter_config.json', 'adapter_model.safetensors'],
};
const wanted: Readonly<Record<FolderKind, RegExp>> = {
  model:
    /^(config|generation_config|tokenizer|tokenizer_config|special_tokens_map|chat_template)\.json$|^chat_template\.jinja$/,
  adapter: /^adapter_(config\.json|model\.safetensors)$/,
};
/** The terms travel with the weights. */
const terms = /^(README\.md|(LICEN[CS]E|NOTICE|COPYING|USE_POLICY)[\w.-]*)$/i;

/** @throws EngineError `model_unsupported` when the list alone shows that this engine cannot serve it */
export function planRepo(repo: HubRepo): RepoPlan {
  const byName = new Map(repo.files.map((file) => [file.path, file]));
  const hasWeights = byName.has('model.safetensors') || byName.has(indexName);
  const kind: FolderKind = byName.has('adapter_config.json') && !hasWeights ? 'adapter' : 'model';
  if (kind === 'model' && !hasWeights) throw unsupported(repo, `no model.safetensors${otherFormats(repo)}`);
  const missing = required[kind].filter((name) => !byName.has(name));
  if (missing.length > 0) throw unsupported(repo, `no ${missing.join(', no ')}`);
  const single = byName.has('model.safetensors');
  const names =
    kind === 'adapter' ? ['adapter_config.json'] : [...required.model, ...(single ? [] : [indexName])];
  return { kind, checkFirst: names.flatMap((name) => byName.get(name) ?? []) };
}

/**
 * All files to have, smallest first.
 * @param index the parsed model.safetensors.index.json, where the weights are in shards
 * @throws EngineError `model_unsupported` when a shard is missing from the list or its name leads elsewhere
 */
export function chooseFiles(repo: HubRepo, plan: RepoPlan, index: unknown): readonly HubFile[] {
  const names = new Set(
    repo.files.map(({ path }) => path).filter((name) => wanted[plan.kind].test(name) || terms.test(name)),
  );
  const byName = new Map(repo.files.map((file) => [file.path, file]));
  if (plan.kind === 'model')
    for (const name of byName.has('model.safetensors')
      ? ['model.safetensors']
      : [indexName, ...shardNames(repo, index)]) {
      if (!byName.has(name)) throw unsupported(repo, `${indexName} names ${name}, which is not there`);
      names.add(name);
    }
  return [...names].flatMap((name) => byName.get(name) ?? []).sort((a, b) => a.size - b.size);
}

function shardNames(repo: HubRepo, index: unknown): readonly string[] {
  const map = isRecord(index) ? index.weight_map : undefined;
  if (!isRecord(map) || Object.keys(map).length === 0)
    throw unsupported(repo, `${indexName} has no weight_map`);
  return [...new Set(Object.values(map))].map((name) => {
    if (typeof name !== 'string' || !/^[\w][\w.-]*\.safetensors$/.test(name))
      throw unsupported(repo, `${indexName} names a shard ${JSON.stringify(name)}`);
    return name;
  });
}

/** What is there instead helps to find the right repository. */
function otherFormats(repo: HubRepo): string {
  const kinds = ['.bin', '.gguf', '.pth', '.onnx', '.safetensors'].filter((end) =>
    repo.files.some(({ path }) => path.endsWith(end)),
  );
  return kinds.length === 0
    ? ''
    : `; it has other weights (${kinds.join(', ')}), and only Hugging Face's own layout is served`;
}

function unsupported(repo: HubRepo, what: string): EngineError {
  return new EngineError(`${repo.repo} cannot be served: ${what}`, {
    code: 'model_unsupported',
    retry: 'never',
  });
}

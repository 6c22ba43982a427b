// A reward model on disk: an adapter and a scalar head, as PEFT keeps a sequence classifier (task_type SEQ_CLS, the head
// under modules_to_save), so it cannot be served as a chat adapter by mistake. Written by reward-learner.ts, read by
// score-command.ts. It knows no graph, no data and no loss.
import { readFileSync, writeFileSync } from 'node:fs';
import { scoreWeight } from '../graph/llama-reward-graph.ts';
import { adapterError, parseAdapterSettings } from '../model/adapter-settings.ts';
import { isRecord, readJsonFile } from '../model/json-file.ts';
import { firstNotFinite } from '../model/llama-weights.ts';
import {
  adapterOf,
  adapterPaths,
  type LoraAdapter,
  matchLoraTensors,
  saveLoraAdapter,
} from '../model/lora-adapter.ts';
import type { LlamaConfig } from '../model/model-config.ts';
import { readSafetensors, writeSafetensors } from '../model/safetensors.ts';

export interface RewardModel {
  readonly adapter: LoraAdapter;
  /** [dim] */
  readonly head: Float32Array;
}

/** Name of the head in a PEFT file. */
const peftScore = `base_model.model.${scoreWeight}`;

export function saveRewardModel(folder: string, { adapter, head }: RewardModel): void {
  saveLoraAdapter(folder, adapter);
  const paths = adapterPaths(folder);
  const tensors = readSafetensors(paths.weights);
  writeSafetensors(
    paths.weights,
    new Map([...tensors, [peftScore, { shape: [1, head.length], data: head }] as const]),
  );
  const settings = JSON.parse(readFileSync(paths.settings, 'utf8'));
  const classifier = { ...settings, task_type: 'SEQ_CLS', modules_to_save: ['score'] };
  writeFileSync(paths.settings, `${JSON.stringify(classifier, null, 2)}\n`);
}

/** @throws EngineError `adapter_malformed` for a folder that is no reward model, or as loadLoraAdapter */
export function loadRewardModel(folder: string, config: LlamaConfig): RewardModel {
  const paths = adapterPaths(folder);
  const json = readJsonFile(paths.settings);
  if (!isRecord(json) || json.task_type !== 'SEQ_CLS')
    throw adapterError('adapter_malformed', paths.settings, 'no reward model: its task_type is not SEQ_CLS');
  const settings = parseAdapterSettings({ ...json, modules_to_save: null }, paths.settings);
  const stored = readSafetensors(paths.weights);
  const head = stored.get(peftScore);
  if (head?.shape.join() !== `1,${config.dim}`)
    throw adapterError(
      'adapter_malformed',
      paths.weights,
      `${peftScore} is ${head ? `[${head.shape}]` : 'missing'}, [1,${config.dim}] is needed`,
    );
  for (const [name, { data }] of stored)
    if (firstNotFinite(data) >= 0)
      throw adapterError('adapter_not_finite', paths.weights, `${name} holds what is no number`);
  const pairs = new Map([...stored].filter(([name]) => name !== peftScore));
  const { tensors, targets } = matchLoraTensors(pairs, settings, config, folder);
  return { adapter: adapterOf(settings, targets, tensors), head: head.data };
}

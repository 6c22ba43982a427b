// Writes an adapter in the PEFT format: adapter_config.json and adapter_model.safetensors, so that vLLM and other
// servers load it too. Used by lora-sft.ts. Names inside the engine lack PEFT's prefix `base_model.model.`.
// Format: huggingface.co/docs/peft/developer_guides/checkpoint
import { mkdirSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { type NamedTensor, type TensorMap, writeSafetensors } from '../model/safetensors.ts';
import type { LoraRecipe } from './lora-recipe.ts';

const prefix = 'base_model.model.';

/** @param base folder or hub name of the base model; only its last part is recorded, never a local path. */
export function writeAdapterFolder(
  folder: string,
  weights: TensorMap,
  recipe: LoraRecipe,
  base: string,
): void {
  mkdirSync(folder, { recursive: true });
  const config = {
    peft_type: 'LORA',
    task_type: 'CAUSAL_LM',
    base_model_name_or_path: basename(resolve(base)),
    r: recipe.rank,
    lora_alpha: recipe.alpha,
    target_modules: recipe.targets.map((target) => target.split('.').at(-1)),
    lora_dropout: 0,
    bias: 'none',
    fan_in_fan_out: false,
    inference_mode: true,
    init_lora_weights: true,
    modules_to_save: null,
    use_rslora: false,
    use_dora: false,
  };
  writeFileSync(join(folder, 'adapter_config.json'), `${JSON.stringify(config, null, 2)}\n`);
  const named = new Map([...weights].map(([name, tensor]): [string, NamedTensor] => [prefix + name, tensor]));
  writeSafetensors(join(folder, 'adapter_model.safetensors'), named);
}

// A PEFT folder with random LoRA weights for a base of any shape. Used by tests and benchmarks that need many adapters.
// The same seed gives the same bytes. Written plainly, file by file: a thousand of the 15M shape take a few seconds.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Projection, projectionShape } from '../../engine/model/llama-weights.ts';
import type { LlamaConfig } from '../../engine/model/model-config.ts';
import { fillRandom, type StoredDtype, storedBytes } from './random-numbers.ts';

interface RandomAdapterOptions {
  readonly rank?: number;
  /** Default lora_alpha = 2 * rank. */
  readonly alpha?: number;
  /** Default q, k, v and o. */
  readonly targets?: readonly Projection[];
  readonly seed?: number;
  readonly dtype?: StoredDtype;
  /** Standard deviation of A and B; default 0.05: the answers change, the model stays calm. */
  readonly deviation?: number;
}

const attention = [
  'self_attn.q_proj',
  'self_attn.k_proj',
  'self_attn.v_proj',
  'self_attn.o_proj',
] as const satisfies readonly Projection[];

export function writeRandomAdapter(
  folder: string,
  config: LlamaConfig,
  {
    rank = 8,
    alpha = 2 * rank,
    targets = attention,
    seed = 1,
    dtype = 'f32',
    deviation = 0.05,
  }: RandomAdapterOptions = {},
): void {
  const width = dtype === 'f32' ? 4 : 2;
  const header: Record<string, unknown> = { __metadata__: { format: 'pt' } };
  let elements = 0;
  const list = (name: string, shape: readonly [number, number]): void => {
    const start = elements * width;
    elements += shape[0] * shape[1];
    header[name] = { dtype: dtype.toUpperCase(), shape, data_offsets: [start, elements * width] };
  };
  for (let layer = 0; layer < config.layers; layer++) {
    for (const target of targets) {
      const [out, into] = projectionShape(config, target);
      const stem = `base_model.model.model.layers.${layer}.${target}`;
      list(`${stem}.lora_A.weight`, [rank, into]);
      list(`${stem}.lora_B.weight`, [out, rank]);
    }
  }
  const values = new Float32Array(elements);
  fillRandom(values, seed, deviation, 0);
  const text = JSON.stringify(header);
  const headerBytes = Math.ceil(Buffer.byteLength(text) / 8) * 8;
  const head = Buffer.alloc(8 + headerBytes, ' ');
  head.writeBigUInt64LE(BigInt(headerBytes));
  head.write(text, 8);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'adapter_model.safetensors'), Buffer.concat([head, storedBytes(values, dtype)]));
  const settings = {
    peft_type: 'LORA',
    task_type: 'CAUSAL_LM',
    base_model_name_or_path: 'random',
    r: rank,
    lora_alpha: alpha,
    target_modules: targets.map((target) => target.split('.').at(-1)),
    lora_dropout: 0,
    bias: 'none',
  };
  writeFileSync(join(folder, 'adapter_config.json'), JSON.stringify(settings));
}

// Adapters for the soak: good ones of several ranks and targets, and broken ones of every kind that a marketplace
// meets. Used by soak-cli.ts and soak.test.ts.
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { projections } from '../../engine/model/llama-weights.ts';
import type { LlamaConfig } from '../../engine/model/model-config.ts';
import { writeRandomAdapter } from '../support/random-adapter.ts';
import type { SoakAdapters } from './soak-requests.ts';

/** @param known adapters that share the good folders, apart in memory: more than a small pool holds */
export function writeSoakAdapters(folder: string, config: LlamaConfig, known: number): SoakAdapters {
  const at = (name: string): string => join(folder, name);
  writeRandomAdapter(at('plain'), config, { seed: 1 });
  writeRandomAdapter(at('small'), config, { seed: 2, rank: 4 });
  writeRandomAdapter(at('wide'), config, { seed: 3, rank: 16, dtype: 'bf16' });
  writeRandomAdapter(at('all'), config, { seed: 4, targets: projections, dtype: 'f16' });
  const good = ['plain', 'small', 'wide', 'all'];

  writeRandomAdapter(at('other-base'), { ...config, dim: config.dim * 2 }, { seed: 5 });
  writeRandomAdapter(at('huge-rank'), config, { seed: 6, rank: 128 });
  for (const name of ['cut', 'not-a-number', 'no-json']) cpSync(at('plain'), at(name), { recursive: true });
  const weights = readFileSync(join(at('plain'), 'adapter_model.safetensors'));
  writeFileSync(join(at('cut'), 'adapter_model.safetensors'), weights.subarray(0, weights.length / 2));
  const spoilt = Buffer.from(weights);
  spoilt.writeFloatLE(Number.NaN, weights.length - 4);
  writeFileSync(join(at('not-a-number'), 'adapter_model.safetensors'), spoilt);
  writeFileSync(join(at('no-json'), 'adapter_config.json'), '{"r": 8,');
  const broken = ['other-base', 'huge-rank', 'cut', 'not-a-number', 'no-json', 'missing'];
  return {
    good: Array.from({ length: known }, (_, index) => ({
      id: `good ${index}`,
      dir: at(good[index % good.length]),
    })),
    broken: broken.map((name) => ({ id: name, dir: at(name) })),
  };
}

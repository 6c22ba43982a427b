// What engine/README.md says of models is what the code does: architectures, rotary kinds, refusals, figures.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkHeadSize } from '../../../engine/graph/cached-attention.ts';
import { parseModelConfig, supportedArchitectures } from '../../../engine/model/model-config.ts';
import { kvTokenBytes, weightBytes } from '../../../engine/serve/memory-plan.ts';
import { type PublishedName, publishedConfigs } from './published-configs.ts';

const readme = readFileSync(join(import.meta.dirname, '../../../engine/README.md'), 'utf8');
/** Cells of the table whose heading begins so, row by row. */
function table(heading: string): readonly (readonly string[])[] {
  const lines = readme.split('\n');
  const start = lines.findIndex((line) => line.startsWith(`| ${heading} |`));
  expect(start).toBeGreaterThan(0);
  const rows = lines.slice(start + 2);
  return rows
    .slice(
      0,
      rows.findIndex((line) => !line.startsWith('|')),
    )
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
}

const llama = publishedConfigs['Llama 3 8B'];
const messageOf = (change: object): string => {
  try {
    parseModelConfig({ ...llama, ...change });
  } catch (error) {
    return (error as Error).message.replace('config.json: ', '');
  }
  throw new Error(`${JSON.stringify(change)} is not refused`);
};

describe('engine/README.md', () => {
  it('names exactly the architectures that are served', () => {
    const named = table('family').map(([, architecture]) => architecture.replaceAll('`', ''));
    expect([...new Set(named)].sort()).toEqual([...supportedArchitectures].sort());
  });

  it('names exactly the rotary kinds that are read', () => {
    const refusal = messageOf({ rope_scaling: { type: 'longrope' } });
    const supported = /supported: (.*)$/.exec(refusal)?.[1].split(', ') ?? [];
    const named = new Set(table('family').flatMap(([, , , kinds]) => kinds.split(', ')));
    expect([...named].sort()).toEqual(supported.sort());
  });

  it('quotes every refusal as it reads', () => {
    const quoted = table('what').map(([, error]) => error.replaceAll('`', ''));
    const kernel = (): void => checkHeadSize(20);
    expect(kernel).toThrow(quoted[8]);
    expect(quoted.toSpliced(8, 1)).toEqual(
      [
        { architectures: ['MambaForCausalLM'] },
        { rope_scaling: { type: 'longrope' } },
        { rope_scaling: null, rope_parameters: { full_attention: { rope_type: 'default' } } },
        { partial_rotary_factor: 0.5 },
        { hidden_act: 'gelu' },
        { quantization_config: { quant_method: 'gptq' } },
        { architectures: ['MistralForCausalLM'], layer_types: ['chunked_attention'] },
        { head_dim: 7 },
        { hidden_size: '576' },
      ].map(messageOf),
    );
  });

  it('tells the memory of published models as it is computed', () => {
    const mib = (bytes: number): string => Math.round(bytes / 2 ** 20).toLocaleString('en-US');
    const rows = table('model');
    expect(rows.length).toBeGreaterThan(5);
    for (const [name, ...figures] of rows) {
      const config = parseModelConfig(publishedConfigs[name as PublishedName]);
      const weights = (['int8', 'int4', 'f32'] as const).map((format) => weightBytes(config, format));
      expect(figures, name).toEqual([...weights, 4096 * kvTokenBytes(config)].map(mib));
    }
  });
});

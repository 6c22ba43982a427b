// A whole fine-tuning run on a GPU (software Vulkan) as a person starts it, against the same run on the CPU: the device
// that ENGINE_DEVICE names is tried, told, and trains the same adapter.
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { loadLoraAdapter } from '../../../engine/model/lora-adapter.ts';
import { loadModelConfig } from '../../../engine/model/model-config.ts';
import { writeRandomModel } from '../../support/random-model.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { softwareVulkanEnvironment } from '../serve/software-vulkan.ts';
import { tinyConfig } from '../serve/tiny-llama.ts';

const home = temporaryFolder();
const environment = softwareVulkanEnvironment(home);
const entry = fileURLToPath(new URL('../../../engine/train/train-cli.ts', import.meta.url));
const base = join(home, 'base');
const data = join(home, 'data.jsonl');

interface Event {
  readonly type: string;
  readonly text?: string;
  readonly loss?: number;
}

/** `npm run train -- sft` on a device; the events it prints. */
async function train(device: string, out: string): Promise<readonly Event[]> {
  const config = join(home, `${device}.json`);
  const recipe = { rank: 4, epochs: 1, stepsMin: 3, batch: 2, maxTokens: 64, lr: 0.01 };
  writeFileSync(config, JSON.stringify({ base, data, out, recipe }));
  const child = spawn(process.execPath, [entry, 'sft', '--config', config, '--json'], {
    env: { ...process.env, ...environment, ENGINE_DEVICE: device },
  });
  let [output, complaint] = ['', ''];
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  child.stderr.on('data', (chunk) => {
    complaint += chunk;
  });
  const code = await new Promise((resolve) => child.once('close', resolve));
  expect(code, complaint).toBe(0);
  return output
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

describe.skipIf(environment === undefined)('a fine-tuning run on webgpu', { timeout: 600_000 }, () => {
  it('tells its device and ends with the losses and the adapter of the CPU, to 1e-3', async () => {
    writeRandomModel(base, { ...tinyConfig, vocab: 300, layers: 1 }, { dtype: 'f32' });
    const rows = ['one', 'two', 'three', 'four'].map((question, id) => ({
      id: `${id}`,
      question,
      answer: 'yes',
    }));
    writeFileSync(data, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
    const [onCpu, onGpu] = [join(home, 'cpu'), join(home, 'gpu')];
    const expected = await train('cpu', onCpu);
    const found = await train('webgpu', onGpu);
    expect(found.find(({ type }) => type === 'note')?.text).toMatch(
      /^training on webgpu: ENGINE_DEVICE=webgpu/,
    );

    const losses = (events: readonly Event[]) =>
      events.flatMap(({ type, loss }) => (type === 'progress' && loss !== undefined ? [loss] : []));
    expect(losses(found)).toHaveLength(3);
    losses(found).forEach((loss, at) => {
      expect(Math.abs(loss / losses(expected)[at] - 1)).toBeLessThan(1e-3);
    });
    const config = loadModelConfig(base);
    const [a, b] = [onGpu, onCpu].map((folder) => loadLoraAdapter(folder, config).weights);
    for (const [name, { data: values }] of b) {
      const difference = Math.hypot(...a.get(name)!.data.map((value, at) => value - values[at]));
      expect(difference / Math.hypot(...values), name).toBeLessThan(1e-3);
    }
  });
});

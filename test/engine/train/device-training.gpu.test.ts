// Training on a GPU (software Vulkan here) against training on the CPU: the same batch, the same loss and gradients.
import { describe, expect, it } from 'vitest';
import { projections } from '../../../engine/model/llama-weights.ts';
import type { LlamaConfig } from '../../../engine/model/model-config.ts';
import type { TensorMap } from '../../../engine/model/safetensors.ts';
import { seededRandom } from '../../../engine/train/training-random.ts';
import { createTrainingSession, type TokenBatch } from '../../../engine/train/training-session.ts';
import { useSoftwareVulkan } from '../serve/software-vulkan.ts';
import { randomAdapterTensors, randomWeights, tinyConfig } from '../serve/tiny-llama.ts';

const usable = await useSoftwareVulkan();
const errorMax = 1e-4;
const [batch, seq, rank] = [3, 33, 4];
const lora = { rank, targets: projections };

const biased: LlamaConfig = {
  ...{ ...tinyConfig, tied: false, qkvBias: true, outputBias: true, mlpBias: true },
  headDim: 24, // rotary composed, not the fused kernel
};

function randomTokens({ vocab }: LlamaConfig): TokenBatch {
  const random = seededRandom(7);
  const ids = () => BigInt64Array.from({ length: batch * seq }, () => BigInt(Math.floor(random() * vocab)));
  const weights = Float32Array.from({ length: batch * seq }, (_, at) => (at % 4 === 3 ? 0 : random() - 0.3));
  const segments = BigInt64Array.from({ length: batch * seq }, (_, at) =>
    BigInt(Math.floor((at % seq) / 12)),
  );
  return { ids: ids(), labels: ids(), weights, segments };
}

function relativeError(found: Float32Array, expected: Float32Array): number {
  const difference = expected.reduce((sum, value, at) => sum + (found[at] - value) ** 2, 0);
  return Math.sqrt(difference / expected.reduce((sum, value) => sum + value ** 2, 0));
}

function weightsOf(config: LlamaConfig): TensorMap {
  return new Map([...randomWeights(config), ...randomAdapterTensors(config, rank)]);
}

const configs = { 'grouped heads, tied': tinyConfig, 'biases, untied, head size 24': biased } as const;
const cases = [
  ['grouped heads, tied', 'lora', 'one example a row'],
  ['grouped heads, tied', 'lora', 'packed'],
  ['grouped heads, tied', 'loraPerExample', 'one example a row'],
  ['biases, untied, head size 24', 'lora', 'one example a row'],
  ['biases, untied, head size 24', 'full', 'one example a row'],
  ['biases, untied, head size 24', 'none', 'packed'],
] as const;

describe.skipIf(!usable)('training on webgpu', { timeout: 300_000 }, () => {
  it.each(cases)(
    '%s; gradients: %s; %s: loss, nll and every tensor equal the CPU to 1e-4',
    async (name, gradients, rows) => {
      const config = configs[name];
      const packed = rows === 'packed';
      const weights = weightsOf(config);
      const tokens = randomTokens(config);
      const options = { config, batch, seq, gradients, lora, packed, weights, loraScale: 0.5 };
      const cpu = await createTrainingSession(options);
      const gpu = await createTrainingSession({ ...options, device: 'webgpu' });
      // Frozen weights do not cross the bus: the graph does not ask for them.
      expect(gpu.graph.weightShapes.size).toBe(gradients === 'full' ? cpu.graph.weightShapes.size : 0);
      for (const scale of [undefined, 0]) {
        const expected = await cpu.run(tokens, scale);
        const found = await gpu.run(tokens, scale);
        expect(Math.abs(found.loss / expected.loss - 1)).toBeLessThan(errorMax);
        expect(relativeError(found.nll, expected.nll)).toBeLessThan(errorMax);
        expect([...found.gradients.keys()]).toEqual([...expected.gradients.keys()]);
        for (const [name, gradient] of expected.gradients) {
          if (scale === 0 && name.includes('lora')) continue; // zero at scale 0
          expect(relativeError(found.gradients.get(name)!, gradient), name).toBeLessThan(errorMax);
        }
      }
      await cpu.release();
      await gpu.release();
    },
  );
});

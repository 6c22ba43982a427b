// The session on a GPU (software Vulkan here) against the session on the CPU: the same calls, the same logits.
import { describe, expect, it } from 'vitest';
import { type Projection, projections, weightOf } from '../../../engine/model/llama-weights.ts';
import type { LoraAdapter } from '../../../engine/model/lora-adapter.ts';
import type { LlamaConfig } from '../../../engine/model/model-config.ts';
import { dequantise, quantiseInt4, quantiseInt8 } from '../../../engine/model/quantise.ts';
import type { WeightFormat } from '../../../engine/model/weight-format.ts';
import type { BatchSession, StepLogits } from '../../../engine/serve/batch-session.ts';
import { createDeviceSession } from '../../../engine/serve/device-session.ts';
import { createBatchSession } from '../../../engine/serve/serve-session.ts';
import { packLora } from './pack-lora.ts';
import { useSoftwareVulkan } from './software-vulkan.ts';
import { randomAdapterTensors, randomIds, randomWeights, tinyConfig } from './tiny-llama.ts';

const usable = await useSoftwareVulkan();
const errorMax = 1e-4;
const greedy = { temperature: 0, wanted: 'last' } as const;

function adapterOf(config: LlamaConfig, rank: number, targets: readonly Projection[], seed: number) {
  const all = [...randomAdapterTensors(config, rank, seed)];
  const weights = new Map(all.filter(([name]) => targets.some((target) => name.includes(target))));
  const lora: LoraAdapter = { rank, alpha: 2 * rank, scale: 2, targets, base: 'tiny', weights };
  return packLora(config, lora, `adapter ${seed}`);
}

interface Pair {
  readonly cpu: BatchSession;
  readonly gpu: BatchSession;
  /** Makes the same call on both and compares rows 0..rows-1 of the results. Gives the greedy tokens. */
  readonly step: (
    rows: number,
    call: (session: BatchSession) => Promise<StepLogits>,
  ) => Promise<readonly number[]>;
  readonly both: (call: (session: BatchSession) => Promise<unknown>) => Promise<void>;
  readonly release: () => Promise<void>;
}

async function openPair(
  config: LlamaConfig,
  { rowsMax = 4, weights = 'f32' as WeightFormat, contextTokens = config.maxSeq } = {},
): Promise<Pair> {
  const random = randomWeights(config);
  const read = (name: string): Float32Array => weightOf(random, name).data;
  const options = { config, rowsMax, contextTokens };
  // The CPU rounds activations to 8 bits where weights are quantised, the GPU does not at these widths: what both
  // should give is what the quantised weights stand for.
  const exact = (name: string): Float32Array => {
    const { shape, data } = weightOf(random, name);
    const head = name === 'lm_head.weight';
    if (weights === 'f32' || !(head || name.includes('_proj.weight'))) return data;
    const format = head ? 'int8' : weights;
    const quantised = (format === 'int8' ? quantiseInt8 : quantiseInt4)(data, shape[0], shape[1]);
    return dequantise(quantised, format, shape[0], shape[1]);
  };
  const cpu = await createBatchSession({ ...options, read: exact, weights: 'f32' });
  const gpu = await createDeviceSession({ ...options, read, weights, device: 'webgpu' });
  return {
    cpu,
    gpu,
    step: async (rows, call) => {
      const [expected, found] = [await call(cpu), await call(gpu)];
      return Array.from({ length: rows }, (_, row) => {
        expect(relativeError(found.logits(row), expected.logits(row))).toBeLessThan(errorMax);
        expect(relativeError(found.topProbabilities(row), expected.topProbabilities(row))).toBeLessThan(
          10 * errorMax,
        );
        expect(found.topIds(row)[0]).toBe(expected.topIds(row)[0]);
        return expected.topIds(row)[0];
      });
    },
    both: async (call) => {
      await call(cpu);
      await call(gpu);
    },
    release: async () => {
      await cpu.release();
      await gpu.release();
    },
  };
}

function relativeError(found: Float32Array, expected: Float32Array): number {
  const difference = expected.reduce((sum, value, at) => sum + (found[at] - value) ** 2, 0);
  return Math.sqrt(difference / expected.reduce((sum, value) => sum + value ** 2, 0));
}

const quantisable = { ...tinyConfig, dim: 64, ffn: 96, tied: false };
const variants: readonly (readonly [string, LlamaConfig, WeightFormat])[] = [
  ['f32', tinyConfig, 'f32'],
  ['int8, with biases', { ...quantisable, qkvBias: true, mlpBias: true }, 'int8'],
  ['int4', quantisable, 'int4'],
  ['f32, biases and rotary before the kernel', { ...tinyConfig, headDim: 24, qkvBias: true }, 'f32'],
  ['f32, a context of 101 tokens, which no block divides', { ...tinyConfig, maxSeq: 101 }, 'f32'],
];

describe.skipIf(!usable).each(variants)(
  'device session, %s',
  { timeout: 300_000 },
  (_name, config, weights) => {
    const ids = randomIds(config, 90);
    const wide = adapterOf(config, 6, projections, 11);
    const narrow = adapterOf(config, 3, ['self_attn.q_proj', 'self_attn.v_proj'], 12);

    it('equals the CPU to 1e-4 over prompts in pieces, three adapters in one batch, and rows that move', async () => {
      const { step, both, release } = await openPair(config, { weights });
      await both((session) => session.setAdapter(2, narrow));
      const fed = (row: number, start: number, end: number) =>
        step(1, (session) => session.prefill({ ...greedy, row, start, ids: ids.slice(start, end) }));
      // Two prompts take turns, so the staging row changes hands in the middle of both; row 0 needs none.
      await fed(2, 0, 20);
      await fed(1, 0, 13);
      await fed(2, 20, 41);
      await both((session) => session.setAdapter(0, wide)); // a larger rank and new groups, with rows in use
      await fed(0, 0, 75);
      const second = await fed(1, 13, 33);
      const third = await fed(2, 41, 43);
      const first = await fed(0, 75, 80);

      let next = [...first, ...second, ...third];
      const lengths = [80, 33, 43];
      const decode = async (): Promise<void> => {
        const input = { ids: [...next], lengths: [...lengths], temperatures: lengths.map(() => 0.7) };
        next = [...(await step(lengths.length, (session) => session.decode(input)))];
        for (const row of lengths.keys()) lengths[row]++;
      };
      for (let count = 0; count < 4; count++) await decode();

      // Row 0 ends: row 2 takes its place with its cache and adapter; a new request comes into row 2.
      await both((session) => session.moveRow(2, 0, lengths[2]));
      [lengths[0], next[0]] = [lengths[2], next[2]];
      await both((session) => session.setAdapter(2, undefined));
      lengths[2] = 9;
      next[2] = (await fed(2, 0, 9))[0];
      for (let count = 0; count < 3; count++) await decode();
      await release();
    });

    it('reads a row as the CPU has it, and a row written from it goes on as the row it came from', async () => {
      const { cpu, gpu, step, both, release } = await openPair(config, { weights });
      await both((session) => session.setAdapter(1, wide));
      const [token] = await step(1, (session) =>
        session.prefill({ ...greedy, row: 1, start: 0, ids: ids.slice(0, 70) }),
      );
      const [expected, found] = [await cpu.readRow(1, 70), await gpu.readRow(1, 70)];
      expect(found.tokens).toBe(70);
      expect(found.parts.length).toBe(expected.parts.length);
      for (const [at, part] of found.parts.entries()) {
        expect(part.length).toBe(config.kvHeads * 70 * config.headDim);
        expect(relativeError(part, expected.parts[at])).toBeLessThan(errorMax);
      }
      // The first 50 tokens of the snapshot into another row with the same adapter, and the last 20 again.
      await gpu.setAdapter(3, wide);
      await gpu.writeRow(3, found, 50);
      const again = await gpu.prefill({ ...greedy, row: 3, start: 50, ids: ids.slice(50, 70) });
      const cpuStep = await cpu.prefill({ ...greedy, row: 1, start: 50, ids: ids.slice(50, 70) });
      expect(relativeError(again.logits(0), cpuStep.logits(0))).toBeLessThan(errorMax);
      expect(again.topIds(0)[0]).toBe(token);
      await release();
    });
  },
);

describe.skipIf(!usable)('device session', { timeout: 300_000 }, () => {
  it('int8 at a width of 128, where the kernel rounds activations to 8 bits as the CPU does, stays within 5 %', async () => {
    const { cpu, gpu, release } = await openPair({ ...quantisable, dim: 128, ffn: 128 }, { weights: 'int8' });
    const prompt = { ...greedy, row: 1, start: 0, ids: randomIds(tinyConfig, 60) };
    const [exact, rounded] = [(await cpu.prefill(prompt)).logits(0), (await gpu.prefill(prompt)).logits(0)];
    expect(relativeError(rounded, exact)).toBeLessThan(0.05);
    expect(relativeError(rounded, exact)).toBeGreaterThan(errorMax);
    await release();
  });

  it('gives the logits of all 90 tokens of a prompt, as scoring wants them', async () => {
    const { step, release } = await openPair(tinyConfig);
    const ids = randomIds(tinyConfig, 90);
    await step(90, (session) => session.prefill({ row: 3, start: 0, ids, temperature: 0, wanted: 'all' }));
    await release();
  });

  it('one row only needs no staging, and keeps its memory flat over 200 steps', async () => {
    const { gpu, release } = await openPair(tinyConfig, { rowsMax: 1 });
    const bytes = gpu.residentBytes();
    await gpu.prefill({ ...greedy, row: 0, start: 0, ids: randomIds(tinyConfig, 10) });
    const before = process.memoryUsage().rss;
    for (let at = 0; at < 200; at++) {
      await gpu.decode({ ids: [5], lengths: [10 + (at % 100)], temperatures: [1] });
    }
    expect(gpu.residentBytes()).toBe(bytes);
    expect(process.memoryUsage().rss - before).toBeLessThan(64 * 2 ** 20);
    await release();
  });

  it('takes its adapter away without a trace', async () => {
    const { gpu, release } = await openPair(tinyConfig);
    const prompt = { ...greedy, row: 1, start: 0, ids: randomIds(tinyConfig, 12) };
    const base = (await gpu.prefill(prompt)).logits(0).slice();
    await gpu.setAdapter(1, adapterOf(tinyConfig, 4, projections, 5));
    const adapted = (await gpu.prefill(prompt)).logits(0).slice();
    await gpu.setAdapter(1, undefined);
    const again = (await gpu.prefill(prompt)).logits(0).slice();
    expect(relativeError(adapted, base)).toBeGreaterThan(0.1);
    expect(relativeError(again, base)).toBeLessThan(1e-6);
    await release();
  });

  it('refuses what the device would not: no token, a wrong id, a row or a length outside, and goes on', async () => {
    const { gpu, release } = await openPair({ ...tinyConfig, maxSeq: 16 });
    const prompt = { ...greedy, row: 0, start: 0, ids: [5, 6] };
    const refused: readonly (() => Promise<unknown>)[] = [
      () => gpu.prefill({ ...prompt, ids: [] }),
      () => gpu.prefill({ ...prompt, ids: [96] }),
      () => gpu.prefill({ ...prompt, row: 4 }),
      () => gpu.prefill({ ...prompt, start: 15 }),
      () => gpu.decode({ ids: [1], lengths: [16], temperatures: [1] }),
      () => gpu.moveRow(0, 4, 1),
      () => gpu.readRow(0, 17),
      () => gpu.setAdapter(-1, undefined),
    ];
    for (const call of refused) await expect(call()).rejects.toThrow(/^bug: /);
    expect((await gpu.prefill(prompt)).logits(0).length).toBe(96);
    await release();
  });
});

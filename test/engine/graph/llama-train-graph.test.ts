// Are the gradients right? The f64 graph against central finite differences, f32 (fused kernels) against f64,
// one-row runs against the per-example form, and merged LoRA against a merged weight.
// Covered: every parameter tensor, grouped heads, tied and untied heads, biases, both rotary forms, yarn, masked
// loss. Not covered: execution providers other than the CPU.
import { describe, expect, it } from 'vitest';
import { gradientName } from '../../../engine/graph/llama-train-graph.ts';
import type { LlamaConfig } from '../../../engine/model/model-config.ts';
import {
  allLora,
  randomBatch,
  randomWeights,
  relativeError,
  seededNoise,
  tinyConfig,
  tinyRunner,
} from './tiny-train-graph.ts';

const batch = 2;
const seq = 5;

const variants: readonly { readonly name: string; readonly config: LlamaConfig }[] = [
  { name: 'untied, 4 query heads on 2 key heads', config: tinyConfig },
  { name: 'tied', config: { ...tinyConfig, tied: true } },
  { name: 'qkv biases, head size 8', config: { ...tinyConfig, qkvBias: true, headDim: 8, kvHeads: 4 } },
  {
    name: 'biases on every projection, yarn positions',
    config: {
      ...{ ...tinyConfig, qkvBias: true, outputBias: true, mlpBias: true },
      ropeScaling: {
        ...{ kind: 'yarn', factor: 4, betaFast: 2, betaSlow: 0.5, truncate: false },
        ...{ attentionFactor: 1.2, originalMaxSeq: 8 },
      },
    },
  },
];

describe.each(variants)('gradients of a Llama: $name', ({ config }) => {
  const data = randomBatch(batch * seq, config.vocab, 7);

  it.each(['full', 'lora'] as const)(
    '%s: f64 equals central differences within 1e-6 for every tensor',
    async (gradients) => {
      const options = { config, batch, seq, gradients, lora: allLora, floatType: 'f64' } as const;
      const { graph, run } = await tinyRunner(options);
      const weights = randomWeights(graph, 1);
      const exact = await run(weights, data);
      const noise = seededNoise(3);
      expect(graph.trained.length).toBeGreaterThanOrEqual(20);
      for (const name of graph.trained) {
        const value = weights.get(name)!;
        const gradient = exact[gradientName(name)];
        expect(gradient.length).toBe(value.length);
        // A random direction tilted towards the gradient: the derivative along it is not small by accident.
        const norm = Math.hypot(...gradient);
        const direction = value.map((_, i) => noise() + (3 * gradient[i]) / norm);
        const step = 1e-5;
        const lossAt = async (t: number): Promise<number> =>
          (
            await run(
              new Map(weights).set(
                name,
                value.map((v, i) => v + t * direction[i]),
              ),
              data,
            )
          ).loss[0];
        const numeric = ((await lossAt(step)) - (await lossAt(-step))) / (2 * step);
        const analytic = gradient.reduce((sum, v, i) => sum + v * direction[i], 0);
        expect(Math.abs(numeric - analytic) / Math.abs(analytic), name).toBeLessThan(1e-6);
      }
    },
  );

  it.each(['full', 'lora'] as const)(
    '%s: f32 with fused kernels equals f64 within 1e-4 for every output',
    async (gradients) => {
      const options = { config, batch, seq, gradients, lora: allLora } as const;
      const single = await tinyRunner(options);
      const double = await tinyRunner({ ...options, floatType: 'f64' });
      const weights = randomWeights(single.graph, 2);
      const a = await single.run(weights, data);
      const b = await double.run(weights, data);
      expect(Object.keys(b)).toHaveLength(2 + single.graph.trained.length);
      for (const name of Object.keys(b)) expect(relativeError(a[name], b[name]), name).toBeLessThan(1e-4);
    },
  );
});

describe('LoRA in the training graph', () => {
  const config = tinyConfig;
  const data = randomBatch(batch * seq, config.vocab, 9);

  it('gives per-example gradients equal to runs of one row', async () => {
    const whole = await tinyRunner({ config, batch, seq, gradients: 'loraPerExample', lora: allLora });
    const single = await tinyRunner({ config, batch: 1, seq, gradients: 'lora', lora: allLora });
    const weights = randomWeights(whole.graph, 4);
    const together = await whole.run(weights, data);
    for (let row = 0; row < batch; row++) {
      const part = <T>(values: readonly T[]): readonly T[] => values.slice(row * seq, (row + 1) * seq);
      const alone = await single.run(weights, {
        ...data,
        ids: part(data.ids),
        labels: part(data.labels),
        weights: part(data.weights),
      });
      for (const name of single.graph.trained.map(gradientName)) {
        const size = alone[name].length;
        const error = relativeError(together[name].slice(row * size, (row + 1) * size), alone[name]);
        expect(error, `${name} row ${row}`).toBeLessThan(1e-5);
      }
    }
  });

  it('equals a base whose weights are W + s B A, and the base itself at scale 0', async () => {
    const adapted = await tinyRunner({
      config,
      batch,
      seq,
      gradients: 'none',
      lora: allLora,
      floatType: 'f64',
    });
    const plain = await tinyRunner({ config, batch, seq, gradients: 'none', floatType: 'f64' });
    const weights = randomWeights(adapted.graph, 5);
    const merged = new Map(weights);
    for (const [nameA, [rank, into]] of adapted.graph.loraShapes) {
      if (!nameA.endsWith('lora_A.weight')) continue;
      const target = nameA.replace('lora_A.', '');
      const a = weights.get(nameA)!;
      const b = weights.get(nameA.replace('lora_A', 'lora_B'))!;
      const w = weights.get(target)!;
      merged.set(
        target,
        w.map((value, at) => {
          const [out, column] = [Math.floor(at / into), at % into];
          let product = 0;
          for (let r = 0; r < rank; r++) product += b[out * rank + r] * a[r * into + column];
          return value + 0.7 * product;
        }),
      );
    }
    const viaGraph = await adapted.run(weights, data);
    expect(relativeError(viaGraph.nll, (await plain.run(merged, data)).nll)).toBeLessThan(1e-12);
    const off = await adapted.run(weights, { ...data, loraScale: 0 });
    expect(relativeError(off.nll, (await plain.run(weights, data)).nll)).toBeLessThan(1e-12);
    expect(relativeError(viaGraph.nll, off.nll)).toBeGreaterThan(0.05);
  });

  it('ignores padding on the right: nll and gradients stay the same', async () => {
    const short = await tinyRunner({
      config,
      batch: 1,
      seq: 5,
      gradients: 'lora',
      lora: allLora,
      floatType: 'f64',
    });
    const padded = await tinyRunner({
      config,
      batch: 1,
      seq: 9,
      gradients: 'lora',
      lora: allLora,
      floatType: 'f64',
    });
    const weights = randomWeights(short.graph, 6);
    const one = randomBatch(5, config.vocab, 11);
    const pad = (values: readonly number[], fill: number): readonly number[] => [
      ...values,
      ...Array(4).fill(fill),
    ];
    const a = await short.run(weights, one);
    const b = await padded.run(weights, {
      ...one,
      ids: pad(one.ids, 3),
      labels: pad(one.labels, 0),
      weights: pad(one.weights, 0),
    });
    expect(relativeError(b.nll.slice(0, 5), a.nll)).toBeLessThan(1e-12);
    for (const name of short.graph.trained.map(gradientName)) {
      expect(relativeError(b[name], a[name]), name).toBeLessThan(1e-10);
    }
  });
});

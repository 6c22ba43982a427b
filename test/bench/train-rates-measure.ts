// Tokens per second of whole runs (full, LoRA, DPO) as the product does them: a child process of lowest priority that reads
// files, batches, trains and reports. Used by the training bench. Figures for people who plan a run; they have no goal.
// DPO counts the tokens of both answers, and each of its updates also scores them.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runTrainProcess } from '../../engine/train/train-process.ts';
import { seededRandom } from '../../engine/train/training-random.ts';
import type { FigureKind, Measured } from './bench-figure.ts';
import { benchWeights, writeModelFolder } from './bench-model.ts';
import { benchLora, benchTexts, shape7, type TrainMeasure } from './train-bench-context.ts';

const methods = ['full', 'sft', 'dpo'] as const;
const names = { full: 'full training', sft: 'LoRA', dpo: 'DPO (LoRA)' } as const;
const letters = 120;
const examples = 64;
const batch = 16;

const kinds = methods.map(
  (method) =>
    ({
      name: `rate-${method}`,
      measure: `${names[method]}, 7M, rows of about ${2 * letters} tokens`,
      unit: 'tokens/s',
    }) as const satisfies FigureKind,
);

export const trainRatesMeasure: TrainMeasure = {
  figures: kinds,
  run: async ({ quick, folder, threads }) => {
    const base = join(folder, 'trained-base');
    writeModelFolder(base, shape7, benchWeights(shape7));
    const rates: Record<string, Measured> = {};
    for (const method of methods) {
      const data = join(folder, `${method}.jsonl`);
      writeFileSync(
        data,
        rowsOf(method)
          .map((row) => `${JSON.stringify(row)}\n`)
          .join(''),
      );
      const lora = method === 'full' ? {} : { rank: benchLora.rank, targets: [...benchLora.targets] };
      const recipe = { ...lora, batch, epochs: 1, stepsMin: quick ? 5 : 25, lr: 1e-5 };
      const points: { readonly at: number; readonly tokens: number }[] = [];
      await runTrainProcess(
        method,
        { method, base, data, out: join(folder, `run-${method}`), threads, recipe },
        (event) => {
          if (event.type === 'progress') points.push({ at: performance.now(), tokens: event.tokens });
        },
      );
      const warm = points.slice(2); // the first updates make their graphs
      const [first, last] = [warm[0], warm[warm.length - 1]];
      rates[`rate-${method}`] = {
        value: (1000 * (last.tokens - first.tokens)) / (last.at - first.at),
        details: { updates: warm.length - 1 },
      };
    }
    return rates;
  },
};

function rowsOf(method: (typeof methods)[number]): readonly unknown[] {
  const texts = benchTexts(seededRandom(37), 3 * examples, letters);
  return Array.from({ length: examples }, (_, i) => {
    const [question, answer, other] = texts.slice(3 * i, 3 * i + 3);
    return method === 'dpo' ? { prompt: question, chosen: answer, rejected: other } : { question, answer };
  });
}

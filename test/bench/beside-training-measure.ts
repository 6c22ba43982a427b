// How long a person waits for a short answer while a training job runs on the same machine. Used by the training bench. The
// whole engine as the product starts it (7M shape): answers of 16 tokens to messages of 40 letters, one after another with
// a short pause; training is the engine's own `train`, a child process of lowest priority with one thread. Windows with and
// without it in turn; a stopped job goes on from its checkpoint in the next window.
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Engine, Example } from '../../engine/engine.ts';
import { EngineError } from '../../engine/errors.ts';
import { createLocalEngine } from '../../engine/serve/local-engine.ts';
import { seededRandom } from '../../engine/train/training-random.ts';
import type { FigureKind } from './bench-figure.ts';
import { benchWeights, writeModelFolder } from './bench-model.ts';
import { median, quantile, rounded } from './interleaved.ts';
import { benchTexts, shape7, type TrainMeasure } from './train-bench-context.ts';

const answerTokens = 16;
const pauseMs = 30;
const windowMs = 8000;
const pairsOfWindows = 5;

const kind = {
  name: 'serving-beside',
  measure: 'time of a short answer (7M), p95: beside a training job / without',
  unit: '×',
  goal: { atMost: 1.3 },
} as const satisfies FigureKind;

export const besideTrainingMeasure: TrainMeasure = {
  figures: [kind],
  run: async ({ quick, folder }) => {
    const baseDir = join(folder, 'served');
    writeModelFolder(baseDir, shape7, benchWeights(shape7));
    const engine = await createLocalEngine({ baseDir });
    const [alone, beside]: [number[][], number[][]] = [[], []];
    let updates = 0;
    try {
      const window = async (index: number): Promise<number[]> =>
        await answerTimes(engine, quick ? 2000 : windowMs, index);
      await window(-1); // warm-up
      for (let pair = 0; pair < (quick ? 1 : pairsOfWindows); pair++) {
        const job = await startedJob(engine, join(folder, 'trained'));
        beside.push(await window(2 * pair));
        updates += await job.stop();
        alone.push(await window(2 * pair + 1));
      }
    } finally {
      await engine.close();
    }
    const [all, calm] = [beside.flat(), alone.flat()];
    const ratios = beside.map((times, pair) => quantile(times, 0.95) / quantile(alone[pair], 0.95));
    return {
      [kind.name]: {
        ...{ value: quantile(all, 0.95) / quantile(calm, 0.95), low: Math.min(...ratios) },
        high: Math.max(...ratios),
        details: {
          ...{ 'answers beside': all.length, 'answers without': calm.length },
          'p95 beside, ms': rounded(quantile(all, 0.95)),
          'p95 without, ms': rounded(quantile(calm, 0.95)),
          'median beside, ms': rounded(median(all)),
          'median without, ms': rounded(median(calm)),
          'updates of training meanwhile': updates,
        },
      },
    };
  },
};

/** Milliseconds from asking to the end of the answer. */
async function answerTimes(engine: Engine, forMs: number, seed: number): Promise<number[]> {
  const times: number[] = [];
  const questions = benchTexts(seededRandom(29, seed), 1000, 40);
  const until = performance.now() + forMs;
  while (performance.now() < until) {
    const content = questions[times.length % questions.length];
    const startedAt = performance.now();
    const messages = [{ role: 'user', content }] as const;
    const asking = { messages, maxTokens: answerTokens, sampling: { temperature: 0 } };
    for await (const event of engine.generate(asking)) if (event.type === 'done') break;
    times.push(performance.now() - startedAt);
    await sleep(pauseMs);
  }
  return times;
}

/** Resolves at the first update. `stop` gives the updates that were done. */
async function startedJob(engine: Engine, outDir: string): Promise<{ stop: () => Promise<number> }> {
  const answers = benchTexts(seededRandom(31), 64, 100);
  const examples = answers.map(
    (answer, index): Example => ({ id: `${index}`, question: `question ${index}`, answer }),
  );
  const abort = new AbortController();
  const started = Promise.withResolvers<void>();
  let updates = 0;
  const onProgress = (): void => {
    updates += 1;
    started.resolve();
  };
  const recipe = { stepsMin: 100_000 }; // far more than the bench has time for
  const ended = engine.train({ outDir, examples, seed: 1, recipe }, onProgress, abort.signal).then(
    () => new Error('the training job ended by itself'),
    (error: unknown) => error,
  );
  await Promise.race([started.promise, ended.then(throwIt)]);
  const before = updates;
  return {
    stop: async () => {
      abort.abort();
      const end = await ended;
      if (!(end instanceof EngineError && end.code === 'training_cancelled')) throwIt(end);
      return updates - before;
    },
  };
}

function throwIt(error: unknown): never {
  throw error;
}

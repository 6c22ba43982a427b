// Runs from files to folders on a tiny random model: every method, a process killed with -9, limits, and the engine's
// train(). Not covered here: what methods learn (train-methods.test.ts).
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TrainJob, TrainProgress } from '../../../engine/engine.ts';
import { loadLlamaWeights } from '../../../engine/model/llama-weights.ts';
import { loadLoraAdapter } from '../../../engine/model/lora-adapter.ts';
import { loadModelConfig } from '../../../engine/model/model-config.ts';
import { loadTokenizer } from '../../../engine/model/tokenizer.ts';
import { trainAdapter } from '../../../engine/train/train-adapter.ts';
import type { TrainEvent } from '../../../engine/train/train-event.ts';
import { type TrainMethodName, trainMethods } from '../../../engine/train/train-recipe.ts';
import { trainRun } from '../../../engine/train/train-run.ts';
import { type AnyTrainRun, parseRun } from '../../../engine/train/train-run-config.ts';
import { writeRandomModel } from '../../support/random-model.ts';

let folder = '';
let base = '';
const config = {
  ...{ dim: 16, layers: 1, heads: 2, kvHeads: 1, headDim: 8, ffn: 16, vocab: 263, maxSeq: 128 },
  ...{ ropeTheta: 10000, rmsEps: 1e-5, tied: true, qkvBias: false, bosId: undefined, eosIds: [1] },
};
const words = ['red', 'blue', 'green', 'white', 'black', 'brown'];
const examples = words.map((word, i) => ({ id: `e${i}`, question: `colour ${i}?`, answer: word }));
const pairs = examples.map(({ id, question, answer }, i) => ({
  ...{ id, messages: [{ role: 'user' as const, content: question }], chosen: answer },
  rejected: `not ${words[(i + 1) % 6]}`,
}));
const ratings = pairs.flatMap(({ id, messages, chosen, rejected }) => [
  { id, messages, answer: chosen, good: true },
  { id: `${id} bad`, messages, answer: rejected, good: false },
]);
const jsonl = (name: string, rows: readonly unknown[]): string => {
  const path = join(folder, name);
  writeFileSync(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  return path;
};

const dataOf = (method: TrainMethodName): readonly unknown[] =>
  method === 'sft' || method === 'full' ? examples : method === 'kto' ? ratings : pairs;

/** A run of 6 updates. */
const run = (method: TrainMethodName, out: string, over: object = {}): AnyTrainRun => {
  const rows = dataOf(method);
  return parseRun({
    ...{ method, base, out: join(folder, out) },
    data: jsonl(`${method}.jsonl`, rows.slice(0, -2)),
    heldOut: jsonl(`held-out-${method}.jsonl`, rows.slice(-2)),
    recipe: { epochs: 1, stepsMin: 6, batch: 4, evalEvery: 3, ...(method === 'full' ? {} : { rank: 2 }) },
    ...over,
  });
};

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'train-run-'));
  base = join(folder, 'base');
  mkdirSync(base);
  writeRandomModel(base, config, { dtype: 'f32' });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.each(trainMethods)('a run of %s', (method) => {
  it('reads its files, looks at held-out data 3 times and writes a folder with a record', async () => {
    const events: TrainEvent[] = [];
    await trainRun(run(method, method), (event) => events.push(event));
    const out = join(folder, method);
    const record = JSON.parse(readFileSync(join(out, 'training.json'), 'utf8'));
    expect(record).toMatchObject({
      recipe: { method, stepsMin: 6 },
      steps: 6,
      stepsDone: 6,
      endedBy: 'steps',
    });
    expect(record.losses).toHaveLength(6);
    expect(record.heldOut.map(({ step }: { step: number }) => step)).toEqual([0, 3, 6]);
    expect(record.data.map(({ kept }: { kept: number }) => kept)).toEqual([dataOf(method).length - 2, 2]);
    expect(events.at(-1)).toMatchObject({ type: 'done', step: 6, endedBy: 'steps' });
    if (method === 'full') {
      expect(loadLlamaWeights(out, loadModelConfig(out)).size).toBe(11);
      expect(loadTokenizer(out).encode('red')).toEqual(loadTokenizer(base).encode('red'));
    } else if (method !== 'reward') {
      expect(loadLoraAdapter(out, config)).toMatchObject({ rank: 2, base: 'base' });
    }
  });
});

describe('a process of dpo', () => {
  it('killed with -9 after its checkpoint at update 4 goes on from there and ends with the same bytes', async () => {
    const over = { resumeEvery: 4, recipe: { epochs: 1, stepsMin: 200, batch: 4, rank: 2, evalEvery: 50 } };
    const entry = fileURLToPath(new URL('../../../engine/train/fine-tune-main.ts', import.meta.url));
    const start = (out: string) => {
      const path = join(folder, `${out}.json`);
      writeFileSync(path, JSON.stringify(run('dpo', out, over)));
      const child = spawn(process.execPath, [entry, path], { stdio: ['ignore', 'pipe', 'inherit'] });
      const events: TrainEvent[] = [];
      createInterface({ input: child.stdout }).on('line', (line) => {
        events.push(JSON.parse(line));
        if (out === 'killed' && events.at(-1)?.type === 'checkpoint') child.kill('SIGKILL');
      });
      return new Promise<readonly TrainEvent[]>((resolve) => child.once('close', () => resolve(events)));
    };
    const killed = await start('killed');
    expect(killed.some(({ type }) => type === 'done')).toBe(false);
    const events: TrainEvent[] = [];
    await trainRun(run('dpo', 'killed', over), (event) => events.push(event));
    const first = events.find((event) => event.type === 'start');
    expect(first).toMatchObject({ steps: 200 });
    expect(first?.step).toBeGreaterThanOrEqual(4);
    await trainRun(run('dpo', 'whole', over), () => {});
    for (const file of ['adapter_model.safetensors', 'training.json']) {
      const bytes = (out: string) => readFileSync(join(folder, out, file));
      expect(bytes('killed').equals(bytes('whole')), file).toBe(true);
    }
  });
});

describe('limits and bad data', () => {
  it('refuse a run that needs more memory than allowed before anything is read, with both figures', async () => {
    const tooLarge = trainRun(run('sft', 'large', { memoryMb: 100 }), () => {});
    await expect(tooLarge).rejects.toMatchObject({ code: 'training_too_large', retry: 'never' });
    await expect(tooLarge).rejects.toThrow(/needs about \d+ MB, 100 MB are allowed/);
    expect(existsSync(join(folder, 'large', 'training.json'))).toBe(false);
  });

  it('skip a row without an answer, tell it and keep it in the record; or stop there', async () => {
    const data = jsonl('bad.jsonl', [...examples, { id: 'empty', question: 'what?', answer: '' }]);
    const notes: string[] = [];
    const told = (event: TrainEvent) => void (event.type === 'note' && notes.push(event.text));
    await trainRun(run('sft', 'skips', { data, onBadRow: 'skip' }), told);
    expect(notes).toEqual([expect.stringMatching(/1 of 7 rows skipped .*row 7 \(empty answer\)/)]);
    const stops = trainRun(run('sft', 'stops', { data }), () => {});
    await expect(stops).rejects.toThrow(/bad\.jsonl:7: empty answer/);
  });
});

describe('the engine’s train()', () => {
  const recipe = { rank: 2, epochs: 1, stepsMin: 4, batch: 4, evalEvery: 2 };
  const job = (over: Partial<TrainJob>): TrainJob => ({
    ...{ outDir: join(folder, 'adapter'), examples: [], seed: 3, recipe, ...over },
  });

  it('trains on answers, then on pairs from that adapter, watching held-out answers', async () => {
    const first = await trainAdapter(base, job({ examples, outDir: join(folder, 'first') }), () => {});
    expect(first).toMatchObject({ method: 'sft', endedBy: 'steps', recipe: { rank: 2, seed: 3 } });
    const progress: TrainProgress[] = [];
    const over = { method: 'dpo', pairs, startFrom: first.adapter, heldOut: examples.slice(0, 2) } as const;
    const outDir = join(folder, 'second');
    const second = await trainAdapter(base, job({ ...over, outDir }), (each) => progress.push(each));
    expect(second).toMatchObject({ method: 'dpo', adapter: { id: 'second' } });
    expect(progress).toHaveLength(4);
    expect(progress[0].heldOutLoss).toBeUndefined();
    expect(progress[1].heldOutLoss).toBeGreaterThan(0);
    expect(progress[3].metrics).toHaveProperty(['rewards/margin']);
    expect(progress[3].learningRate).toBeGreaterThan(0);
    expect(second.metrics).toHaveProperty(['answers/loss']);
  });

  it('refuses a job without rows of its method, and a recipe by the name of its field', async () => {
    await expect(trainAdapter(base, job({ method: 'kto', examples }), () => {})).rejects.toMatchObject({
      code: 'training_empty',
      message: 'no ratings to train on',
    });
    const odd = trainAdapter(base, job({ examples, recipe: { rank: 'many' } }), () => {});
    await expect(odd).rejects.toMatchObject({ code: 'recipe_malformed' });
    await expect(odd).rejects.toThrow(/recipe\.rank: Expected number/);
  });

  it('hands on that the run is too large', async () => {
    const large = trainAdapter(base, job({ examples, limits: { memoryMb: 50 } }), () => {});
    await expect(large).rejects.toMatchObject({ code: 'training_too_large' });
  });
});

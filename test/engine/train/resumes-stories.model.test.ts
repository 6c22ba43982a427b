// A run that is killed (SIGKILL to a real child process, in the middle of an update) and started again, several times over,
// ends with the files of one that never stopped, to the bit; and a loss that is no number stops a run with its rows. On
// real weights (stories260k) and children's stories.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, describe, expect, it } from 'vitest';
import { readSafetensors, writeSafetensors } from '../../../engine/model/safetensors.ts';
import type { TrainEvent } from '../../../engine/train/train-event.ts';
import { trainRun } from '../../../engine/train/train-run.ts';
import { parseRun } from '../../../engine/train/train-run-config.ts';
import { sharedData } from '../model/shared-data.ts';
import { preferenceRows, ratedRows, storySets, writeRows } from './story-data.ts';

const base = sharedData('models/stories260k-hf');
const sets = storySets(24);
const folder = mkdtempSync(join(tmpdir(), 'resumes-stories-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const entry = join(import.meta.dirname, '../../../engine/train/fine-tune-main.ts');
const recipe = { rank: 4, batch: 8, epochs: 1, stepsMin: 8, maxTokens: 64, evalEvery: 3, dropout: 0.1 };

/** Runs the child; kills it when it tells of update `killAt`. @returns the last event that it told */
async function runChild(run: object, name: string, killAt = Number.POSITIVE_INFINITY): Promise<TrainEvent> {
  const configPath = join(folder, `${name}.json`);
  writeFileSync(configPath, JSON.stringify({ base, out: join(folder, name), resumeEvery: 2, ...run }));
  const child = spawn(process.execPath, [entry, configPath], { stdio: ['ignore', 'pipe', 'inherit'] });
  let last: TrainEvent | undefined;
  createInterface({ input: child.stdout }).on('line', (line) => {
    const event: TrainEvent = JSON.parse(line);
    last = event;
    if (event.type === 'progress' && event.step >= killAt) child.kill('SIGKILL');
  });
  const signal = await new Promise((resolve) => child.once('close', (_, name_) => resolve(name_)));
  expect(signal).toBe(killAt === Number.POSITIVE_INFINITY ? null : 'SIGKILL');
  if (!last) throw new Error('the child told nothing');
  return last;
}

function hashesOf(name: string): readonly string[] {
  return ['adapter_model.safetensors', 'adapter_config.json', 'training.json'].map((file) =>
    createHash('sha256')
      .update(readFileSync(join(folder, name, file)))
      .digest('hex'),
  );
}

describe.skipIf(base === undefined || sets === undefined)('on children’s stories', () => {
  const rowsOf = { sft: (parts: readonly object[]) => parts, dpo: preferenceRows, kto: ratedRows } as const;

  it.each(['sft', 'dpo', 'kto'] as const)(
    '%s, killed after updates 3, 5 and 6 of 8, ends as if it had never stopped, to the bit',
    async (method) => {
      const rows = rowsOf[method];
      const data = writeRows(folder, `${method}.jsonl`, rows(sets!.train));
      const heldOut = writeRows(folder, `${method}-held-out.jsonl`, rows(sets!.heldOut.slice(0, 8)));
      const run = { method, data, heldOut, recipe };
      expect(await runChild(run, `${method}-whole`)).toMatchObject({ type: 'done', step: 8 });
      for (const killAt of [3, 5, 6]) await runChild(run, `${method}-killed`, killAt);
      expect(await runChild(run, `${method}-killed`)).toMatchObject({ type: 'done', step: 8 });
      expect(hashesOf(`${method}-killed`)).toEqual(hashesOf(`${method}-whole`));
    },
    120_000,
  );

  const poisonedRun = (name: string, value: number, more: object = {}): Promise<void> => {
    const copy = join(folder, `base of ${name}`);
    cpSync(base!, copy, { recursive: true });
    const path = join(copy, 'model.safetensors');
    const tensors = readSafetensors(path);
    tensors.get('model.norm.weight')!.data[3] = value;
    writeSafetensors(path, tensors);
    const data = writeRows(folder, 'nan.jsonl', sets!.train);
    const run = { method: 'sft', base: copy, data, out: join(folder, name), recipe: { ...recipe, ...more } };
    return trainRun(parseRun(run), () => undefined);
  };

  it('a base with a weight that is no number is refused by the name of the tensor', async () => {
    await expect(poisonedRun('nan', Number.NaN)).rejects.toMatchObject({
      code: 'weights_not_finite',
      message: expect.stringContaining('model.norm.weight'),
    });
  });

  it.each([
    ['a weight of 3e38', 3e38, {}, 1],
    ['a learning rate of 1e30', 1, { lr: 1e30, clipNorm: 0 }, 2],
  ])('%s stops with the update, its 8 rows and the reason', async (name, value, more, update) => {
    const error: unknown = await poisonedRun(name, value, more).catch((caught: unknown) => caught);
    expect(error).toMatchObject({
      code: 'training_diverged',
      message: expect.stringContaining('lower the learning rate, or look at the base weights'),
    });
    const [, at, rows] = /at update (\d+) \(rows ([^)]*)\)/.exec(String(error))!;
    expect(Number(at)).toBe(update);
    const known = new Set(sets!.train.map(({ id }) => id));
    expect(rows.split(', ').filter((id) => known.has(id))).toHaveLength(8);
  });
});

// The command line of training: complaints name file, field and what it should be; examples are valid; help lists every
// field; progress overwrites itself in a terminal and is plain elsewhere; Ctrl-C leaves a checkpoint.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readTrainConfig } from '../../../engine/train/train-config-file.ts';
import type { TrainEvent } from '../../../engine/train/train-event.ts';
import { exampleConfig, helpOf, trainKinds } from '../../../engine/train/train-help.ts';
import { trainPrinter } from '../../../engine/train/train-printer.ts';
import { recipeFields, recipeSchema, trainMethods } from '../../../engine/train/train-recipe.ts';
import { runFields } from '../../../engine/train/train-run-config.ts';
import { writeRandomModel } from '../../support/random-model.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'train-cli-'));
  for (const name of ['base', 'empty']) mkdirSync(join(folder, name));
  writeRandomModel(join(folder, 'base'), {
    ...{ dim: 16, layers: 1, heads: 2, kvHeads: 1, headDim: 8, ffn: 16, vocab: 263, maxSeq: 64 },
    ...{ ropeTheta: 10000, rmsEps: 1e-5, tied: true, qkvBias: false, bosId: undefined, eosIds: [1] },
  });
  const row = (i: number) => JSON.stringify({ id: `${i}`, question: `number ${i}?`, answer: `it is ${i}` });
  writeFileSync(join(folder, 'data.jsonl'), Array.from({ length: 8 }, (_, i) => `${row(i)}\n`).join(''));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const written = (text: string): string => {
  const path = join(folder, 'config.json');
  writeFileSync(path, text);
  return path;
};
const complaints = (kind: (typeof trainKinds)[number], config: unknown): readonly string[] => {
  const path = written(typeof config === 'string' ? config : JSON.stringify(config));
  const file = readTrainConfig(kind, path);
  return file.ok ? [] : file.complaints.map((complaint) => complaint.replace(path, 'FILE'));
};
const good = () => ({
  ...{ base: join(folder, 'base'), data: join(folder, 'data.jsonl'), out: join(folder, 'out') },
});

describe('a configuration', () => {
  it('that is right is read, its defaults filled in', () => {
    const file = readTrainConfig('dpo', written(JSON.stringify(good())));
    expect(file).toMatchObject({
      ok: true,
      config: { method: 'dpo', recipe: { beta: 0.1, preset: 'smooth' } },
    });
  });

  it('that is not JSON is refused with line and column', () => {
    expect(complaints('sft', '{\n  "base": "x",\n  data: 2}')).toEqual([
      expect.stringMatching(/^FILE:3:3: not JSON: Expected double-quoted property name/),
    ]);
    expect(complaints('sft', '{"base": "x"')).toEqual([expect.stringMatching(/^FILE:1:13: not JSON/)]);
    expect(complaints('sft', '[]')).toEqual([expect.stringMatching(/^FILE: expected a JSON object/)]);
  });

  it('is told everything that is wrong at once: unknown, missing and mistyped fields', () => {
    const recipe = { betta: 0.2, rank: '16', labelSmoothing: 0.5 };
    const { data: _, ...rest } = good();
    expect(complaints('dpo', { ...rest, thread: 2, recipe })).toEqual([
      'FILE: data: is missing (JSONL: {id, prompt or messages, chosen, rejected})',
      'FILE: recipe.rank: Expected number, received string (of A and B; 8 to 64 load everywhere)',
      'FILE: recipe.labelSmoothing: Number must be less than 0.5 (part of the votes believed wrong (robust DPO))',
      'FILE: recipe.betta: unknown field; did you mean beta?',
      'FILE: thread: unknown field; did you mean threads?',
    ]);
  });

  it('has no field of another method', () => {
    expect(complaints('sft', { ...good(), recipe: { beta: 1 } })[0]).toMatch(/recipe\.beta: unknown field/);
    expect(complaints('full', { ...good(), startFrom: 'x' })[0]).toMatch(/startFrom: unknown field/);
  });

  it('names each file that is not there, and each folder that is none of the right kind', () => {
    const wrong = {
      ...good(),
      base: join(folder, 'empty'),
      data: 'nowhere.jsonl',
      startFrom: join(folder, 'base'),
    };
    expect(complaints('sft', wrong)).toEqual([
      `FILE: base: ${join(folder, 'empty')} holds no config.json`,
      `FILE: startFrom: ${join(folder, 'base')} holds no adapter_config.json`,
      'FILE: data: nowhere.jsonl does not exist',
    ]);
    expect(readTrainConfig('sft', join(folder, 'none.json'))).toMatchObject({
      ok: false,
      complaints: [expect.stringMatching(/none\.json: cannot be read \(ENOENT\)/)],
    });
  });

  it('does not write over what it reads, nor into a file', () => {
    const out = join(folder, 'base', '..', 'base');
    expect(complaints('full', { ...good(), out })[0]).toMatch(
      /^FILE: out: is the folder of base, which would/,
    );
    const asFile = { ...good(), out: good().data };
    expect(complaints('sft', asFile)).toEqual([`FILE: out: ${good().data} is a file, a folder is needed`]);
  });

  it('takes the defaults of its preset, and its own fields before them', () => {
    const fast = recipeSchema('sft').parse({ preset: 'fast', epochs: 7 });
    expect(fast).toMatchObject({ preset: 'fast', epochs: 7 });
    expect(fast.batch).toBeLessThan(recipeSchema('sft').parse({}).batch);
    expect(fast.adamEps).toBeLessThan(recipeSchema('sft').parse({}).adamEps);
  });
});

describe.each(trainKinds)('%s', (kind) => {
  it('prints an example in which only the files are missing', () => {
    const wrong = complaints(kind, exampleConfig(kind));
    expect(wrong.filter((complaint) => !complaint.endsWith('does not exist'))).toEqual([]);
  });
});

describe.each(trainMethods)('help of %s', (method) => {
  it('has a line with a meaning for every field', () => {
    const help = helpOf(method).split('\n');
    for (const field of [...Object.keys(runFields(method).shape), ...Object.keys(recipeFields(method))]) {
      expect(
        help.find((line) => line.startsWith(`  ${field} `)),
        field,
      ).toMatch(/;/);
    }
  });
});

describe('progress', () => {
  const progress = (step: number): TrainEvent => ({
    ...{ type: 'progress', step, steps: 3, tokens: 10, tokensPerSecond: 1234, loss: 0.5, gradientNorm: 1 },
    ...{ learningRate: 0.1, etaSeconds: 61, metrics: { 'rewards/margin': 0.25, 'rewards/accuracy': 1 } },
  });
  const printed = (isTTY: boolean, json: boolean): string => {
    const parts: string[] = [];
    const output = { isTTY, columns: 200, write: (part: string) => parts.push(part) };
    const print = trainPrinter(output, json);
    print({ type: 'reference', done: 2, total: 2 });
    for (const step of [1, 2, 3]) print(progress(step));
    print({ type: 'done', step: 3, folder: 'out', finalLoss: 0.5, tokens: 10, endedBy: 'early' });
    return parts.join('');
  };
  const line = (step: number) =>
    `update ${step}/3  loss 0.5000  margin 0.250  accuracy 1.000  1234 tokens/s  00:01:01 left`;
  const done = 'done: out (loss 0.5000, 10 tokens; ended early, best weights kept)\n';

  it('rewrites one line in a terminal', () => {
    const lines = ['reference 2/2', line(1), line(2), line(3)].map((text) => `\r${text}\x1b[K`);
    expect(printed(true, false)).toBe(`${lines.join('')}\n${done}`);
  });

  it('is plain lines in a pipe, and JSON where asked', () => {
    expect(printed(false, false)).toBe(`reference 2/2\n${line(1)}\n${line(2)}\n${line(3)}\n${done}`);
    const events = printed(false, true)
      .trim()
      .split('\n')
      .map((text) => JSON.parse(text).type);
    expect(events).toEqual(['reference', 'progress', 'progress', 'progress', 'done']);
  });
});

describe('the command', () => {
  const cli = fileURLToPath(new URL('../../../engine/train/train-cli.ts', import.meta.url));
  const run = (args: readonly string[], onOutput?: (text: string, interrupt: () => void) => void) =>
    new Promise<{ code: number | null; output: string }>((resolve) => {
      const child = spawn(process.execPath, [cli, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
      let output = '';
      const hear = (chunk: Buffer): void => {
        output += chunk;
        onOutput?.(output, () => child.kill('SIGINT'));
      };
      child.stdout.on('data', hear);
      child.stderr.on('data', hear);
      child.once('close', (code) => resolve({ code, output }));
    });
  const endless = () =>
    written(JSON.stringify({ ...good(), recipe: { rank: 2, batch: 4, stepsMin: 1_000_000, epochs: 1 } }));

  it('ends with 2 and the way to help for an unknown method and for a missing configuration', async () => {
    const unknown = await run(['sftt', '--config', 'x']);
    expect(unknown).toEqual({ code: 2, output: expect.stringMatching(/expected a method.*got sftt/) });
    const general = await run(['--config', 'x']);
    expect(general).toEqual({
      code: 2,
      output: expect.stringMatching(/--config needs a method before it: sft/),
    });
    const without = await run(['kto']);
    expect(without).toEqual({ code: 2, output: expect.stringMatching(/kto needs --config FILE/) });
  });

  it('stops at Ctrl-C with a checkpoint and 130, goes on from there, and begins anew with --fresh', async () => {
    const stopAt = (pattern: RegExp) => {
      let isStopped = false;
      return (text: string, interrupt: () => void) => {
        if (isStopped || !pattern.test(text)) return;
        isStopped = true; // a second one would end it at once
        interrupt();
      };
    };
    const first = await run(['sft', '--config', endless()], stopAt(/update 3\//));
    expect(first.code).toBe(130);
    expect(first.output).toMatch(/stopped at update \d+; the same command goes on from there/);
    expect(existsSync(join(folder, 'out', 'checkpoint.safetensors'))).toBe(true);
    const second = await run(['sft', '--config', endless()], stopAt(/; update \d+ of/));
    expect(Number(/; update (\d+) of/.exec(second.output)?.[1])).toBeGreaterThanOrEqual(3);
    const third = await run(['sft', '--config', endless(), '--fresh'], stopAt(/; update \d+ of/));
    expect(third.output).toMatch(/; update 0 of 1000000/);
  });
});

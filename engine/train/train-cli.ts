// Command line of training: `npm run train -- pretrain|sft --config FILE [--json]`. Used by people and scripts.
// It checks the configuration, starts the child process and prints its progress; Ctrl-C stops with a checkpoint.
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { z } from 'zod';
import { loraRecipeSchema, loraRunSchema } from './lora-recipe.ts';
import { pretrainConfigSchema, pretrainFields } from './pretrain-config.ts';
import type { TrainEvent } from './train-event.ts';
import { runTrainProcess, type TrainKind } from './train-process.ts';

const schemas: Readonly<Record<TrainKind, z.ZodType<unknown, z.ZodTypeDef, unknown>>> = {
  pretrain: pretrainConfigSchema,
  sft: loraRunSchema,
};

function help(): string {
  return [
    'npm run train -- pretrain --config FILE [--json]   train a base model from token files',
    'npm run train -- sft --config FILE [--json]        train a LoRA adapter on questions and answers',
    '',
    'FILE is a JSON object; --json prints one JSON event a line. The same command goes on after a stop.',
    '',
    'pretrain:',
    ...fieldLines(pretrainFields.shape),
    '',
    'sft:',
    ...fieldLines(loraRunSchema.shape),
    '',
    'recipe of sft:',
    ...fieldLines(loraRecipeSchema.shape),
  ].join('\n');
}

function fieldLines(shape: Readonly<Record<string, z.ZodTypeAny>>): readonly string[] {
  return Object.entries(shape).map(([name, field]) => {
    const parsed = field.safeParse(undefined);
    const standard = !parsed.success
      ? 'required'
      : parsed.data === undefined
        ? 'optional'
        : typeof parsed.data === 'object' && !Array.isArray(parsed.data)
          ? 'see below'
          : `default ${JSON.stringify(parsed.data)}`;
    return `  ${name.padEnd(16)} ${standard}${field.description ? `; ${field.description}` : ''}`;
  });
}

/** One line for people. */
function eventLine(event: TrainEvent): string {
  switch (event.type) {
    case 'start':
      return `${event.parameters} parameters, ${event.trained} trained; update ${event.step} of ${event.steps}`;
    case 'progress':
      return (
        `update ${event.step}/${event.steps}  loss ${event.loss.toFixed(4)}  ` +
        `${event.tokensPerSecond} tokens/s  ${clock(event.etaSeconds)} left`
      );
    case 'eval':
      return Object.entries(event.losses)
        .map(([source, loss]) => `  ${source} ${loss.toFixed(4)}`)
        .join('\n');
    case 'checkpoint':
      return `checkpoint at update ${event.step}`;
    case 'done':
      return `done: ${event.folder} (loss ${event.finalLoss.toFixed(4)}, ${event.tokens} tokens)`;
    case 'stopped':
      return `stopped at update ${event.step}; the same command goes on from there`;
    case 'error':
      return `failed: ${event.message}`;
  }
}

function clock(seconds: number): string {
  const pad = (value: number): string => String(Math.floor(value)).padStart(2, '0');
  return `${pad(seconds / 3600)}:${pad((seconds / 60) % 60)}:${pad(seconds % 60)}`;
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { config: { type: 'string' }, json: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } },
  });
  const [kind] = positionals;
  if (values.help || kind === 'help' || positionals.length === 0) {
    console.log(help());
    return 0;
  }
  if ((kind !== 'pretrain' && kind !== 'sft') || values.config === undefined) {
    console.error(`expected: pretrain --config FILE, or sft --config FILE; --help lists the settings`);
    return 2;
  }
  const checked = schemas[kind].safeParse(JSON.parse(readFileSync(values.config, 'utf8')));
  if (!checked.success) {
    for (const { path, message } of checked.error.issues) {
      console.error(`${values.config}: ${path.join('.') || 'configuration'}: ${message}`);
    }
    return 2;
  }
  const stop = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stop.abort());
  const print = (event: TrainEvent): void =>
    console.log(values.json ? JSON.stringify(event) : eventLine(event));
  await runTrainProcess(kind, checked.data, print, stop.signal);
  return 0;
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}

// What the training commands say about themselves: commands, every field with its default and meaning, and an example
// configuration for each method. Used by train-cli.ts. All of it comes from the schemas, so it cannot drift.
import type { z } from 'zod';
import { configFields } from './train-config-file.ts';
import type { TrainKind } from './train-process.ts';
import { recipeFields, type TrainMethodName, trainMethods } from './train-recipe.ts';

export const trainKinds: readonly TrainKind[] = [...trainMethods, 'pretrain'];

const meanings: Readonly<Record<TrainKind, string>> = {
  sft: 'an adapter from questions and answers',
  dpo: 'an adapter from pairs of answers, against a reference (DPO)',
  simpo: 'an adapter from pairs, by mean log-probability, no reference (SimPO)',
  orpo: 'an adapter from pairs, with the likelihood of the better answer (ORPO)',
  kto: 'an adapter from thumbs, good or bad (KTO)',
  reward: 'a reward model from pairs (Bradley-Terry)',
  full: 'every weight of a base model, from questions and answers',
  pretrain: 'a base model from token files',
};

export function generalHelp(): string {
  return [
    'npm run train -- METHOD --config FILE [--json] [--fresh]',
    '',
    ...trainKinds.map((kind) => `  ${kind.padEnd(9)} trains ${meanings[kind]}`),
    '',
    'npm run train -- example METHOD   prints a configuration to begin with',
    'npm run train -- help METHOD      lists every field of the configuration, its default and meaning',
    'npm run train -- score --base DIR --model DIR --data FILE   what a trained reward model thinks of answers',
    '',
    '--json prints one JSON event a line. Ctrl-C stops with a checkpoint; the same command goes on from there,',
    'and so it does after a crash. --fresh begins anew instead.',
  ].join('\n');
}

export function helpOf(kind: TrainKind): string {
  const lines = [
    `npm run train -- ${kind} --config FILE   trains ${meanings[kind]}`,
    '',
    'FILE is a JSON object:',
    ...fieldLines(configFields(kind)),
  ];
  if (kind === 'pretrain') return lines.join('\n');
  const presets = [recipeFields(kind, 'smooth'), recipeFields(kind, 'fast')] as const;
  return [
    ...lines,
    `  ${'recipe'.padEnd(16)} an object; default {}`,
    '',
    'recipe (defaults of the presets smooth / fast):',
    ...fieldLines(presets[0], presets[1]),
  ].join('\n');
}

function fieldLines(
  fields: Readonly<Record<string, z.ZodTypeAny>>,
  other?: Readonly<Record<string, z.ZodTypeAny>>,
): readonly string[] {
  return Object.entries(fields).map(([name, field]) => {
    const standard = defaultOf(field);
    const second = other === undefined ? standard : defaultOf(other[name]);
    const both = standard === second || name === 'preset' ? standard : `${standard} / ${second}`;
    return `  ${name.padEnd(16)} ${both}${field.description ? `; ${field.description}` : ''}`;
  });
}

function defaultOf(field: z.ZodTypeAny): string {
  const parsed = field.safeParse(undefined);
  if (!parsed.success) return 'required';
  return parsed.data === undefined ? 'optional' : JSON.stringify(parsed.data);
}

/** Fields of a recipe that people set first; the rest of an example is left to the preset. */
const shownRecipe: Readonly<Record<TrainMethodName, readonly string[]>> = {
  sft: ['preset', 'rank', 'alpha', 'lr', 'epochs', 'batch', 'dropout', 'seed'],
  full: ['preset', 'lr', 'epochs', 'batch', 'weightDecay', 'seed'],
  dpo: ['preset', 'beta', 'labelSmoothing', 'rank', 'lr', 'epochs', 'batch', 'seed'],
  simpo: ['preset', 'beta', 'gammaRatio', 'rank', 'lr', 'epochs', 'batch', 'seed'],
  orpo: ['preset', 'lambda', 'rank', 'lr', 'epochs', 'batch', 'seed'],
  kto: ['preset', 'beta', 'desirableWeight', 'undesirableWeight', 'rank', 'lr', 'epochs', 'batch', 'seed'],
  reward: ['preset', 'margin', 'centring', 'rank', 'lr', 'epochs', 'batch', 'seed'],
};

const dataNames: Readonly<Record<TrainMethodName, string>> = {
  ...{ sft: 'answers', full: 'answers', dpo: 'pairs', simpo: 'pairs', orpo: 'pairs', kto: 'thumbs' },
  reward: 'pairs',
};

/** A configuration that is valid as it stands, once the files exist. */
export function exampleConfig(kind: TrainKind): Readonly<Record<string, unknown>> {
  if (kind === 'pretrain') {
    return {
      ...{ data: 'corpus', out: 'my-base', dim: 192, layers: 6, heads: 6, kvHeads: 6, ffn: 512, vocab: 4096 },
      ...{ seq: 256, batch: 8, steps: 10000, lr: 0.002, warmup: 100 },
    };
  }
  const name = dataNames[kind];
  const fields = recipeFields(kind);
  return {
    ...{ base: 'engine/base', data: `${name}.jsonl`, heldOut: `held-out-${name}.jsonl` },
    out: kind === 'full' ? 'my-model' : 'my-adapter',
    recipe: Object.fromEntries(shownRecipe[kind].map((key) => [key, fields[key].parse(undefined)])),
  };
}

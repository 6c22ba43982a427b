// A configuration file of the training commands: read, checked field by field, complaints that name file, field and what
// it should be. Used by train-cli.ts. It knows no training. Everything wrong is told at once, but for broken JSON.
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { z } from 'zod';
import { pretrainConfigSchema, pretrainFields } from './pretrain-config.ts';
import type { TrainKind } from './train-process.ts';
import { recipeFields } from './train-recipe.ts';
import { runFields, runSchema } from './train-run-config.ts';

export type ConfigFile =
  | { readonly ok: true; readonly config: Readonly<Record<string, unknown>> }
  | { readonly ok: false; readonly complaints: readonly string[] };

/** The fields of a command's configuration; for all but pretrain a recipe is among them, with fields of its own. */
export function configFields(kind: TrainKind): Readonly<Record<string, z.ZodTypeAny>> {
  return kind === 'pretrain' ? pretrainFields.shape : runFields(kind).shape;
}

/** @param device what computes where the file does not say */
export function readTrainConfig(
  kind: TrainKind,
  path: string,
  device = process.env.ENGINE_DEVICE?.trim() || undefined,
): ConfigFile {
  const refuse = (...complaints: readonly string[]): ConfigFile => ({ ok: false, complaints });
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    return refuse(`${path}: cannot be read (${(error as NodeJS.ErrnoException).code ?? error})`);
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    return refuse(jsonComplaint(path, text, error));
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    return refuse(`${path}: expected a JSON object, as \`npm run train -- example ${kind}\` prints`);
  const schema: z.ZodType<unknown, z.ZodTypeDef, unknown> =
    kind === 'pretrain' ? pretrainConfigSchema : runSchema(kind);
  const checked = schema.safeParse(
    kind === 'pretrain' || device === undefined || 'device' in json ? json : { ...json, device },
  );
  if (!checked.success)
    return refuse(...checked.error.issues.flatMap((issue) => fieldComplaints(kind, path, issue)));
  const config = checked.data as Readonly<Record<string, unknown>>;
  const missing = wrongPaths(config).map((complaint) => `${path}: ${complaint}`);
  return missing.length > 0 ? refuse(...missing) : { ok: true, config };
}

/** `file:line:column: not JSON: …` */
function jsonComplaint(path: string, text: string, error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const position = Number(/at position (\d+)/.exec(message)?.[1] ?? text.length);
  const before = text.slice(0, position).split('\n');
  const what = message.replace(/ in JSON at position.*$/, '').replace(/ of JSON input$/, '');
  return `${path}:${before.length}:${(before.at(-1) ?? '').length + 1}: not JSON: ${what}`;
}

function fieldComplaints(kind: TrainKind, file: string, issue: z.ZodIssue): readonly string[] {
  const at = issue.path.join('.');
  if (issue.code === 'unrecognized_keys') {
    const fields =
      issue.path[0] === 'recipe' && kind !== 'pretrain' ? recipeFields(kind) : configFields(kind);
    const known = [
      ...Object.keys(fields),
      ...(issue.path.length === 0 && kind !== 'pretrain' ? ['recipe'] : []),
    ];
    return issue.keys.map((key) => {
      const near = nearest(key, known);
      const name = at === '' ? key : `${at}.${key}`;
      return `${file}: ${name}: unknown field${near === undefined ? '' : `; did you mean ${near}?`}`;
    });
  }
  const should = descriptionOf(kind, issue.path);
  const what = issue.message === 'Required' ? 'is missing' : issue.message;
  return [`${file}: ${at || 'configuration'}: ${what}${should === undefined ? '' : ` (${should})`}`];
}

function descriptionOf(kind: TrainKind, path: readonly (string | number)[]): string | undefined {
  const [first, second] = path;
  if (first === 'recipe' && kind !== 'pretrain') return recipeFields(kind)[String(second)]?.description;
  return configFields(kind)[String(first)]?.description;
}

/** The known name that differs least, if by no more than a third of its letters. */
function nearest(name: string, known: readonly string[]): string | undefined {
  const ranked = known
    .map((candidate) => ({ candidate, distance: editDistance(name.toLowerCase(), candidate.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance);
  const [best] = ranked;
  return best && best.distance <= Math.max(1, best.candidate.length / 3) ? best.candidate : undefined;
}

/** Levenshtein's. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++)
      next.push(Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1)));
    row = next;
  }
  return row[b.length];
}

/** What each path has to be: a folder that holds a file, or a file. */
const contents: Readonly<Record<string, string | undefined>> = {
  base: 'config.json',
  startFrom: 'adapter_config.json',
  heldOut: undefined,
  heldOutAnswers: undefined,
};

function wrongPaths(config: Readonly<Record<string, unknown>>): readonly string[] {
  const isFile = (path: string): boolean => existsSync(path) && statSync(path).isFile();
  const out = isFile(String(config.out)) ? [`out: ${config.out} is a file, a folder is needed`] : [];
  const isPretrain = config.base === undefined;
  const expected = { ...contents, data: isPretrain ? 'train.u16' : undefined };
  const read = Object.entries(expected).flatMap(([field, inside]) => {
    const path = config[field];
    if (typeof path !== 'string') return [];
    if (!existsSync(path)) return [`${field}: ${path} does not exist`];
    if (inside === undefined) return isFile(path) ? [] : [`${field}: ${path} is a folder, a file is needed`];
    return existsSync(join(path, inside)) ? [] : [`${field}: ${path} holds no ${inside}`];
  });
  return [...read, ...out];
}

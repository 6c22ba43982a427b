// Where models live: `<models>/<org>/<name>`. Used by the models command line. Knows names and paths, no contents.
// Invariant: a name never leads out of the models folder.

import { existsSync, readdirSync, realpathSync } from 'node:fs';
import { isAbsolute, join, relative, resolve } from 'node:path';
import { EngineError } from '../errors.ts';

/** The models folder that the environment names: MODELS_DIR, else `models` in DATA_DIR, else `.data/models`. */
export function modelsFolder(env: Readonly<Record<string, string | undefined>>): string {
  return env.MODELS_DIR?.trim() || join(env.DATA_DIR?.trim() || '.data', 'models');
}

/**
 * `org/name` of a hub repository; an address of its page does too.
 * @throws EngineError `model_name_invalid`
 */
export function parseRepoName(text: string): string {
  const name = text
    .trim()
    .replace(/^(https?:\/\/)?(www\.)?huggingface\.co\//, '')
    .replace(/\/+$/, '');
  // The hub's own rule: huggingface_hub validate_repo_id.
  const part = '(?![.-])(?!.*(--|\\.\\.))[\\w.-]{1,96}(?<![.-])';
  if (!new RegExp(`^${part}/${part}$`).test(name))
    throw new EngineError(`${JSON.stringify(text)} is not the name of a model; expected org/name`, {
      code: 'model_name_invalid',
      retry: 'never',
    });
  return name;
}

/** Every folder that holds, or begins to hold, a model or an adapter: names relative to the models folder, sorted. */
export function modelNames(models: string): readonly string[] {
  const inside = (folder: string): readonly string[] =>
    existsSync(folder)
      ? readdirSync(folder, { withFileTypes: true })
          .filter((entry) => entry.isDirectory() || entry.isSymbolicLink())
          .map(({ name }) => name)
      : [];
  const isModel = (name: string): boolean =>
    ['config.json', 'adapter_config.json', 'pulling.json'].some((file) =>
      existsSync(join(models, name, file)),
    );
  return inside(models)
    .flatMap((org) => (isModel(org) ? [org] : inside(join(models, org)).map((name) => `${org}/${name}`)))
    .filter(isModel)
    .sort();
}

/**
 * The folder of a model that is here, by its name.
 * @throws EngineError `model_not_here` | `model_outside` when the path, links followed, is not inside the models folder
 */
export function modelInside(models: string, name: string): string {
  const folder = resolve(models, name);
  if (!isInside(resolve(models), folder)) throw outside(models, name);
  if (!existsSync(folder))
    throw new EngineError(`no model ${name} in ${models}`, { code: 'model_not_here', retry: 'never' });
  if (!isInside(realpathSync(models), realpathSync(folder))) throw outside(models, name);
  return folder;
}

function isInside(parent: string, child: string): boolean {
  const path = relative(parent, child);
  return path !== '' && !path.startsWith('..') && !isAbsolute(path);
}

function outside(models: string, name: string): EngineError {
  return new EngineError(`${name} is not inside the models folder ${models}`, {
    code: 'model_outside',
    retry: 'never',
  });
}

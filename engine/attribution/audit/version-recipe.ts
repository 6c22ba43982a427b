// The recipe a version was trained with, read beside its adapter, as its retrainings use it. Used by the audit. It trains
// nothing. A version whose last training was no plain learning of answers (from preferences, on another adapter) is
// retrained with the same fields of the plain recipe, and the report says so.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { readJsonFile } from '../../model/json-file.ts';
import { recipeFields } from '../../train/train-recipe.ts';

export interface VersionRecipe {
  /** Fields of the sft recipe. */
  readonly recipe: Readonly<Record<string, unknown>>;
  /** Updates after which the version's weights were kept; undefined = the last. */
  readonly stopAfter: number | undefined;
  /** sft, or what else had trained it last. */
  readonly method: string;
}

const record = z.object({
  recipe: z.record(z.unknown()),
  keptStep: z.number().int().positive().optional(),
});

/**
 * @param overrides fields that the audit wishes otherwise, such as fewer epochs
 * @throws EngineError of reading training.json; the standard recipe where there is none
 */
export function versionRecipe(
  adapterDir: string,
  overrides: Readonly<Record<string, unknown>> = {},
): VersionRecipe {
  const path = join(adapterDir, 'training.json');
  const { recipe, keptStep } = existsSync(path) ? record.parse(readJsonFile(path)) : { recipe: {} };
  const known = new Set(Object.keys(recipeFields('sft')));
  const { targets } = recipe;
  const own = {
    ...Object.fromEntries(Object.entries(recipe).filter(([name]) => known.has(name))),
    ...(typeof targets === 'string' ? { targets: targets.split(' ') } : {}),
  };
  const method = typeof recipe.method === 'string' ? recipe.method : 'sft';
  const isOwn = method === 'sft' && Object.keys(overrides).length === 0;
  return {
    recipe: { ...(method === 'sft' ? own : rankOnly(own)), ...overrides },
    stopAfter: isOwn ? keptStep : undefined,
    method,
  };
}

/** Learning rates of preferences are no learning rates of answers. */
function rankOnly(recipe: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const kept = ['rank', 'alpha', 'targets', 'maxTokens', 'seed'];
  return Object.fromEntries(Object.entries(recipe).filter(([name]) => kept.includes(name)));
}

// What is left of instruction-tuning: the record that `npm run train -- full` writes beside the tuned weights
// (training.json), read and checked. Used by export-base.ts for the card of a base model that was tuned after
// pre-training. Knows one file; no weights.
// Invariant: what it tells is of the weights that were kept, which may be those of an update before the last.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

const recordSchema = z.object({
  recipe: z
    .object({
      method: z.literal('full'),
      lr: z.number().positive(),
      batch: z.number().int().positive(),
      accumulate: z.number().int().positive(),
    })
    .passthrough(),
  examples: z.number().int().positive(),
  stepsDone: z.number().int().positive(),
  keptStep: z.number().int().nonnegative(),
  trainedTokens: z.number().int().positive(),
  /** Of each update, mean nats per answer token. */
  losses: z.array(z.number()).min(1),
  heldOut: z.array(z.object({ step: z.number().int(), loss: z.number().optional() })).default([]),
});

type HeldOutPoint = readonly [step: number, loss: number];

export interface InstructRecord {
  readonly examples: number;
  /** Examples of one update. */
  readonly batch: number;
  readonly lr: number;
  /** All settings, by name. */
  readonly recipe: Readonly<Record<string, unknown>>;
  /** Updates done, and the one whose weights were kept. */
  readonly updates: number;
  readonly keptUpdate: number;
  readonly trainedTokens: number;
  readonly losses: readonly number[];
  /** Mean of the last updates up to the kept one, nats per answer token. */
  readonly finalLoss: number;
  /** Updates that `finalLoss` is the mean of. */
  readonly finalUpdates: number;
  /** Losses of answers that were never trained, by update; 0 = before the first. */
  readonly heldOut: readonly HeldOutPoint[];
}

const finalUpdatesMost = 20;

/** @param dir folder that `npm run train -- full` wrote. @throws Error naming the field that is not as expected */
export function readInstructRecord(dir: string): InstructRecord {
  const path = join(dir, 'training.json');
  const parsed = recordSchema.safeParse(JSON.parse(readFileSync(path, 'utf8')));
  if (!parsed.success) {
    const [{ path: field, message }] = parsed.error.issues;
    throw new Error(`${path} is no record of npm run train -- full: ${field.join('.')}: ${message}`);
  }
  const { recipe, examples, stepsDone, keptStep, trainedTokens, losses, heldOut } = parsed.data;
  const last = losses.slice(0, Math.max(1, keptStep)).slice(-finalUpdatesMost);
  return {
    examples,
    batch: Math.min(examples, recipe.batch * recipe.accumulate),
    ...{ lr: recipe.lr, recipe, updates: stepsDone, keptUpdate: keptStep, trainedTokens, losses },
    finalLoss: last.reduce((sum, loss) => sum + loss, 0) / last.length,
    finalUpdates: last.length,
    heldOut: heldOut.flatMap(({ step, loss }) => (loss === undefined ? [] : [[step, loss] as const])),
  };
}

// The configuration of one fine-tuning run: what is trained, on which data, into which folder, within which limits. Used
// by train-run.ts, the command line and the engine's train(). It holds no code of training. A run is fully described by
// this record and the files it names.
import { resolve } from 'node:path';
import { z } from 'zod';
import { type Recipe, recipeSchema, type TrainMethodName, trainMethods } from './train-recipe.ts';

const count = z.number().int().positive();

const dataForms: Readonly<Record<TrainMethodName, string>> = {
  sft: 'JSONL: {id, question, answer} or {id, messages}',
  full: 'JSONL: {id, question, answer} or {id, messages}',
  dpo: 'JSONL: {id, prompt or messages, chosen, rejected}',
  simpo: 'JSONL: {id, prompt or messages, chosen, rejected}',
  orpo: 'JSONL: {id, prompt or messages, chosen, rejected}',
  kto: 'JSONL: {id, prompt or messages, answer, good}',
  reward: 'JSONL: {id, prompt or messages, chosen, rejected}',
};

/** Methods that train an adapter may go on from one. */
const startsFrom = (method: TrainMethodName): boolean => method !== 'full';
/** Methods of preferences may watch the loss of plain answers beside their own. */
const watchesAnswers = (method: TrainMethodName): boolean => !['sft', 'full', 'reward'].includes(method);

/** The fields of a method's run but for the recipe, for help and checks. */
export function runFields(method: TrainMethodName) {
  const path = z.string().min(1);
  return z
    .object({
      method: z
        .literal(method, { errorMap: () => ({ message: `must be "${method}"` }) })
        .default(method)
        .describe('as the command says; may be left out'),
      base: path.describe('Hugging Face folder of the base model'),
      data: path.describe(dataForms[method]),
      out: path.describe(
        method === 'full'
          ? 'folder for the model, as Hugging Face keeps one'
          : 'folder for the adapter, in PEFT format',
      ),
      heldOut: path.optional().describe('file of the same form, never trained: its loss tells when to stop'),
      ...(watchesAnswers(method)
        ? { heldOutAnswers: path.optional().describe('{id, question, answer} lines whose loss is watched') }
        : {}),
      ...(startsFrom(method)
        ? {
            startFrom: path
              .optional()
              .describe(
                `adapter folder whose training goes on, with its rank, alpha and targets${['dpo', 'kto'].includes(method) ? '; also the reference' : ''}`,
              ),
          }
        : {}),
      onBadRow: z
        .enum(['stop', 'skip'])
        .default('stop')
        .describe('a bad row ends the run, or is left out and told'),
      device: z
        .enum(['auto', 'cpu', 'webgpu', 'cuda'])
        .default('cpu')
        .describe('what computes, else what ENGINE_DEVICE says; auto takes a GPU that is right and faster'),
      threads: count.default(1).describe('compute threads'),
      memoryMb: count.optional().describe('a run that would need more is refused before it starts'),
      minutes: z.number().positive().optional().describe('the run ends with what it has after so long'),
      logEvery: count.default(1).describe('updates between lines of progress'),
      checkpointEvery: z
        .number()
        .int()
        .nonnegative()
        .default(0)
        .describe('updates between kept states of the weights; 0 = none'),
      resumeEvery: count.default(50).describe('updates between checkpoints for resuming'),
    })
    .strict();
}

/** One run of any method; fields that a method does not have are undefined. */
export interface TrainRun<M extends TrainMethodName = TrainMethodName> {
  readonly method: M;
  readonly base: string;
  readonly data: string;
  readonly out: string;
  readonly heldOut?: string;
  readonly heldOutAnswers?: string;
  readonly startFrom?: string;
  readonly onBadRow: 'stop' | 'skip';
  readonly device: 'auto' | 'cpu' | 'webgpu' | 'cuda';
  readonly threads: number;
  readonly memoryMb?: number;
  readonly minutes?: number;
  readonly logEvery: number;
  readonly checkpointEvery: number;
  readonly resumeEvery: number;
  readonly recipe: Recipe<M>;
}

/** One run of one method, whichever: `method` tells which recipe it has. */
export type AnyTrainRun = { [M in TrainMethodName]: TrainRun<M> }[TrainMethodName];

/** Parses a run of a method: complaints name the field. */
export function runSchema<M extends TrainMethodName>(method: M) {
  const schema = runFields(method)
    .extend({ recipe: recipeSchema(method) })
    .superRefine(refuseOverwriting);
  return schema as unknown as z.ZodType<TrainRun<M>, z.ZodTypeDef, unknown>;
}

/** What a run reads, it must not write over. */
function refuseOverwriting(
  { out, ...run }: { readonly out: string; readonly base: string; readonly startFrom?: unknown },
  context: z.RefinementCtx,
): void {
  for (const field of ['base', 'startFrom'] as const) {
    const read = run[field];
    if (typeof read !== 'string' || resolve(read) !== resolve(out)) continue;
    const message = `is the folder of ${field}, which would be written over`;
    context.addIssue({ code: 'custom', path: ['out'], message });
  }
}

const methodOfRun = z.object({ method: z.enum(trainMethods).default('sft') });

/** A run of whichever method it names. @throws ZodError naming the field */
export function parseRun(input: unknown): AnyTrainRun {
  const { method } = methodOfRun.parse(input);
  return runSchema(method).parse(input) as AnyTrainRun;
}

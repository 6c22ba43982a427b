// How each method trains: its recipe, field by field, with presets of defaults. Used by train-run.ts, the command line
// and the engine's train(). `smooth`, the default, is what attribution asks for: fixed order, large batches, a large
// Adam epsilon, because the recipe decides as much as the estimator whether shares are true (measured: leave-one-out
// correlation .36 -> .62 by batch and epsilon alone). `fast` takes smaller batches and fewer updates.
import { z } from 'zod';
import { projections } from '../model/llama-weights.ts';

export const trainMethods = ['sft', 'dpo', 'simpo', 'orpo', 'kto', 'reward', 'full'] as const;
export type TrainMethodName = (typeof trainMethods)[number];

const presets = ['smooth', 'fast'] as const;
export type RecipePreset = (typeof presets)[number];

const count = z.number().int().positive();

/** Defaults that differ by method and preset. */
interface RecipeDefaults {
  readonly lr: number;
  readonly epochs: number;
  readonly stepsMin: number;
  readonly batch: number;
  readonly adamEps: number;
  readonly weightDecay: number;
  readonly patience: number;
}

const answers: RecipeDefaults = {
  ...{ lr: 0.015, epochs: 30, stepsMin: 150, batch: 64, adamEps: 1e-5, weightDecay: 0, patience: 4 },
};
/**
 * Measured for DPO on stories260k, batches of 32, from a fine-tuned adapter: at 1e-3 the held-out margin is 1.0 after 10
 * updates with the loss of held-out answers 2 % up; at 2e-3 and 3e-3 it is 2.0 and 2.6, but that loss is 10 % and 17 %
 * up, so the run ends with the weights it began with. KTO at 1e-3: margin 4.0 after 60 updates, that loss falls by 15 %.
 */
const preferences: RecipeDefaults = {
  ...{ lr: 1e-3, epochs: 3, stepsMin: 60, batch: 32, adamEps: 1e-6, weightDecay: 0, patience: 4 },
};
/**
 * ORPO learns the answers themselves too. Measured on stories260k, 30 updates of 16 pairs: at 1e-3 the held-out margin
 * stays where it was (0.17 -> 0.15), at 5e-3 it rises to 0.30 and the loss of held-out answers falls from 2.55 to 1.60.
 */
const answersAndPreferences: RecipeDefaults = { ...preferences, lr: 5e-3 };
const whole: RecipeDefaults = {
  ...{ lr: 5e-4, epochs: 3, stepsMin: 60, batch: 32, adamEps: 1e-7, weightDecay: 0.01, patience: 3 },
};

function defaultsOf(method: TrainMethodName, preset: RecipePreset): RecipeDefaults {
  const byMethod: Partial<Record<TrainMethodName, RecipeDefaults>> = {
    ...{ sft: answers, full: whole, orpo: answersAndPreferences },
  };
  const smooth = byMethod[method] ?? preferences;
  if (preset === 'smooth') return smooth;
  const quick = method === 'sft' ? { epochs: 10, stepsMin: 60 } : { epochs: 1, stepsMin: 20 };
  return { ...smooth, ...quick, batch: smooth.batch / 4, lr: smooth.lr / 2, adamEps: 1e-8 };
}

/** What the loop needs, whatever the method. */
function loopFields(d: RecipeDefaults) {
  return {
    lr: z
      .number()
      .positive()
      .default(d.lr)
      .describe('peak learning rate; high, as adapters of small bases need'),
    lrFinalRatio: z
      .number()
      .min(0)
      .max(1)
      .default(0.1)
      .describe('rate of the last update as a part of the peak'),
    warmupRatio: z
      .number()
      .min(0)
      .max(1)
      .default(0.1)
      .describe('part of all updates in which the rate rises'),
    epochs: count.default(d.epochs).describe('times each example is seen'),
    stepsMin: count.default(d.stepsMin).describe('updates at least, in more epochs where examples are few'),
    batch: count.default(d.batch).describe('examples (pairs, thumbs) in one update'),
    accumulate: count.default(1).describe('batches whose gradients are added up for one update'),
    weightDecay: z.number().nonnegative().default(d.weightDecay).describe('of AdamW, on matrices only'),
    clipNorm: z
      .number()
      .nonnegative()
      .default(1)
      .describe('gradients with a larger norm are scaled down; 0 = never'),
    adamEps: z.number().positive().default(d.adamEps).describe('larger is smoother, which attribution likes'),
    beta2: z.number().positive().lt(1).default(0.99).describe('decay of the second moment'),
    maxTokens: count.min(2).default(256).describe('longer examples are cut at the end of the answer'),
    evalEvery: count.default(10).describe('updates between looks at the held-out data'),
    patience: z
      .number()
      .int()
      .nonnegative()
      .default(d.patience)
      .describe('looks without a lower held-out loss before the run ends with its best weights; 0 = never'),
    seed: z.number().int().default(1).describe('first weights, order of examples, dropout'),
  };
}

const loraFields = {
  rank: count.max(256).default(16).describe('of A and B; 8 to 64 load everywhere'),
  alpha: z.number().positive().default(16).describe('strength: the adapter is scaled by alpha / rank'),
  targets: z
    .array(z.enum(projections))
    .min(1)
    .default([...projections])
    .describe('linear layers that get an adapter'),
  dropout: z
    .number()
    .min(0)
    .lt(1)
    .default(0)
    .describe('part of the inputs that an adapter does not see in a run'),
  checkpoints: z
    .number()
    .int()
    .min(0)
    .max(12)
    .default(0)
    .describe('states of the adapter kept on its way, its end among them, for attribution; 0 = none'),
};

const beta = (standard: number) =>
  z
    .number()
    .positive()
    .default(standard)
    .describe('how strongly the loss holds to the reference or spreads rewards');
const sftWeight = z
  .number()
  .nonnegative()
  .default(0)
  .describe('weight of the mean nll of the chosen answer beside the loss; holds it likely');

const answersRiseMax = z
  .number()
  .nonnegative()
  .default(0.05)
  .describe(
    'part by which the loss of held-out answers may rise before the run ends with the weights before',
  );

const common = (method: TrainMethodName, preset: RecipePreset) => ({
  preset: z.enum(presets).default(preset).describe('which defaults: smooth (measurable attribution) or fast'),
  ...loopFields(defaultsOf(method, preset)),
});

/** The fields of each method's recipe with the defaults of a preset; unknown fields are refused. */
const recipeObjects = {
  sft: (preset: RecipePreset) => z.object({ ...common('sft', preset), ...loraFields }).strict(),
  full: (preset: RecipePreset) => z.object(common('full', preset)).strict(),
  dpo: (preset: RecipePreset) =>
    z
      .object({
        ...common('dpo', preset),
        ...loraFields,
        beta: beta(0.1),
        labelSmoothing: z
          .number()
          .min(0)
          .lt(0.5)
          .default(0)
          .describe('part of the votes believed wrong (robust DPO)'),
        answersRiseMax,
        sftWeight,
      })
      .strict(),
  simpo: (preset: RecipePreset) =>
    z
      .object({
        ...common('simpo', preset),
        ...loraFields,
        beta: beta(2.5),
        gammaRatio: z
          .number()
          .nonnegative()
          .default(0.55)
          .describe('margin a pair has to reach, as a part of beta'),
        answersRiseMax,
        sftWeight,
      })
      .strict(),
  orpo: (preset: RecipePreset) =>
    z
      .object({
        ...common('orpo', preset),
        ...loraFields,
        answersRiseMax,
        lambda: z.number().positive().default(0.1).describe('weight of the odds-ratio loss beside the nll'),
      })
      .strict(),
  kto: (preset: RecipePreset) =>
    z
      .object({
        ...common('kto', preset),
        ...loraFields,
        answersRiseMax,
        beta: beta(0.1),
        desirableWeight: z
          .number()
          .nonnegative()
          .default(0)
          .describe('of good answers; 0 = balanced by their number'),
        undesirableWeight: z
          .number()
          .nonnegative()
          .default(0)
          .describe('of bad answers; 0 = balanced by their number'),
      })
      .strict(),
  reward: (preset: RecipePreset) =>
    z
      .object({
        ...common('reward', preset),
        ...loraFields,
        margin: z.number().nonnegative().default(0).describe('how much better the chosen answer has to be'),
        centring: z.number().nonnegative().default(0.01).describe('weight of (sum of both rewards) squared'),
      })
      .strict(),
} as const;

export type Recipe<M extends TrainMethodName> = z.infer<ReturnType<(typeof recipeObjects)[M]>>;
export type LoopRecipe = Recipe<'full'>;
/** A recipe that trains an adapter. */
export type LoraRecipe = Recipe<'sft'>;

/** The fields of a method's recipe, for help. */
export function recipeFields(
  method: TrainMethodName,
  preset: RecipePreset = 'smooth',
): Readonly<Record<string, z.ZodTypeAny>> {
  return recipeObjects[method](preset).shape;
}

/** Parses a recipe: what is left out comes from its preset. Complaints name the field. */
export function recipeSchema<M extends TrainMethodName>(
  method: M,
): z.ZodType<Recipe<M>, z.ZodTypeDef, unknown> {
  return z.unknown().transform((input, context): Recipe<M> => {
    const asked = z.object({ preset: z.enum(presets).catch('smooth') }).safeParse(input);
    const checked = recipeObjects[method](asked.success ? asked.data.preset : 'smooth').safeParse(
      input ?? {},
    );
    if (checked.success) return checked.data as Recipe<M>;
    for (const issue of checked.error.issues) context.addIssue(issue);
    return z.NEVER;
  });
}

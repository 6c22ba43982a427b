// How an adapter is trained: the recipe with its defaults, and the configuration of one run. Used by lora-sft.ts,
// the command line and the engine's train(). The defaults are the smooth recipe that attribution asks for: fixed
// order, large batch, large Adam epsilon, because the recipe decides as much as the
// estimator whether shares are true (measured: leave-one-out correlation .36 -> .62 by batch and epsilon alone).
import { z } from 'zod';
import { projections } from '../model/llama-weights.ts';

const count = z.number().int().positive();

export const loraRecipeSchema = z
  .object({
    rank: count.default(16),
    alpha: z.number().positive().default(16),
    targets: z
      .array(z.enum(projections))
      .min(1)
      .default([...projections]),
    lr: z.number().positive().default(0.015).describe('high, as adapters of small bases need; 0.03 diverges'),
    lrFinalRatio: z.number().min(0).max(1).default(0.1),
    warmupRatio: z.number().min(0).max(1).default(0.1).describe('fraction of all updates'),
    epochs: count.default(30),
    stepsMin: count.default(150).describe('updates at least, in more epochs where examples are few'),
    batch: count.default(64).describe('examples in one update'),
    weightDecay: z.number().nonnegative().default(0),
    clipNorm: z.number().nonnegative().default(1),
    adamEps: z.number().positive().default(1e-5),
    beta2: z.number().positive().lt(1).default(0.99),
    maxTokens: count.default(256).describe('longer examples are cut at the end'),
    seed: z.number().int().default(1).describe('first weights of A, and the order of examples'),
  })
  .strict();

export const loraRunSchema = z
  .object({
    base: z.string().describe('Hugging Face folder of the base model'),
    data: z.string().describe('JSONL: {id, question, answer} or {id, messages}'),
    out: z.string().describe('folder for the adapter, in PEFT format'),
    recipe: loraRecipeSchema.default({}),
    threads: count.default(1),
    logEvery: count.default(1).describe('updates'),
    checkpointEvery: z
      .number()
      .int()
      .nonnegative()
      .default(0)
      .describe('updates between kept adapters; 0 = none'),
    resumeEvery: count.default(50).describe('updates between checkpoints for resuming'),
  })
  .strict();

export type LoraRun = z.infer<typeof loraRunSchema>;

// What a pre-training run is: model shape, data, schedule. Used by pretrain.ts and train-cli.ts. A run is fully
// described by this record; it is written beside the weights it produced.
import { z } from 'zod';
import type { LlamaConfig } from '../model/model-config.ts';

const count = z.number().int().positive();

/** The settings one by one, for help texts; pretrainConfigSchema also checks how they fit together. */
export const pretrainFields = z
  .object({
    data: z.string().describe('folder with tokenizer.json, train.u16 and valid-<source>.u16'),
    out: z.string().describe('folder for the model; checkpoint.safetensors in it is resumed from'),
    dim: count.describe('width: numbers that stand for a token'),
    layers: count.describe('blocks of attention and feed-forward'),
    heads: count.describe('query heads; dim / heads must be even'),
    kvHeads: count.describe('key-value heads, a divisor of heads'),
    ffn: count.describe('width of the feed-forward'),
    vocab: count.max(65536).describe('tokens of the tokenizer, 65536 at most'),
    seq: count.describe('window length in tokens'),
    maxSeq: count.optional().describe('context length written to config.json; the longest window if absent'),
    tied: z.boolean().default(true).describe('the output head is the embedding matrix'),
    ropeTheta: z.number().positive().default(10000).describe('base of the rotary positions'),
    rmsEps: z.number().positive().default(1e-5).describe('epsilon of the norms'),
    bosId: z.number().int().nonnegative().default(1).describe('token that begins a text'),
    eosIds: z.array(z.number().int().nonnegative()).min(1).default([2]).describe('tokens that end an answer'),
    batch: count.describe('windows in one run of the graph'),
    gradAccum: count.default(1).describe('runs of the graph for one update'),
    steps: count.describe('updates'),
    lastSteps: z
      .number()
      .int()
      .nonnegative()
      .default(0)
      .describe(
        'of them the last stage: the rate falls in a line, windows come from train-last.u16; 0 = cosine',
      ),
    lastSeq: count.optional().describe('window length of the last stage; seq if absent'),
    lr: z.number().positive().describe('peak learning rate, such as 0.003 for adamw'),
    optimiser: z.enum(['adamw', 'muon']).default('adamw').describe('muon: for matrices; the rest has AdamW'),
    lrFinalRatio: z.number().min(0).max(1).default(0.1).describe('rate at the end as a part of the peak'),
    warmup: z.number().int().nonnegative().default(100).describe('updates in which the rate rises'),
    weightDecay: z.number().nonnegative().default(0.1).describe('on matrices only'),
    clipNorm: z
      .number()
      .nonnegative()
      .default(1)
      .describe('larger gradients are scaled down to it; 0 = never'),
    beta2: z.number().positive().lt(1).default(0.95).describe('decay of the second moment of AdamW'),
    seed: z.number().int().default(1).describe('first weights and order of windows'),
    threads: count.default(1).describe('compute threads'),
    logEvery: count.default(10).describe('updates between lines of progress'),
    evalEvery: count.default(500).describe('updates between held-out losses'),
    evalBatches: count.default(8).describe('batches of each valid-<source>.u16'),
    checkpointEvery: count.default(250).describe('updates between checkpoints'),
  })
  .strict();

export const pretrainConfigSchema = pretrainFields
  .refine((c) => c.dim % c.heads === 0 && (c.dim / c.heads) % 2 === 0, 'dim / heads must be an even integer')
  .refine((c) => c.lastSteps < c.steps, 'lastSteps must be less than steps')
  .refine((c) => (c.batch * c.seq) % (c.lastSeq ?? c.seq) === 0, 'lastSeq must divide batch * seq')
  .refine((c) => c.heads % c.kvHeads === 0, 'heads must be a multiple of kvHeads');

export type PretrainConfig = z.infer<typeof pretrainConfigSchema>;

export function llamaConfigOf(config: PretrainConfig): LlamaConfig {
  const { dim, layers, heads, kvHeads, ffn, vocab, tied, ropeTheta, rmsEps, bosId, eosIds } = config;
  return {
    ...{ dim, layers, heads, kvHeads, ffn, vocab, tied, ropeTheta, rmsEps, bosId, eosIds },
    headDim: dim / heads,
    maxSeq: config.maxSeq ?? Math.max(config.seq, config.lastSeq ?? 0),
    qkvBias: false,
  };
}

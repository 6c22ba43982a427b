// Trains one adapter again and again with other weights on its examples: what the model would be had this or that person
// given nothing. Used by the audit of a version, by the bench and by whoever needs a true figure to compare a method
// with. It knows token ids and opaque ids; no people, no scores, no files but the base model's.
// Invariants: first weights, order of data, learning rates and the loss's denominator are the same for any weights, so
// losses of two runs differ by the weights alone; same weights, same adapter to the bit.
//
//   const trainer = createLeaveOutTrainer({ modelDir, examples, recipe: { rank: 8, epochs: 20 }, seed: 1 });
//   const full = await trainer.train(new Float64Array(examples.length).fill(1));
//   const without0 = await trainer.train(weights);            // weights[0] = 0, others 1; fractions are allowed
//   const losses = await trainer.losses(queries);             // of the adapter trained last, mean nats per answer token
//   full.save('folder'); await trainer.release();
import type { Example } from '../../engine.ts';
import { loadLlamaWeights } from '../../model/llama-weights.ts';
import { saveLoraAdapter } from '../../model/lora-adapter.ts';
import { loadModelConfig } from '../../model/model-config.ts';
import type { TensorMap } from '../../model/safetensors.ts';
import { adamWDefaults, adamWStep, createAdamWState } from '../../train/adamw.ts';
import { createLoraLearner } from '../../train/lora-learner.ts';
import { answerLength, scoreSequences } from '../../train/sequence-pass.ts';
import { exampleEncoder, questionAnswer, tokeniseExample } from '../../train/sft-data.ts';
import type { SftExample } from '../../train/sft-example.ts';
import { sftMethod } from '../../train/sft-method.ts';
import { type Recipe, recipeSchema } from '../../train/train-recipe.ts';
import { updatePlan } from '../../train/update-plan.ts';
import { copiedWeights } from '../../train/weights-identity.ts';

interface LeaveOutOptions {
  readonly modelDir: string;
  /** In the order of the version's training; an example's own `weight` is what a weight of 1 means. */
  readonly examples: readonly Example[];
  /** Fields of the sft recipe; what is left out has its default. */
  readonly recipe: Readonly<Record<string, unknown>>;
  readonly seed: number;
  /** Ends after so many updates of the plan, as a run did that ended early. Left out = all. */
  readonly stopAfter?: number;
  readonly threads?: number;
  /** Graphs kept at once, about 0.25 GB each for a base of 5 M parameters. */
  readonly sessionsMax?: number;
}

/** A question with the answer whose loss is measured. */
export interface LossQuery {
  readonly question: string;
  readonly answer: string;
}

export interface RetrainedAdapter {
  /** Copies: the next training does not change them. */
  readonly weights: TensorMap;
  /** Of the last update. */
  readonly loss: number;
  readonly tokens: number;
  /** Writes a PEFT folder. */
  readonly save: (folder: string) => void;
}

export interface TrainingPoint {
  /** Updates done, from 1. */
  readonly step: number;
  readonly learningRate: number;
  /** Live: to be copied by whoever keeps them. */
  readonly weights: TensorMap;
}

export interface LeaveOutTrainer {
  readonly steps: number;
  /** The recipe with its defaults. */
  readonly recipe: Recipe<'sft'>;
  /**
   * @param weights [examples], >= 0
   * @param onUpdate after each update, for checkpoints and for giving way to others
   */
  train(
    weights: ArrayLike<number>,
    onUpdate?: (point: TrainingPoint) => void | Promise<void>,
  ): Promise<RetrainedAdapter>;
  /** Mean nats per answer token of each query under the weights trained last, or under those given. */
  losses(queries: readonly LossQuery[], weights?: TensorMap): Promise<Float64Array>;
  release(): Promise<void>;
}

/** @throws EngineError of loading the base; ZodError of the recipe */
export function createLeaveOutTrainer(options: LeaveOutOptions): LeaveOutTrainer {
  const { modelDir, seed, threads = 1, sessionsMax = 6 } = options;
  const recipe = recipeSchema('sft').parse({ ...options.recipe, seed });
  const config = loadModelConfig(modelDir);
  const encoder = exampleEncoder(modelDir);
  const maxTokens = Math.min(recipe.maxTokens, config.maxSeq);
  const tokenise = (id: string, pair: LossQuery): SftExample =>
    tokeniseExample(encoder, { id, messages: questionAnswer(pair) }, maxTokens);
  const examples = options.examples.map((example) => tokenise(example.id, example));
  const own = options.examples.map(({ weight = 1 }) => weight);
  const plan = updatePlan(examples.length, recipe);
  const steps = Math.min(plan.steps, options.stopAfter ?? plan.steps);
  const learner = createLoraLearner({
    ...{ config, base: modelDir, lora: recipe, seed },
    baseWeights: loadLlamaWeights(modelDir, config),
    compute: { threads, device: 'cpu', execution: 'whole', sessionsMax },
  });
  const first = copiedWeights(learner.trained);
  const { beta2, weightDecay, clipNorm, adamEps: epsilon } = recipe;
  const optimiser = { ...adamWDefaults, beta2, weightDecay, clipNorm, epsilon };

  return {
    steps,
    recipe,
    train: async (weights, onUpdate) => {
      if (weights.length !== examples.length)
        throw new Error(`bug: ${weights.length} weights for ${examples.length} examples`);
      place(first, learner.trained);
      const weighted = examples.map((example, i) => ({
        ...example,
        weight: own[i] * weights[i],
        countedAs: own[i],
      }));
      const method = await sftMethod(learner, weighted);
      const state = createAdamWState(learner.trained);
      let last = { loss: Number.NaN, tokens: 0 };
      for (let step = 0; step < steps; step++) {
        const { gradients, loss, tokens } = await method.update(plan.items(step), step);
        const learningRate = plan.learningRate(step);
        adamWStep(learner.trained, gradients, state, learningRate, optimiser);
        last = { loss, tokens: last.tokens + tokens };
        await onUpdate?.({ step: step + 1, learningRate, weights: learner.trained });
      }
      const copy = copiedWeights(learner.trained);
      const { rank, targets, alpha } = recipe;
      const save = (folder: string): void =>
        saveLoraAdapter(folder, {
          ...{ rank, targets, alpha, scale: alpha / rank, weights: copy, base: 'base' },
        });
      return { ...last, weights: copy, save };
    },
    losses: async (queries, weights) => {
      if (weights) place(weights, learner.trained);
      const sequences = queries.map((query, i) => tokenise(String(i), query));
      const logps = await scoreSequences(learner, sequences);
      return logps.map((logp, i) => -logp / answerLength(sequences[i]));
    },
    release: () => learner.release(),
  };
}

function place(from: TensorMap, into: TensorMap): void {
  for (const [name, { data }] of into) {
    const source = from.get(name)?.data;
    if (source?.length !== data.length) throw new Error(`bug: weights of ${name} do not match`);
    data.set(source);
  }
}

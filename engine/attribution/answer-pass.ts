// All that attribution asks a model about one answer: its gradient at the store's point, and how likely its tokens are with
// and without the adapter. Used by attribute.ts. It knows token ids and weights: no texts, no scores, no people.
//
// Cost, in teacher-forced forward passes of prompt and answer through the training graph with merged weights: gradient
// 2.0, the two losses 0.4 (short answers) to 0.6 each (answer-score-graph.ts: alpha to 0.002). What made it cheap: graphs of any length with weights merged
// and packed once, the answer's rows alone after the last attention, one vector out. Before it was 3.3 to 3.9 + 2 × 1.5.
// A model too large to have its weights three times in memory goes the old way, gradient-model.ts.
// Invariant: the same example gives the same bytes, whatever ran before.
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { answerGradientFits, buildAnswerGradientGraph } from '../graph/answer-gradient-graph.ts';
import { loraTensorShapes } from '../graph/llama-train-graph.ts';
import type { LlamaConfig } from '../model/model-config.ts';
import { floatsOf, trainingSessionOptions } from '../train/session-tensors.ts';
import { wholeParametersMax } from '../train/training-memory.ts';
import type { AdaptedModel, BaseModel } from './adapted-model.ts';
import { type AnswerScorer, answerTokens, createAnswerScorer } from './answer-scorer.ts';
import { createGradientModel, type GradientModel, type TokenisedExample } from './gradient-model.ts';
import { mergedWeights } from './merged-weights.ts';

/** Nats of each answer token, [answer tokens]. */
export interface AnswerLosses {
  readonly base: Float32Array;
  readonly adapted: Float32Array;
}

export interface AnswerPass {
  /** Values in a gradient. */
  readonly width: number;
  /** Of the mean nats of the tokens from `answerStart` on, [width]; the array is the caller's to keep. */
  gradient(example: TokenisedExample): Promise<Float32Array>;
  losses(example: TokenisedExample): Promise<AnswerLosses>;
  release(): Promise<void>;
}

export interface AnswerPassOptions {
  readonly adapted: AdaptedModel;
  /** Part of the adapter's strength at which the gradient is taken. */
  readonly strength: number;
  readonly threads: number;
  /** Of the base alone; stays the caller's. */
  readonly baseScorer: () => Promise<AnswerScorer>;
}

/** Whether the weights are small enough to be held merged beside the base. */
export function hasFastPass({ config, weights }: BaseModel): boolean {
  let parameters = 0;
  for (const { data } of weights.values()) parameters += data.length;
  return answerGradientFits(config) && parameters <= wholeParametersMax;
}

export async function createAnswerPass(options: AnswerPassOptions): Promise<AnswerPass> {
  return hasFastPass(options.adapted.base) ? await fastPass(options) : slowPass(options);
}

async function fastPass({ adapted, strength, threads, baseScorer }: AnswerPassOptions): Promise<AnswerPass> {
  const { config, loraScale, weights } = adapted.gradientModel;
  const full = mergedWeights(weights, loraScale);
  const scorer = await createAnswerScorer(config, full, threads);
  const merged = strength === 1 ? full : mergedWeights(weights, loraScale * strength);
  const gradients = await fastGradients({ adapted, strength, threads }, merged);
  return {
    ...gradients,
    losses: async (example) => ({
      base: await (await baseScorer()).nll(example),
      adapted: await scorer.nll(example),
    }),
    release: async () => {
      await gradients.release();
      await scorer.release();
    },
  };
}

type GradientPass = Pick<AnswerPass, 'width' | 'gradient' | 'release'>;

/** Gradients alone, for many examples one after another. */
export async function createGradientPass(
  options: Omit<AnswerPassOptions, 'baseScorer'>,
): Promise<GradientPass> {
  const { adapted, strength } = options;
  if (!hasFastPass(adapted.base)) return slowGradients(options);
  const { loraScale, weights } = adapted.gradientModel;
  return await fastGradients(options, mergedWeights(weights, loraScale * strength));
}

async function fastGradients(
  { adapted, strength, threads }: Omit<AnswerPassOptions, 'baseScorer'>,
  merged: ReturnType<typeof mergedWeights>,
): Promise<GradientPass> {
  const { config, lora, loraScale } = adapted.gradientModel;
  const onnx = buildAnswerGradientGraph({ config, lora, merged, scale: loraScale * strength });
  const session = await InferenceSession.create(onnx, trainingSessionOptions(threads));
  return {
    width: gradientWidth(config, lora),
    gradient: async (example) => floatsOf(await session.run(gradientFeeds(example)), 'gradient'),
    release: () => session.release(),
  };
}

function gradientWidth(config: LlamaConfig, lora: Parameters<typeof loraTensorShapes>[1]): number {
  return [...loraTensorShapes(config, lora).values()].reduce(
    (sum, [rows, columns]) => sum + rows * columns,
    0,
  );
}

function gradientFeeds({ ids, answerStart }: TokenisedExample): Record<string, Tensor> {
  const seq = ids.length - 1;
  const { rows, labels } = answerTokens(ids, answerStart);
  const count = rows.length;
  const mask = new Float32Array(seq * seq);
  for (let row = 0; row < seq; row++) mask.fill(-1e9, row * seq + row + 1, (row + 1) * seq);
  return {
    ids: new Tensor('int64', BigInt64Array.from(ids.slice(0, seq), BigInt), [seq]),
    mask: new Tensor('float32', mask, [1, 1, seq, seq]),
    positions: new Tensor(
      'int64',
      BigInt64Array.from({ length: seq }, (_, i) => BigInt(i)),
      [1, seq],
    ),
    rows: new Tensor('int64', rows, [count]),
    labels: new Tensor('int64', labels, [count]),
    weights: new Tensor('float32', new Float32Array(count).fill(1 / count), [count]),
    pads: new Tensor('int64', BigInt64Array.of(BigInt(answerStart - 1), 0n, 0n, 0n), [4]),
  };
}

function slowPass(options: AnswerPassOptions): AnswerPass {
  const model = slowModel(options);
  return {
    ...slowGradients(options, model),
    losses: async (example) => ({
      base: await model.answerTokenNll(example, 'base'),
      adapted: await model.answerTokenNll(example, 'adapted'),
    }),
  };
}

function slowModel({ adapted, strength, threads }: Omit<AnswerPassOptions, 'baseScorer'>): GradientModel {
  return createGradientModel({ ...adapted.gradientModel, strength, threads });
}

function slowGradients(
  options: Omit<AnswerPassOptions, 'baseScorer'>,
  model = slowModel(options),
): GradientPass {
  return {
    width: model.width,
    gradient: async (example) => {
      let gradient: Float32Array = new Float32Array(0);
      await model.gradients([example], (_, vector) => {
        gradient = vector;
      });
      return gradient;
    },
    release: () => model.release(),
  };
}

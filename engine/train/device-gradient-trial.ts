// Compares a device's gradients with the CPU's before it may train: a kernel that is missing or wrong on a GPU gives
// wrong gradients without a word (measured with onnxruntime 1.30: a right loss beside gradients off by 1e8), and a run
// would learn nothing. Used by training-session.ts and, in a process of its own, by train-device-main.ts.
// The model tried is one random layer with the heads, widths (up to a bound), biases and head of the one to be trained.
// Covered: every tensor of a step in the form asked for. Not covered: kernels chosen only for larger batches.
import { EngineError } from '../errors.ts';
import { type LoraShape, loraTensorShapes } from '../graph/llama-train-graph.ts';
import { llamaTensorShapes } from '../model/llama-weights.ts';
import type { LlamaConfig } from '../model/model-config.ts';
import type { NamedTensor, TensorMap } from '../model/safetensors.ts';
import { gaussianArray, seededRandom } from './training-random.ts';
import type { createTrainingSession, TokenBatch, TrainingStep } from './training-session.ts';

type OpenSession = typeof createTrainingSession;
type SessionOptions = Parameters<OpenSession>[0];

/** Relative L2. Kernels add in different orders, which makes 1e-5; a wrong one is off by 0.1 and more. */
const gradientErrorMax = 1e-3;

const [widthMax, vocabMax, rankMax] = [512, 512, 8];

/** One trial for each kind of session and process. */
const trials = new Map<string, Promise<void>>();

/**
 * Resolves when the device is right for sessions of this kind; the first call tries, later ones know.
 * @param open opens a session on any device, without this check
 * @throws EngineError `device_wrong` with the tensor and its error; `device_unavailable`
 */
export function requireRightGradients(options: SessionOptions, open: OpenSession): Promise<void> {
  const trial = trialOptions(options);
  const { config, gradients, lora, packed, device } = trial;
  const key = JSON.stringify([config, gradients, lora, packed, device]);
  const known = trials.get(key) ?? compareGradients(trial, open);
  trials.set(key, known);
  return known;
}

async function compareGradients(trial: SessionOptions, open: OpenSession): Promise<void> {
  const { config, lora, device = 'cpu' } = trial;
  const options = { ...trial, weights: trialWeights(config, lora), loraScale: 0.7, threads: 1 };
  const tokens = trialBatch(trial);
  const expected = await runOnce(options, 'cpu', tokens, open);
  const found = await runOnce(options, device, tokens, open);
  const values = ({ nll, gradients }: TrainingStep) => new Map([['nll', nll], ...gradients]);
  const right = values(expected);
  for (const [name, data] of values(found)) {
    const error = relativeError(data, right.get(name) ?? new Float32Array());
    if (error <= gradientErrorMax) continue;
    const message = `${device} computes ${name} of a training step wrongly (off by ${error.toPrecision(2)}); use ENGINE_DEVICE=cpu`;
    throw new EngineError(message, { code: 'device_wrong', retry: 'never' });
  }
}

async function runOnce(
  options: SessionOptions,
  device: SessionOptions['device'],
  tokens: TokenBatch,
  open: OpenSession,
): Promise<TrainingStep> {
  const session = await open({ ...options, device });
  try {
    return await session.run(tokens);
  } finally {
    await session.release();
  }
}

/** Of a session that is enough to try a device with; weights are to be added. */
export function trialOptions(options: SessionOptions, batch = 2, seq = 40): SessionOptions {
  const { config, lora, gradients, packed, device } = options;
  const kvHeads = Math.min(config.kvHeads, 2);
  return {
    config: {
      ...config,
      layers: 1,
      kvHeads,
      heads: kvHeads * (config.heads / config.kvHeads),
      dim: Math.min(config.dim, widthMax),
      ffn: Math.min(config.ffn, widthMax),
      vocab: Math.min(config.vocab, vocabMax),
    },
    lora: lora && { ...lora, rank: Math.min(lora.rank, rankMax) },
    ...{ gradients, packed, device, batch, seq, weights: new Map() },
  };
}

/** Outputs of the size of inputs; B is not zero, or A would have no gradient. */
export function trialWeights(config: LlamaConfig, lora: LoraShape | undefined): TensorMap {
  const random = seededRandom(config.dim, config.ffn);
  const shapes = [...llamaTensorShapes(config), ...(lora ? loraTensorShapes(config, lora) : [])];
  return new Map(
    shapes.map(([name, shape]): [string, NamedTensor] => {
      const size = shape.reduce((product, dim) => product * dim, 1);
      const data = gaussianArray(size, 1 / Math.sqrt(shape.at(-1) ?? 1), random);
      return [name, { shape, data: name.includes('norm') ? data.map((value) => 1 + value) : data }];
    }),
  );
}

export function trialBatch({ config: { vocab }, batch, seq }: SessionOptions): TokenBatch {
  const random = seededRandom(vocab);
  const ids = (): BigInt64Array =>
    BigInt64Array.from({ length: batch * seq }, () => BigInt(Math.floor(random() * vocab)));
  const weights = Float32Array.from({ length: batch * seq }, (_, at) => (at % 3 === 2 ? 0 : 0.5 + random()));
  const segments = BigInt64Array.from({ length: batch * seq }, (_, at) =>
    BigInt(Math.floor((at % seq) / 17)),
  );
  return { ids: ids(), labels: ids(), weights, segments };
}

/** |found - expected| / |expected|; NaN counts as infinitely wrong. */
function relativeError(found: Float32Array, expected: Float32Array): number {
  let [difference, size] = [0, 0];
  expected.forEach((value, at) => {
    difference += (found[at] - value) ** 2;
    size += value ** 2;
  });
  const error = Math.sqrt(difference / Math.max(size, 1e-30));
  return Number.isFinite(error) ? error : Number.POSITIVE_INFINITY;
}

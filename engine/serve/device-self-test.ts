// Tries a GPU's attention kernels against the CPU's when a session starts, with the heads of the model to be served.
// Used by device-session.ts. Which kernel runs depends on the number of new tokens and on the driver, and not all are
// right everywhere: in onnxruntime 1.30 the one for 32 and more new tokens counts keys twice where the driver computes
// in groups of fewer than 8 (SwiftShader does). There, prompts are fed in shorter pieces, which is slower and right.
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { EngineError } from '../errors.ts';
import { buildAttentionTrialGraph } from '../graph/attention-trial-graph.ts';
import type { LlamaConfig } from '../model/model-config.ts';
import { gaussianArray, seededRandom } from '../train/training-random.ts';
import { type DeviceBuffers, type DeviceProvider, deviceView } from './device-buffers.ts';

/** Of the kernel that is right on every driver seen so far. */
const shortPieceTokens = 31;

const tokens = 128;
/** Relative; kernels add in different orders, a wrong one is off by 0.1 and more. */
const errorMax = 1e-3;

interface Trial {
  /** Tokens of each row before the step. */
  readonly lengths: readonly number[];
  readonly seq: number;
}

const shortTrials: readonly Trial[] = [
  { lengths: [0], seq: shortPieceTokens },
  { lengths: [45], seq: shortPieceTokens },
  { lengths: [100], seq: 1 },
  { lengths: [3, 90, 0, 64], seq: 1 },
];
const longTrials: readonly Trial[] = [
  { lengths: [0], seq: 75 },
  { lengths: [37], seq: 64 },
];

/**
 * @returns how many new tokens of a row the device takes in one step rightly
 * @throws EngineError `device_wrong` where it is wrong in ways that cannot be avoided
 */
export async function attentionPieceMax(
  config: LlamaConfig,
  device: DeviceProvider,
  buffers: DeviceBuffers,
): Promise<number> {
  const graph = buildAttentionTrialGraph(config, tokens);
  const open = (provider: string) => InferenceSession.create(graph, { executionProviders: [provider] });
  const [onCpu, onDevice] = [await open('cpu'), await open(device)];
  const errorOf = async (trial: Trial): Promise<number> => {
    const { feeds, past } = trialFeeds(config, trial);
    const expected = await onCpu.run({ ...feeds, ...past }, ['mixed']);
    const found = await onDevice.run(...(await inPlace(buffers, feeds, past)));
    return relativeError(floats(found.mixed), floats(expected.mixed));
  };
  try {
    for (const trial of shortTrials) {
      const error = await errorOf(trial);
      if (error < errorMax) continue;
      const what = `${trial.seq} new tokens after ${trial.lengths.join(', ')}`;
      const message = `${device} computes attention wrongly (${what}: off by ${error.toPrecision(2)}); use ENGINE_DEVICE=cpu`;
      throw new EngineError(message, { code: 'device_wrong', retry: 'never' });
    }
    for (const trial of longTrials) if (!((await errorOf(trial)) < errorMax)) return shortPieceTokens;
    return Number.POSITIVE_INFINITY;
  } finally {
    await onCpu.release();
    await onDevice.release();
  }
}

interface TrialFeeds {
  readonly feeds: Record<string, Tensor>;
  readonly past: { readonly past_k: Tensor; readonly past_v: Tensor };
}

function trialFeeds(config: LlamaConfig, { lengths, seq }: Trial): TrialFeeds {
  const { heads, kvHeads, headDim } = config;
  const rows = lengths.length;
  const random = seededRandom(rows, seq, lengths[0]);
  const values = (dims: readonly number[]): Tensor => {
    const size = dims.reduce((product, dim) => product * dim, 1);
    return new Tensor('float32', gaussianArray(size, 1, random), dims);
  };
  const cache = [rows, kvHeads, tokens, headDim];
  const positions = lengths.flatMap((length) => Array.from({ length: seq }, (_, at) => BigInt(length + at)));
  return {
    feeds: {
      qkv: values([rows, seq, (heads + 2 * kvHeads) * headDim]),
      positions: new Tensor('int64', BigInt64Array.from(positions), [rows, seq]),
      last_index: new Tensor(
        'int32',
        Int32Array.from(lengths, (length) => length + seq - 1),
        [rows],
      ),
      total_length: new Tensor('int32', Int32Array.of(Math.max(...lengths) + seq), [1]),
    },
    past: { past_k: values(cache), past_v: values(cache) },
  };
}

/** The same step with the cache on the device, fed and fetched as the session will do it. */
async function inPlace(
  buffers: DeviceBuffers,
  feeds: TrialFeeds['feeds'],
  { past_k, past_v }: TrialFeeds['past'],
): Promise<[Record<string, Tensor>, Record<string, Tensor | null>]> {
  const flat = [await buffers.zeros([1, past_k.size]), await buffers.zeros([1, past_v.size])];
  await buffers.write(flat, [0], [floats(past_k), floats(past_v)]);
  const [k, v] = flat.map((buffer) => deviceView(buffer, past_k.dims));
  return [
    { ...feeds, past_k: k, past_v: v },
    { mixed: null, present_k: k, present_v: v },
  ];
}

function relativeError(found: Float32Array, expected: Float32Array): number {
  let [difference, size] = [0, 0];
  expected.forEach((value, at) => {
    difference += (found[at] - value) ** 2;
    size += value ** 2;
  });
  return Math.sqrt(difference / size);
}

function floats(tensor: Tensor): Float32Array {
  if (tensor.data instanceof Float32Array) return tensor.data;
  throw new Error('bug: attention is not f32');
}

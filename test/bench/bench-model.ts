// Random Llama models of the two shapes that the benchmarks measure (speed does not depend on the values).
// Used by the benchmarks and the soak. Invariants: same seed, same values; a folder is complete (config, tokenizer,
// weights), so that the whole engine can be started on it; one byte of text is one token and all further ids are
// fillers; the model says letters only and never ends by itself, so its answers read back as the tokens they were made
// of (conversations share prefixes) and have the length that was asked for.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tokenizerConfigJson } from '../../engine/corpus/chat-markup.ts';
import { toTokenizerJson, trainBpe } from '../../engine/corpus/train-tokenizer.ts';
import { llamaTensorShapes } from '../../engine/model/llama-weights.ts';
import { type LlamaConfig, toConfigJson } from '../../engine/model/model-config.ts';
import { type NamedTensor, type TensorMap, writeSafetensors } from '../../engine/model/safetensors.ts';
import { gaussianArray, seededRandom } from '../../engine/train/training-random.ts';

const common = {
  maxSeq: 2048,
  ropeTheta: 10000,
  rmsEps: 1e-5,
  tied: true,
  qkvBias: false,
  bosId: 1,
  eosIds: [2],
};

/** The shape of SmolLM2-135M. */
export const shape135: LlamaConfig = {
  ...common,
  dim: 576,
  layers: 30,
  heads: 9,
  kvHeads: 3,
  headDim: 64,
  ffn: 1536,
  vocab: 49152,
};

/** 15 million parameters (the shape of stories15M). */
export const shape15: LlamaConfig = {
  ...common,
  dim: 288,
  layers: 6,
  heads: 6,
  kvHeads: 6,
  headDim: 48,
  ffn: 768,
  vocab: 32000,
};

// One table of normal deviates, read from a random place for each tensor: 135 million of them take seconds to draw.
const deviates = gaussianArray(2 ** 20, 1, seededRandom(7));

const bytes = trainBpe(new Map(), 0);
const letterIds = Array.from('abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ', (letter) =>
  bytes.tokens.indexOf(letter),
);
/** Their rows of the tied embedding are this much longer than others: no other token is ever the likeliest. */
const letterWeight = 60;

export function benchWeights(config: LlamaConfig, seed = 1): TensorMap {
  const random = seededRandom(seed);
  const weights = new Map<string, NamedTensor>();
  for (const [name, shape] of llamaTensorShapes(config)) {
    const size = shape.reduce((total, length) => total * length, 1);
    const isNorm = name.endsWith('norm.weight');
    const deviation = isNorm ? 0.1 : name.includes('embed') ? 0.005 : 0.7 / Math.sqrt(shape[1]);
    weights.set(name, { shape, data: drawn(size, deviation, isNorm ? 1 : 0, random) });
  }
  const table = weights.get('model.embed_tokens.weight')!.data;
  for (const id of letterIds) {
    for (let i = id * config.dim; i < (id + 1) * config.dim; i++) table[i] *= letterWeight;
  }
  return weights;
}

/** A Hugging Face folder with these weights. */
export function writeModelFolder(folder: string, config: LlamaConfig, weights: TensorMap): void {
  mkdirSync(folder, { recursive: true });
  const fillers = Array.from({ length: config.vocab - bytes.tokens.length }, (_, i) => ` w${i}`);
  const json = (name: string, value: unknown): void =>
    writeFileSync(join(folder, name), JSON.stringify(value));
  json('config.json', toConfigJson(config));
  json('tokenizer.json', toTokenizerJson({ tokens: [...bytes.tokens, ...fillers], merges: bytes.merges }));
  json('tokenizer_config.json', tokenizerConfigJson());
  writeSafetensors(join(folder, 'model.safetensors'), weights);
}

/** Token ids that end nothing, the same for the same seed. */
export function benchIds(config: LlamaConfig, count: number, seed: number): readonly number[] {
  const random = seededRandom(seed, 13);
  return Array.from({ length: count }, () => 300 + Math.floor(random() * (config.vocab - 300)));
}

function drawn(size: number, deviation: number, mean: number, random: () => number): Float32Array {
  const values = new Float32Array(size);
  let from = Math.floor(random() * deviates.length);
  for (let i = 0; i < size; i++) {
    values[i] = mean + deviation * deviates[from];
    from = from + 1 === deviates.length ? 0 : from + 1;
  }
  return values;
}

// The Llama forward pass written slowly and plainly, the oracle for every fast path.
// Used by: tests and benchmarks only. Knows no runtime and no graph; shares nothing with them but weights and config.
// Formulas: RMSNorm (arXiv 1910.07467), rotary positions in the half-split form of Hugging Face (arXiv 2104.09864),
// grouped-query attention (arXiv 2305.13245), SwiGLU (arXiv 2002.05202), LoRA (arXiv 2106.09685).
// Sums are in float64; what a layer hands to the next is float32, as in the fast paths.

import { type Projection, weightOf } from '../model/llama-weights.ts';
import { type LoraAdapter, loraPair } from '../model/lora-adapter.ts';
import type { LlamaConfig } from '../model/model-config.ts';
import type { TensorMap } from '../model/safetensors.ts';
import { referenceTurn } from './reference-rope.ts';

/** Rows of equal width, one after another. */
interface Rows {
  readonly width: number;
  readonly data: Float32Array;
}

/** Logits of every position. @returns [ids.length, vocab] */
export function referenceLogits(
  weights: TensorMap,
  config: LlamaConfig,
  ids: readonly number[],
  adapter?: LoraAdapter,
): Float32Array {
  const { dim, heads, kvHeads, headDim, vocab } = config;
  const weight = (name: string) => weightOf(weights, name).data;
  const embedding = weight('model.embed_tokens.weight');

  const biased = (projection: Projection): boolean | undefined => {
    if (projection.startsWith('mlp.')) return config.mlpBias;
    return projection === 'self_attn.o_proj' ? config.outputBias : config.qkvBias;
  };
  const project = (x: Rows, layer: number, projection: Projection, outWidth: number): Rows => {
    const name = `model.layers.${layer}.${projection}`;
    const bias = biased(projection) ? weight(`${name}.bias`) : undefined;
    const y = linear(x, weight(`${name}.weight`), outWidth, bias);
    const pair = adapter === undefined ? undefined : loraPair(adapter, layer, projection);
    if (pair === undefined) return y;
    const delta = linear(linear(x, pair.a, pair.rank), pair.b, outWidth);
    return { width: outWidth, data: y.data.map((value, i) => value + pair.scale * delta.data[i]) };
  };

  const hidden: Rows = { width: dim, data: new Float32Array(ids.length * dim) };
  for (const [position, id] of ids.entries()) {
    if (id < 0 || id >= vocab) throw new RangeError(`token id ${id} outside the vocabulary of ${vocab}`);
    hidden.data.set(embedding.subarray(id * dim, (id + 1) * dim), position * dim);
  }

  let x = hidden;
  for (let layer = 0; layer < config.layers; layer++) {
    const prefix = `model.layers.${layer}`;
    const attentionIn = rmsNorm(x, weight(`${prefix}.input_layernorm.weight`), config.rmsEps);
    const q = rotate(project(attentionIn, layer, 'self_attn.q_proj', heads * headDim), config);
    const k = rotate(project(attentionIn, layer, 'self_attn.k_proj', kvHeads * headDim), config);
    const v = project(attentionIn, layer, 'self_attn.v_proj', kvHeads * headDim);
    x = add(x, project(attend(q, k, v, config), layer, 'self_attn.o_proj', dim));

    const mlpIn = rmsNorm(x, weight(`${prefix}.post_attention_layernorm.weight`), config.rmsEps);
    const gate = project(mlpIn, layer, 'mlp.gate_proj', config.ffn);
    const up = project(mlpIn, layer, 'mlp.up_proj', config.ffn);
    const inner = { width: config.ffn, data: gate.data.map((g, i) => (g / (1 + Math.exp(-g))) * up.data[i]) };
    x = add(x, project(inner, layer, 'mlp.down_proj', dim));
  }
  const normed = rmsNorm(x, weight('model.norm.weight'), config.rmsEps);
  return linear(normed, config.tied ? embedding : weight('lm_head.weight'), vocab).data;
}

/**
 * The most likely continuation, token by token; ties go to the lower id. Stops before an end-of-sequence id.
 * @returns the new ids only
 */
export function referenceGreedy(
  weights: TensorMap,
  config: LlamaConfig,
  promptIds: readonly number[],
  maxTokens: number,
  adapter?: LoraAdapter,
): number[] {
  const ids = [...promptIds];
  while (ids.length < promptIds.length + maxTokens && ids.length < config.maxSeq) {
    const last = referenceLogits(weights, config, ids, adapter).subarray(-config.vocab);
    let best = 0;
    for (let id = 1; id < last.length; id++) if (last[id] > last[best]) best = id;
    if (config.eosIds.includes(best)) break;
    ids.push(best);
  }
  return ids.slice(promptIds.length);
}

/** y = x W^T + bias. @param w [outWidth, x.width] */
function linear(x: Rows, w: Float32Array, outWidth: number, bias?: Float32Array): Rows {
  const rows = x.data.length / x.width;
  const data = new Float32Array(rows * outWidth);
  for (let row = 0; row < rows; row++)
    for (let out = 0; out < outWidth; out++) {
      let sum = bias === undefined ? 0 : bias[out];
      for (let i = 0; i < x.width; i++) sum += x.data[row * x.width + i] * w[out * x.width + i];
      data[row * outWidth + out] = sum;
    }
  return { width: outWidth, data };
}

/** x / sqrt(mean(x^2) + eps) * gain, row by row. */
function rmsNorm(x: Rows, gain: Float32Array, eps: number): Rows {
  const data = new Float32Array(x.data.length);
  for (let start = 0; start < data.length; start += x.width) {
    let squares = 0;
    for (let i = 0; i < x.width; i++) squares += x.data[start + i] ** 2;
    const inverse = 1 / Math.sqrt(squares / x.width + eps);
    for (let i = 0; i < x.width; i++) data[start + i] = x.data[start + i] * inverse * gain[i];
  }
  return { width: x.width, data };
}

/** Turns the pair (i, i + headDim/2) of every head by the angle of its position. Row = position. */
function rotate(x: Rows, config: LlamaConfig): Rows {
  const { headDim } = config;
  const half = headDim / 2;
  const data = new Float32Array(x.data.length);
  for (let start = 0; start < data.length; start += headDim) {
    const position = Math.floor(start / x.width);
    for (let i = 0; i < half; i++) {
      const { cos, sin } = referenceTurn(config, position, i);
      const first = x.data[start + i];
      const second = x.data[start + i + half];
      data[start + i] = first * cos - second * sin;
      data[start + i + half] = second * cos + first * sin;
    }
  }
  return { width: x.width, data };
}

/** Causal softmax attention; `heads / kvHeads` query heads share a key/value head. @returns [seq, heads * headDim] */
function attend(q: Rows, k: Rows, v: Rows, { heads, kvHeads, headDim }: LlamaConfig): Rows {
  const seq = q.data.length / q.width;
  const data = new Float32Array(q.data.length);
  const dot = (query: number, key: number) => {
    let sum = 0;
    for (let i = 0; i < headDim; i++) sum += q.data[query + i] * k.data[key + i];
    return sum / Math.sqrt(headDim);
  };
  for (let head = 0; head < heads; head++) {
    const shared = Math.floor((head * kvHeads) / heads) * headDim;
    for (let position = 0; position < seq; position++) {
      const query = position * q.width + head * headDim;
      const scores = Array.from({ length: position + 1 }, (_, past) => dot(query, past * k.width + shared));
      const highest = Math.max(...scores);
      const powers = scores.map((score) => Math.exp(score - highest));
      const total = powers.reduce((sum, power) => sum + power, 0);
      for (let i = 0; i < headDim; i++) {
        let sum = 0;
        for (let past = 0; past <= position; past++)
          sum += powers[past] * v.data[past * v.width + shared + i];
        data[query + i] = sum / total;
      }
    }
  }
  return { width: q.width, data };
}

function add(a: Rows, b: Rows): Rows {
  return { width: a.width, data: a.data.map((value, i) => value + b.data[i]) };
}

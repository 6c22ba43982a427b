// The LoRA step of our training graph written for @jax-js/jax: the same weights, batch, loss and gradients, jitted as a
// whole. Used by the training bench, which compares both results before it times them. It knows the few functions of
// jax that it calls. Arrays there are counted: a call consumes its arguments, `.ref` keeps one for another use.
// The adapter is a second path, y = x Wᵀ + s (x Aᵀ) Bᵀ: merged into W, jax would differentiate with respect to all of W.

import type { LlamaConfig } from '../../engine/model/model-config.ts';
import type { TensorMap } from '../../engine/model/safetensors.ts';
import type { TokenBatch } from '../../engine/train/training-session.ts';

/** An array of jax. */
export interface JaxArray {
  readonly ref: JaxArray;
  readonly add: (other: JaxArray | number) => JaxArray;
  readonly sub: (other: JaxArray | number) => JaxArray;
  readonly mul: (other: JaxArray | number) => JaxArray;
  readonly div: (other: JaxArray | number) => JaxArray;
  readonly reshape: (shape: readonly number[]) => JaxArray;
  readonly transpose: (axes?: readonly number[]) => JaxArray;
  readonly data: () => Promise<Float32Array>;
  readonly dispose: () => void;
}

type Named = Readonly<Record<string, JaxArray>>;

/** What the step calls of the package. */
export interface JaxModule {
  readonly init: (device: 'wasm') => Promise<readonly string[]>;
  readonly defaultDevice: (device: 'wasm') => string;
  readonly numpy: {
    readonly array: (data: Float32Array | Int32Array) => JaxArray;
    readonly matmul: (a: JaxArray, b: JaxArray) => JaxArray;
    readonly take: (table: JaxArray, indices: JaxArray, axis: number) => JaxArray;
    readonly takeAlongAxis: (table: JaxArray, indices: JaxArray, axis: number) => JaxArray;
    readonly concatenate: (parts: readonly JaxArray[], axis: number) => JaxArray;
    readonly split: (array: JaxArray, parts: number, axis: number) => readonly JaxArray[];
    readonly sqrt: (array: JaxArray) => JaxArray;
    readonly mean: (array: JaxArray, axis: number, options: { readonly keepdims: boolean }) => JaxArray;
    readonly sum: (array: JaxArray) => JaxArray;
    readonly square: (array: JaxArray) => JaxArray;
  };
  readonly nn: {
    readonly silu: (x: JaxArray) => JaxArray;
    readonly softmax: (x: JaxArray, axis: number) => JaxArray;
    readonly logSoftmax: (x: JaxArray, axis: number) => JaxArray;
  };
  readonly jit: <F>(step: F) => F & { readonly dispose: () => void };
  readonly valueAndGrad: <F extends (lora: Named, ...rest: never[]) => JaxArray>(
    loss: F,
  ) => (...args: Parameters<F>) => readonly [JaxArray, Named];
}

interface StepResult {
  readonly loss: number;
  readonly gradients: ReadonlyMap<string, Float32Array>;
}

export interface JaxLoraStep {
  /** Loss and gradients of A and B, read back as ours are. */
  readonly run: () => Promise<StepResult>;
  readonly dispose: () => void;
}

interface StepOptions {
  readonly config: LlamaConfig;
  readonly batch: number;
  readonly seq: number;
  /** Base weights, A and B by the names of the training graph. */
  readonly weights: TensorMap;
  readonly loraNames: readonly string[];
  readonly loraScale: number;
  readonly tokens: TokenBatch;
}

/** Covers untied or tied heads without biases and as many key heads as heads: the shape that is measured. */
export function createJaxLoraStep(jax: JaxModule, options: StepOptions): JaxLoraStep {
  const { config, batch, seq, weights, loraScale, tokens } = options;
  const { numpy: np, nn } = jax;
  const { heads, headDim } = config;
  if (config.kvHeads !== heads || config.qkvBias)
    throw new Error('bug: a shape that this step does not cover');
  const rows = batch * seq;
  const loraNames = new Set(options.loraNames);
  const toJax = (name: string): JaxArray => {
    const tensor = weights.get(name);
    if (!tensor) throw new Error(`bug: no weight ${name}`);
    return np.array(tensor.data).reshape([...tensor.shape]);
  };
  const named = (names: Iterable<string>): Named =>
    Object.fromEntries([...names].map((name) => [name, toJax(name)]));
  const lora = named(loraNames);
  const base = named([...weights.keys()].filter((name) => !loraNames.has(name)));
  const ids = np.array(Int32Array.from(tokens.ids, Number));
  const labels = np.array(Int32Array.from(tokens.labels, Number)).reshape([rows, 1]);
  const tokenWeights = np.array(tokens.weights).reshape([rows, 1]);
  const { cos, sin } = rotaryAngles(seq, headDim, config.ropeTheta);
  const tables = {
    cos: np.array(cos).reshape([1, 1, seq, headDim]),
    sin: np.array(sin).reshape([1, 1, seq, headDim]),
    mask: np.array(causalMask(seq)).reshape([1, 1, seq, seq]),
  };

  const lossOf = (
    pairs: Named,
    w: Named,
    t: Named,
    x0: JaxArray,
    y0: JaxArray,
    weight: JaxArray,
  ): JaxArray => {
    const linear = (x: JaxArray, table: JaxArray): JaxArray => np.matmul(x, table.transpose());
    const project = (x: JaxArray, name: string): JaxArray => {
      const a = pairs[`${name}.lora_A.weight`].ref;
      const b = pairs[`${name}.lora_B.weight`].ref;
      const low = linear(x.ref, a).mul(loraScale);
      return linear(x, w[`${name}.weight`].ref).add(linear(low, b));
    };
    const norm = (x: JaxArray, name: string): JaxArray => {
      const mean = np.mean(np.square(x.ref), -1, { keepdims: true });
      return x.div(np.sqrt(mean.add(config.rmsEps))).mul(w[name].ref);
    };
    const toHeads = (x: JaxArray): JaxArray =>
      x.reshape([batch, seq, heads, headDim]).transpose([0, 2, 1, 3]);
    const rotate = (x: JaxArray): JaxArray => {
      const [first, second] = np.split(x.ref, 2, -1);
      const turned = np.concatenate([second.mul(-1), first], -1);
      return x.mul(t.cos.ref).add(turned.mul(t.sin.ref));
    };
    let x = np.take(w['model.embed_tokens.weight'].ref, x0, 0); // [rows, dim]
    for (let layer = 0; layer < config.layers; layer++) {
      const name = `model.layers.${layer}`;
      const h = norm(x.ref, `${name}.input_layernorm.weight`);
      const q = rotate(toHeads(project(h.ref, `${name}.self_attn.q_proj`)));
      const k = rotate(toHeads(project(h.ref, `${name}.self_attn.k_proj`)));
      const v = toHeads(project(h, `${name}.self_attn.v_proj`));
      const scores = np.matmul(q, k.transpose([0, 1, 3, 2])).mul(1 / Math.sqrt(headDim)); // [batch, heads, seq, seq]
      const mixed = np.matmul(nn.softmax(scores.add(t.mask.ref), -1), v);
      const flat = mixed.transpose([0, 2, 1, 3]).reshape([rows, heads * headDim]);
      x = x.add(project(flat, `${name}.self_attn.o_proj`));
      const m = norm(x.ref, `${name}.post_attention_layernorm.weight`);
      const gate = nn.silu(project(m.ref, `${name}.mlp.gate_proj`));
      x = x.add(project(gate.mul(project(m, `${name}.mlp.up_proj`)), `${name}.mlp.down_proj`));
    }
    const head = config.tied ? 'model.embed_tokens.weight' : 'lm_head.weight';
    const logits = linear(norm(x, 'model.norm.weight'), w[head].ref); // [rows, vocab]
    const logp = np.takeAlongAxis(nn.logSoftmax(logits, -1), y0, -1);
    return np.sum(logp.mul(weight)).mul(-1);
  };
  const step = jax.jit(jax.valueAndGrad(lossOf));
  const kept = (arrays: Named): Named =>
    Object.fromEntries(Object.entries(arrays).map(([name, array]) => [name, array.ref]));
  return {
    run: async () => {
      const [loss, gradients] = step(
        kept(lora),
        kept(base),
        kept(tables),
        ids.ref,
        labels.ref,
        tokenWeights.ref,
      );
      const read = new Map<string, Float32Array>();
      for (const [name, gradient] of Object.entries(gradients)) read.set(name, await gradient.data());
      return { loss: (await loss.data())[0], gradients: read };
    },
    dispose: () => {
      step.dispose();
      const held = [lora, base, tables].flatMap((arrays) => Object.values<JaxArray>(arrays));
      for (const array of [...held, ids, labels, tokenWeights]) array.dispose();
    },
  };
}

/** Both halves of a head turn by the same angles (the Hugging Face layout). [seq, headDim] */
function rotaryAngles(seq: number, headDim: number, theta: number) {
  const angle = (at: number): number => {
    const [position, i] = [Math.floor(at / headDim), at % headDim];
    return position / theta ** ((2 * (i % (headDim / 2))) / headDim);
  };
  const angles = Float64Array.from({ length: seq * headDim }, (_, at) => angle(at));
  return { cos: Float32Array.from(angles, Math.cos), sin: Float32Array.from(angles, Math.sin) };
}

/** 0 where a token may look, very low where not. [seq, seq] */
function causalMask(seq: number): Float32Array {
  return Float32Array.from({ length: seq * seq }, (_, at) => (at % seq <= Math.floor(at / seq) ? 0 : -1e9));
}

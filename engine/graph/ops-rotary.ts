// Rotary position embedding in the half-rotation layout of Hugging Face checkpoints (arxiv.org/abs/2104.09864):
// within a head, dimension i pairs with i + headDim/2. Used by the Llama graphs. The derivative is the same
// rotation by the opposite angle. f32 with headDim a multiple of 16 uses the fused kernel, else composed.
import type { LlamaConfig } from '../model/model-config.ts';
import { ropeFrequencies } from '../model/rope-frequencies.ts';
import { constant, differentiable, type Graph, node, type Tensor } from './graph-builder.ts';
import { binary, floatType } from './ops-elementwise.ts';
import { reshape } from './ops-shape.ts';

export interface RotaryTables {
  readonly headDim: number;
  /** Row-major [seq, headDim / 2]. */
  readonly cos: Float64Array;
  readonly sin: Float64Array;
}

/** Of positions 0..seq-1, with the model's rope scaling. The one definition that serving and training share. */
export function rotaryTables(
  seq: number,
  config: Pick<LlamaConfig, 'headDim' | 'ropeTheta' | 'ropeScaling'>,
): RotaryTables {
  const { headDim, ropeTheta, ropeScaling } = config;
  const half = headDim / 2;
  const { angles, amplitude } = ropeFrequencies(headDim, ropeTheta, ropeScaling);
  const cos = new Float64Array(seq * half);
  const sin = new Float64Array(seq * half);
  for (let p = 0; p < seq; p++) {
    for (let i = 0; i < half; i++) {
      cos[p * half + i] = amplitude * Math.cos(p * angles[i]);
      sin[p * half + i] = amplitude * Math.sin(p * angles[i]);
    }
  }
  return { headDim, cos, sin };
}

/** Tables of a rotation that also multiplies by `factor`. */
export function scaledTables({ headDim, cos, sin }: RotaryTables, factor: number): RotaryTables {
  const scale = (values: Float64Array): Float64Array => values.map((value) => value * factor);
  return { headDim, cos: scale(cos), sin: scale(sin) };
}

/**
 * x [batch, seq, heads * headDim] -> same shape, rotated by position along axis 1.
 * @param positions i64 [batch, seq], the position of each token; left out = 0 .. seq - 1 in every row
 */
export function rotary(g: Graph, x: Tensor, tables: RotaryTables, positions?: Tensor): Tensor {
  return differentiable(
    g,
    [x],
    () => rotate(g, x, tables, positions),
    (dy) => [rotate(g, dy, { ...tables, sin: tables.sin.map((value) => -value) }, positions)],
  );
}

function rotate(g: Graph, x: Tensor, { headDim, cos, sin }: RotaryTables, positions?: Tensor): Tensor {
  const type = floatType(x);
  const half = headDim / 2;
  const seq = cos.length / half;
  const table = (values: Float64Array, shape: readonly number[]): Tensor => {
    const key = `rotary ${type} ${shape} ${values[half]} ${values[values.length - 1]}`;
    const known = g.constants.get(key);
    if (known) return known;
    const made = constant(g, type, values, shape);
    g.constants.set(key, made);
    return made;
  };
  if (type === 'f32' && headDim % 16 === 0) {
    const offset = constant(g, 'i64', [0]); // one number = first position of every row
    const inputs = [x, positions ?? offset, table(cos, [seq, half]), table(sin, [seq, half])];
    const attributes = { num_heads: Number(x.shape[2]) / headDim };
    return node(
      g,
      'RotaryEmbedding',
      inputs,
      [{ dtype: type, shape: x.shape }],
      attributes,
      'com.microsoft',
    )[0];
  }
  const heads = Number(x.shape[2]) / headDim;
  const [batch] = x.shape;
  const split = reshape(g, x, [batch, seq, heads, headDim]);
  const halfSpec = { dtype: type, shape: [batch, seq, heads, half] };
  const [low, high] = node(g, 'Split', [split], [halfSpec, halfSpec], { axis: -1, num_outputs: 2 });
  const byPosition = (values: Float64Array): Tensor => {
    const rows = table(values, [seq, 1, half]);
    if (positions === undefined) return rows;
    return node(g, 'Gather', [rows, positions], [{ dtype: type, shape: [...positions.shape, 1, half] }], {
      axis: 0,
    })[0];
  };
  const c = byPosition(cos);
  const s = byPosition(sin);
  const turned = [
    binary(g, 'Sub', binary(g, 'Mul', low, c), binary(g, 'Mul', high, s)),
    binary(g, 'Add', binary(g, 'Mul', high, c), binary(g, 'Mul', low, s)),
  ];
  const joined = node(g, 'Concat', turned, [{ dtype: type, shape: split.shape }], { axis: -1 })[0];
  return reshape(g, joined, x.shape);
}

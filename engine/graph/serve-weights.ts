// The weights of a serving graph: read one tensor at a time by Hugging Face name, put into the kernel's layout and
// format, handed to the session as external data. Used by llama-serve-graph.ts. Linear layers are y = x Wᵀ with W as
// stored, [out, in]; layers that read the same input lie side by side on the out axis. It knows no model.
// f32 is MatMul on [in, out], which onnxruntime packs best; int8 and int4 are MatMulNBits on [out, in], whose kernel
// pads an input width that is no multiple of the block by itself.
import { quantBlocks, quantiseInt4, quantiseInt8 } from '../model/quantise.ts';
import type { WeightFormat } from '../model/weight-format.ts';
import { type Graph, initialiser, node, type Tensor } from './graph-builder.ts';
import type { DType } from './onnx-model.ts';

/** Where the session finds the values of an initialiser. */
export interface WeightPlace {
  readonly location: string;
  readonly offset: number;
  readonly length: number;
}

interface LinearPart {
  readonly name: string;
  readonly out: number;
  /** All parts of a layer have one, or none has. */
  readonly biasName?: string;
}

export interface ServeWeights {
  /**
   * Values of each initialiser, to be handed to the session as external data under the same path; none where they were
   * put elsewhere.
   */
  readonly externalData: readonly { readonly path: string; readonly data: Uint8Array }[];
  /** A vector, or a matrix as stored. */
  readonly plain: (name: string, shape: readonly number[]) => Tensor;
  /** x [..., in] -> [..., sum of out]. @param key names the merged weight */
  readonly linear: (x: Tensor, key: string, parts: readonly LinearPart[], into: number) => Tensor;
  /** x [n, dim] -> [n, vocab], the scores of all tokens. @param output name of the result */
  readonly head: (x: Tensor, name: string, vocab: number, dim: number, output: string) => Tensor;
}

/** @param put keeps the values of one initialiser elsewhere, such as in a file; left out = external data in memory */
export function serveWeights(
  g: Graph,
  read: (name: string) => Float32Array,
  format: WeightFormat,
  put?: (data: Uint8Array) => WeightPlace,
): ServeWeights {
  const externalData: { path: string; data: Uint8Array }[] = [];
  const store = (
    name: string,
    dtype: DType,
    shape: readonly number[],
    values: Float32Array | Uint8Array,
  ): Tensor => {
    const data = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    if (put !== undefined) return initialiser(g, name, dtype, shape, put(data));
    externalData.push({ path: name, data });
    return initialiser(g, name, dtype, shape, { location: name, offset: 0, length: data.byteLength });
  };
  const known = new Map<string, Tensor>();
  const plain = (name: string, shape: readonly number[]): Tensor => {
    const tensor = known.get(name) ?? store(name, 'f32', shape, read(name));
    known.set(name, tensor);
    return tensor;
  };
  const biasOf = (key: string, parts: readonly LinearPart[]): Tensor | null => {
    const names = parts.flatMap(({ biasName }) => biasName ?? []);
    if (names.length === 0) return null;
    const values = concatenated(names.map(read));
    return store(`${key}.bias`, 'f32', [values.length], values);
  };
  const quantised = (
    x: Tensor,
    key: string,
    parts: readonly LinearPart[],
    into: number,
    bits: 4 | 8,
    output?: string,
  ): Tensor => {
    const out = parts.reduce((total, part) => total + part.out, 0);
    const blockSize = quantBlocks[bits === 8 ? 'int8' : 'int4'];
    const blocks = Math.ceil(into / blockSize);
    const blockBytes = (blockSize * bits) / 8;
    const bytes = new Uint8Array(out * blocks * blockBytes);
    const scales = new Float32Array(out * blocks);
    const quantise = bits === 8 ? quantiseInt8 : quantiseInt4;
    let row = 0;
    for (const part of parts) {
      const matrix = quantise(read(part.name), part.out, into);
      bytes.set(matrix.bytes, row * blocks * blockBytes);
      scales.set(matrix.scales, row * blocks);
      row += part.out;
    }
    const codes = store(`${key}.codes`, 'u8', [out, blocks, blockBytes], bytes);
    const factors = store(`${key}.scales`, 'f32', [out * blocks], scales);
    const spec = { dtype: 'f32', shape: [...x.shape.slice(0, -1), out], name: output } as const;
    const attributes = { K: into, N: out, bits, block_size: blockSize, accuracy_level: 4 };
    const bias = biasOf(key, parts);
    const inputs = [x, codes, factors, ...(bias === null ? [] : [null, null, bias])];
    return node(g, 'MatMulNBits', inputs, [spec], attributes, 'com.microsoft')[0];
  };
  return {
    externalData,
    plain,
    linear: (x, key, parts, into) => {
      if (format !== 'f32') return quantised(x, key, parts, into, format === 'int8' ? 8 : 4);
      const out = parts.reduce((total, part) => total + part.out, 0);
      const spec = { dtype: 'f32', shape: [...x.shape.slice(0, -1), out] } as const;
      const matrix = store(key, 'f32', [into, out], sideBySide(parts, into, out, read));
      const y = node(g, 'MatMul', [x, matrix], [spec])[0];
      const bias = biasOf(key, parts);
      return bias === null ? y : node(g, 'Add', [y, bias], [spec])[0];
    },
    // int8 under int4 too: the head decides which token wins, and four bits there cost the most quality.
    head: (x, name, vocab, dim, output) => {
      if (format !== 'f32') return quantised(x, `${name}.head`, [{ name, out: vocab }], dim, 8, output);
      const spec = { dtype: 'f32', shape: [x.shape[0], vocab], name: output } as const;
      return node(g, 'Gemm', [x, plain(name, [vocab, dim])], [spec], { transB: 1 })[0];
    },
  };
}

/** Matrices [out, in] as stored -> one matrix [in, sum of out]. */
function sideBySide(
  parts: readonly LinearPart[],
  into: number,
  total: number,
  read: (name: string) => Float32Array,
): Float32Array {
  const merged = new Float32Array(into * total);
  let column = 0;
  for (const { name } of parts) {
    const part = read(name);
    for (let start = 0; start < part.length; start += into, column++) {
      for (let i = 0; i < into; i++) merged[i * total + column] = part[start + i];
    }
  }
  return merged;
}

function concatenated(parts: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

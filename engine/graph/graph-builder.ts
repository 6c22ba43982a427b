// The graph under construction: named tensors with shape and dtype, nodes in execution order, and a tape of
// derivative rules. Used by the ops-*.ts files, autodiff.ts and the llama-*-graph.ts files. It knows no
// model and no runtime. Invariants: every name is unique; a tensor exists before a node reads it; the tape
// holds an entry only where an input requires a gradient.
//
//   const g = createGraph('double');
//   const x = graphInput(g, 'x', 'f32', ['batch', 4]);
//   const [y] = node(g, 'Add', [x, x], [{ dtype: 'f32', shape: x.shape }]);
//   graphOutput(g, 'y', y);
//   const session = await InferenceSession.create(buildOnnx(g));
import {
  type Dim,
  type DType,
  encodeOnnxModel,
  type OnnxAttribute,
  type OnnxInitialiser,
  type OnnxNode,
  type OnnxValue,
  type OnnxWeightSource,
} from './onnx-model.ts';

export interface Tensor extends OnnxValue {
  /** Whether a gradient flows to this tensor: true for differentiable inputs and what is computed from them. */
  readonly requiresGrad: boolean;
}

/** One differentiable step: given the gradient of its output, `vjp` emits the gradient of each input. */
interface TapeEntry {
  readonly inputs: readonly Tensor[];
  readonly output: Tensor;
  readonly vjp: (outputGrad: Tensor) => readonly (Tensor | undefined)[];
}

export interface Graph {
  readonly name: string;
  readonly nodes: OnnxNode[];
  readonly inputs: OnnxValue[];
  readonly outputs: OnnxValue[];
  readonly initialisers: Map<string, OnnxInitialiser>;
  readonly tape: TapeEntry[];
  /** Small constants by content, so that the thousandth `axes = [-1]` costs nothing. */
  readonly constants: Map<string, Tensor>;
  /** Nodes by content: an equal node is emitted once, so a derivative rule may simply ask for a value again. */
  readonly known: Map<string, readonly Tensor[]>;
  /** False inside a derivative rule or a composite op: what is emitted there needs no rule of its own. */
  taping: boolean;
  nameCount: number;
}

interface OutputSpec {
  readonly dtype: DType;
  readonly shape: readonly Dim[];
  readonly name?: string;
  readonly sequence?: boolean;
}

export function createGraph(name: string): Graph {
  return {
    name,
    nodes: [],
    inputs: [],
    outputs: [],
    initialisers: new Map(),
    tape: [],
    constants: new Map(),
    known: new Map(),
    taping: true,
    nameCount: 0,
  };
}

/** A value fed by name at each run. Weights are such inputs too where training or LoRA changes them. */
export function graphInput(
  g: Graph,
  name: string,
  dtype: DType,
  shape: readonly Dim[],
  options: { readonly requiresGrad?: boolean } = {},
): Tensor {
  const tensor = { name, dtype, shape, requiresGrad: options.requiresGrad ?? false };
  g.inputs.push(tensor);
  return tensor;
}

/** A weight stored with the model, inline (`{bytes}`) or in external data (`{location, offset, length}`). */
export function initialiser(
  g: Graph,
  name: string,
  dtype: DType,
  shape: readonly number[],
  source: OnnxWeightSource,
): Tensor {
  if (g.initialisers.has(name)) throw new Error(`initialiser ${name} exists already`);
  g.initialisers.set(name, { name, dtype, shape, source });
  return { name, dtype, shape, requiresGrad: false };
}

const typedArray = {
  f32: Float32Array,
  f64: Float64Array,
  i32: Int32Array,
  u8: Uint8Array,
  i8: Int8Array,
} as const;

/** A constant from plain numbers; equal small constants share one initialiser. Shape defaults to a vector. */
export function constant(
  g: Graph,
  dtype: 'f32' | 'f64' | 'i64' | 'i32' | 'u8' | 'i8',
  values: ArrayLike<number>,
  shape: readonly number[] = [values.length],
): Tensor {
  const key = values.length <= 16 ? `${dtype}[${shape.join()}]${Array.from(values).join()}` : undefined;
  const known = key === undefined ? undefined : g.constants.get(key);
  if (known) return known;
  const data =
    dtype === 'i64'
      ? BigInt64Array.from(Array.from(values, (value) => BigInt(value)))
      : typedArray[dtype].from(Array.from(values));
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const tensor = initialiser(g, freshName(g, 'const'), dtype, shape, { bytes });
  if (key !== undefined) g.constants.set(key, tensor);
  return tensor;
}

/** A rank-0 constant of the given float type. */
export function scalar(g: Graph, dtype: 'f32' | 'f64' | 'i64' | 'i32', value: number): Tensor {
  return constant(g, dtype, [value], []);
}

/**
 * Emits one node. Inputs may be `null` (optional, left out); an output spec may be `null` (not wanted).
 * Returns one tensor per spec; reading a `null` output is a bug of the caller and fails at session creation.
 * An equal node emitted before is reused, except where an output is given a name.
 */
export function node(
  g: Graph,
  op: string,
  inputs: readonly (Tensor | null)[],
  outputs: readonly (OutputSpec | null)[],
  attributes: Readonly<Record<string, OnnxAttribute>> = {},
  domain: '' | 'com.microsoft' = '',
): readonly Tensor[] {
  const inputNames = inputs.map((tensor) => tensor?.name ?? '');
  const named = outputs.some((spec) => spec?.name !== undefined);
  const wanted = outputs.map((spec) => spec !== null);
  const key = JSON.stringify([op, domain, inputNames, attributes, wanted]);
  const known = named ? undefined : g.known.get(key);
  if (known) return known;
  const made = outputs.map((spec) => ({
    name: spec === null ? '' : (spec.name ?? freshName(g, op)),
    dtype: spec?.dtype ?? 'f32',
    shape: spec?.shape ?? [],
    ...(spec?.sequence ? { sequence: true } : {}),
    requiresGrad: false,
  }));
  g.nodes.push({
    op,
    domain,
    inputs: inputNames,
    outputs: made.map((tensor) => tensor.name),
    attributes,
  });
  if (!named) g.known.set(key, made);
  return made;
}

/** Names a tensor as an output of the graph (an Identity node gives it that name). */
export function graphOutput(g: Graph, name: string, tensor: Tensor): void {
  if (name !== tensor.name) {
    const { dtype, shape, sequence } = tensor;
    node(g, 'Identity', [tensor], [{ dtype, shape, name, sequence }]);
  }
  g.outputs.push({ ...tensor, name });
}

/**
 * Emits a differentiable step: `forward` emits nodes, `vjp` emits the nodes of its derivative when asked.
 * This is the only way onto the tape, for a single op and for a composite (attention, LoRA) alike.
 */
export function differentiable(
  g: Graph,
  inputs: readonly Tensor[],
  forward: () => Tensor,
  vjp: (outputGrad: Tensor, output: Tensor) => readonly (Tensor | undefined)[],
): Tensor {
  const raw = withoutTape(g, forward);
  if (!g.taping || !inputs.some((tensor) => tensor.requiresGrad)) return raw;
  const output = { ...raw, requiresGrad: true };
  g.tape.push({ inputs, output, vjp: (outputGrad) => vjp(outputGrad, output) });
  return output;
}

/** Runs `emit` with taping off: what it emits is covered by somebody else's derivative rule. */
export function withoutTape<T>(g: Graph, emit: () => T): T {
  const before = g.taping;
  g.taping = false;
  try {
    return emit();
  } finally {
    g.taping = before;
  }
}

/** The .onnx bytes. Nodes and initialisers that no output needs are left out; inputs always stay. */
export function buildOnnx(g: Graph): Uint8Array {
  const needed = new Set(g.outputs.map((tensor) => tensor.name));
  const nodes: OnnxNode[] = [];
  for (const candidate of g.nodes.toReversed()) {
    if (!candidate.outputs.some((name) => name !== '' && needed.has(name))) continue;
    nodes.push(candidate);
    for (const name of candidate.inputs) needed.add(name);
  }
  return encodeOnnxModel({
    name: g.name,
    nodes: nodes.reverse(),
    initialisers: [...g.initialisers.values()].filter((weight) => needed.has(weight.name)),
    inputs: g.inputs,
    outputs: g.outputs,
  });
}

/** Sizes that must be known: throws when a dimension is symbolic. */
export function staticShape(tensor: Tensor): readonly number[] {
  return tensor.shape.map((dim) => {
    if (typeof dim === 'number') return dim;
    throw new Error(`${tensor.name}: dimension '${dim}' is symbolic, a number is needed here`);
  });
}

function freshName(g: Graph, stem: string): string {
  g.nameCount += 1;
  return `${stem}_${g.nameCount}`;
}

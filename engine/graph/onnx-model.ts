// Encodes a graph as an ONNX ModelProto (IR 10, opset 21 and com.microsoft 1). Used by graph-builder.ts and,
// for its types, by whoever emits nodes. It knows the file format only: no shapes rules, no gradients.
// Field numbers are those of onnx.proto3 (github.com/onnx/onnx/blob/main/onnx/onnx.proto3).
import { protobufMessage } from './protobuf-writer.ts';

/** Element types that our graphs use. */
export type DType = 'f32' | 'f64' | 'f16' | 'i64' | 'i32' | 'u8' | 'i8' | 'bool';

/** A known size, or the name of a size that is only known when the graph runs ('batch'). */
export type Dim = number | string;

/** number = INT, string = STRING, number[] = INTS, string[] = STRINGS; reals are tagged, since 1 is also 1.0. */
export type OnnxAttribute =
  | number
  | string
  | readonly number[]
  | readonly string[]
  | { readonly float: number }
  | { readonly floats: readonly number[] };

/** '' as input or output name means "optional, left out". */
export interface OnnxNode {
  readonly op: string;
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, OnnxAttribute>>;
}

export interface OnnxValue {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly Dim[];
  /** True for a sequence of such tensors (a type the node binding cannot return; serving relies on that). */
  readonly sequence?: boolean;
}

/** Bytes inside the model file, or a range of a separate file handed to the session as `externalData`. */
export type OnnxWeightSource =
  | { readonly bytes: Uint8Array }
  | { readonly location: string; readonly offset: number; readonly length: number };

export interface OnnxInitialiser {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly source: OnnxWeightSource;
}

interface OnnxGraph {
  readonly name: string;
  readonly nodes: readonly OnnxNode[];
  readonly initialisers: readonly OnnxInitialiser[];
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
}

const irVersion = 10;
const opsets = [
  { domain: '', version: 21 },
  { domain: 'com.microsoft', version: 1 },
] as const;

/** TensorProto.DataType */
const elementType: Readonly<Record<DType, number>> = {
  f32: 1,
  u8: 2,
  i8: 3,
  i32: 6,
  i64: 7,
  bool: 9,
  f16: 10,
  f64: 11,
};

/** The bytes of a .onnx file; pass them to `InferenceSession.create`. */
export function encodeOnnxModel(graph: OnnxGraph): Uint8Array {
  const model = protobufMessage();
  model.varint(1, irVersion);
  model.bytes(7, encodeGraph(graph));
  for (const { domain, version } of opsets) {
    const opset = protobufMessage();
    opset.string(1, domain);
    opset.varint(2, version);
    model.bytes(8, opset.finish());
  }
  return model.finish();
}

function encodeGraph(graph: OnnxGraph): Uint8Array {
  const out = protobufMessage();
  for (const node of graph.nodes) out.bytes(1, encodeNode(node));
  out.string(2, graph.name);
  for (const weight of graph.initialisers) out.bytes(5, encodeInitialiser(weight));
  for (const value of graph.inputs) out.bytes(11, encodeValue(value));
  for (const value of graph.outputs) out.bytes(12, encodeValue(value));
  return out.finish();
}

function encodeNode(node: OnnxNode): Uint8Array {
  const out = protobufMessage();
  for (const name of node.inputs) out.string(1, name);
  for (const name of node.outputs) out.string(2, name);
  out.string(4, node.op);
  for (const [name, value] of Object.entries(node.attributes)) out.bytes(5, encodeAttribute(name, value));
  if (node.domain !== '') out.string(7, node.domain);
  return out.finish();
}

function encodeAttribute(name: string, value: OnnxAttribute): Uint8Array {
  const out = protobufMessage();
  const text = new TextEncoder();
  out.string(1, name);
  if (typeof value === 'number') {
    if (!Number.isInteger(value)) throw new Error(`attribute ${name}: write {float: ${value}} for a real`);
    out.varint(3, value);
    out.varint(20, 2);
  } else if (typeof value === 'string') {
    out.bytes(4, text.encode(value));
    out.varint(20, 3);
  } else if ('float' in value) {
    out.float(2, value.float);
    out.varint(20, 1);
  } else if ('floats' in value) {
    for (const item of value.floats) out.float(7, item);
    out.varint(20, 6);
  } else if (value.every((item) => typeof item === 'number')) {
    for (const item of value) out.varint(8, item);
    out.varint(20, 7);
  } else {
    for (const item of value) out.bytes(9, text.encode(String(item)));
    out.varint(20, 8);
  }
  return out.finish();
}

function encodeInitialiser(weight: OnnxInitialiser): Uint8Array {
  const out = protobufMessage();
  for (const dim of weight.shape) out.varint(1, dim);
  out.varint(2, elementType[weight.dtype]);
  out.string(8, weight.name);
  if ('bytes' in weight.source) {
    out.bytes(9, weight.source.bytes);
    return out.finish();
  }
  const { location, offset, length } = weight.source;
  for (const [key, value] of Object.entries({ location, offset, length })) {
    const entry = protobufMessage();
    entry.string(1, key);
    entry.string(2, String(value));
    out.bytes(13, entry.finish());
  }
  out.varint(14, 1); // data_location = EXTERNAL
  return out.finish();
}

function encodeValue(value: OnnxValue): Uint8Array {
  const shape = protobufMessage();
  for (const dim of value.shape) {
    const entry = protobufMessage();
    if (typeof dim === 'number') entry.varint(1, dim);
    else entry.string(2, dim);
    shape.bytes(1, entry.finish());
  }
  const tensor = protobufMessage();
  tensor.varint(1, elementType[value.dtype]);
  tensor.bytes(2, shape.finish());
  let type = protobufMessage();
  type.bytes(1, tensor.finish());
  if (value.sequence) {
    const sequence = protobufMessage();
    sequence.bytes(1, type.finish());
    type = protobufMessage();
    type.bytes(4, sequence.finish());
  }
  const out = protobufMessage();
  out.string(1, value.name);
  out.bytes(2, type.finish());
  return out.finish();
}

// A minimal protobuf encoder: just the wire types that ONNX files need, so that no generated code is
// required. Used by onnx-model.ts only. It knows field numbers and bytes, nothing about ONNX. Invariant:
// fields are written in call order; chunks are kept as given and copied once, in `finish`.

/** One message under construction. `finish` returns its bytes; a nested message is passed as such bytes. */
interface ProtobufMessage {
  /** Wire type 0. Negative numbers are encoded as 64-bit two's complement, as int64 fields want. */
  readonly varint: (field: number, value: number | bigint) => void;
  /** Wire type 2: raw bytes or an already encoded nested message. */
  readonly bytes: (field: number, value: Uint8Array) => void;
  /** Wire type 2, UTF-8. */
  readonly string: (field: number, value: string) => void;
  /** Wire type 5: IEEE single precision. */
  readonly float: (field: number, value: number) => void;
  readonly finish: () => Uint8Array;
}

const utf8 = new TextEncoder();

export function protobufMessage(): ProtobufMessage {
  const chunks: Uint8Array[] = [];
  let length = 0;
  const push = (chunk: Uint8Array): void => {
    chunks.push(chunk);
    length += chunk.length;
  };
  const tag = (field: number, wireType: number): void => push(encodeVarint((field << 3) | wireType));
  const bytes = (field: number, value: Uint8Array): void => {
    tag(field, 2);
    push(encodeVarint(value.length));
    push(value);
  };
  return {
    varint: (field, value) => {
      tag(field, 0);
      push(encodeVarint(value));
    },
    bytes,
    string: (field, value) => bytes(field, utf8.encode(value)),
    float: (field, value) => {
      tag(field, 5);
      const single = new Uint8Array(4);
      new DataView(single.buffer).setFloat32(0, value, true);
      push(single);
    },
    finish: () => {
      const out = new Uint8Array(length);
      let at = 0;
      for (const chunk of chunks) {
        out.set(chunk, at);
        at += chunk.length;
      }
      return out;
    },
  };
}

function encodeVarint(value: number | bigint): Uint8Array {
  let rest = BigInt.asUintN(64, BigInt(value));
  const out: number[] = [];
  do {
    const low = Number(rest & 127n);
    rest >>= 7n;
    out.push(rest > 0n ? low | 128 : low);
  } while (rest > 0n);
  return Uint8Array.from(out);
}

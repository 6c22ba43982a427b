// The KV cache of a batch on the CPU: for each layer keys and values of all rows in one buffer, [rows, kvHeads,
// contextTokens, headDim]. Used by serve-session.ts. It knows no adapters and no runs.
// Invariants: a batch of n rows is the prefix view of every buffer, so rows are compact and never copied for a run;
// which tokens of a row are live is the caller's knowledge.
import { Tensor } from 'onnxruntime-node';
import type { LlamaConfig } from '../model/model-config.ts';
import type { KvSnapshot } from './batch-session.ts';

export interface KvRows {
  /** Views of rows start..start+n-1 by graph input name (`past_k.0`, ...). */
  readonly views: (start: number, n: number) => Readonly<Record<string, Tensor>>;
  readonly move: (from: number, to: number, tokens: number) => void;
  readonly read: (row: number, tokens: number) => KvSnapshot;
  readonly write: (row: number, snapshot: KvSnapshot, tokens: number) => void;
  /** Puts keys or values of new tokens [seq, kvHeads * headDim] of one row at its places start... */
  readonly place: (name: string, row: number, start: number, fresh: Float32Array) => void;
  readonly names: readonly string[];
  readonly bytes: number;
}

export function kvRows(
  { layers, kvHeads, headDim }: LlamaConfig,
  rowsMax: number,
  contextTokens: number,
): KvRows {
  const headSize = contextTokens * headDim;
  const rowSize = kvHeads * headSize;
  const buffers = new Map<string, Float32Array>();
  for (let layer = 0; layer < layers; layer++) {
    buffers.set(`past_k.${layer}`, new Float32Array(rowsMax * rowSize));
    buffers.set(`past_v.${layer}`, new Float32Array(rowsMax * rowSize));
  }
  const all = [...buffers.values()];
  return {
    names: [...buffers.keys()],
    bytes: all.length * rowsMax * rowSize * Float32Array.BYTES_PER_ELEMENT,
    views: (start, n) => {
      const dims = [n, kvHeads, contextTokens, headDim];
      const tensors: Record<string, Tensor> = {};
      for (const [name, buffer] of buffers)
        tensors[name] = new Tensor('float32', buffer.subarray(start * rowSize, (start + n) * rowSize), dims);
      return tensors;
    },
    move: (from, to, tokens) => {
      for (const buffer of all) {
        for (let head = 0; head < kvHeads; head++) {
          const source = from * rowSize + head * headSize;
          buffer.copyWithin(to * rowSize + head * headSize, source, source + tokens * headDim);
        }
      }
    },
    read: (row, tokens) => ({
      tokens,
      parts: all.map((buffer) => {
        const part = new Float32Array(kvHeads * tokens * headDim);
        for (let head = 0; head < kvHeads; head++) {
          const source = row * rowSize + head * headSize;
          part.set(buffer.subarray(source, source + tokens * headDim), head * tokens * headDim);
        }
        return part;
      }),
    }),
    write: (row, snapshot, tokens) => {
      for (const [index, buffer] of all.entries()) {
        for (let head = 0; head < kvHeads; head++) {
          const source = head * snapshot.tokens * headDim;
          const part = snapshot.parts[index].subarray(source, source + tokens * headDim);
          buffer.set(part, row * rowSize + head * headSize);
        }
      }
    },
    place: (name, row, start, fresh) => {
      const buffer = buffers.get(name);
      if (buffer === undefined) throw new Error(`bug: no cache tensor ${name}`);
      const width = kvHeads * headDim;
      for (let at = 0; at * width < fresh.length; at++) {
        for (let head = 0; head < kvHeads; head++) {
          const source = at * width + head * headDim;
          const target = row * rowSize + head * headSize + (start + at) * headDim;
          buffer.set(fresh.subarray(source, source + headDim), target);
        }
      }
    },
  };
}

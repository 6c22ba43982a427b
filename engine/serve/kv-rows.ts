// The KV cache of a batch on the CPU: for each layer keys and values of all rows in one buffer, [rows, kvHeads,
// contextTokens, headDim]. Used by serve-session.ts. It knows no adapters and no runs.
// Invariants: a batch of n rows is the prefix view of every buffer, so rows are compact and never copied for a run;
// which tokens of a row are live is the caller's knowledge.
import { Tensor } from 'onnxruntime-node';
import type { LlamaConfig } from '../model/model-config.ts';
import type { KvSnapshot } from './batch-session.ts';

export interface KvRows {
  /** Views of rows start..start+n-1 by graph input name (`past_k.0`, ...), and the same by output name. */
  readonly views: (start: number, n: number, output: 'present' | 'new') => KvViews;
  readonly move: (from: number, to: number, tokens: number) => void;
  readonly read: (row: number, tokens: number) => KvSnapshot;
  readonly write: (row: number, snapshot: KvSnapshot, tokens: number) => void;
  /**
   * Puts new keys and values into rows `row`..., which hold `lengths` tokens.
   * @param fresh f32 tensors [rows, seq, kvHeads * headDim] in the order of the views
   */
  readonly place: (fresh: readonly unknown[], row: number, lengths: readonly number[]) => void;
  readonly bytes: number;
}

interface KvViews {
  readonly past: Readonly<Record<string, Tensor>>;
  readonly outputs: Readonly<Record<string, Tensor>>;
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
    bytes: all.length * rowsMax * rowSize * Float32Array.BYTES_PER_ELEMENT,
    views: (start, n, output) => {
      const dims = [n, kvHeads, contextTokens, headDim];
      const past: Record<string, Tensor> = {};
      const outputs: Record<string, Tensor> = {};
      for (const [name, buffer] of buffers) {
        const rows = buffer.subarray(start * rowSize, (start + n) * rowSize);
        past[name] = new Tensor('float32', rows, dims);
        outputs[name.replace('past', output)] = past[name];
      }
      return { past, outputs };
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
    place: (fresh, row, lengths) => {
      const width = kvHeads * headDim;
      for (const [index, tensor] of fresh.entries()) {
        const values = floats(tensor);
        const seq = values.length / lengths.length / width;
        for (const [at, length] of lengths.entries()) {
          for (let token = 0; token < seq; token++) {
            const source = (at * seq + token) * width;
            const target = (row + at) * rowSize + (length + token) * headDim;
            for (let head = 0; head < kvHeads; head++) {
              const from = source + head * headDim;
              all[index].set(values.subarray(from, from + headDim), target + head * headSize);
            }
          }
        }
      }
    },
  };
}

function floats(tensor: unknown): Float32Array {
  if (tensor instanceof Tensor && tensor.data instanceof Float32Array) return tensor.data;
  throw new Error('bug: a cache tensor is not f32');
}

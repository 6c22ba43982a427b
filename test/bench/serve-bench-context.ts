// What the measures of the serving bench share: settings, the random models on disk and in memory, the peer, and a
// temporary folder. Everything is made when first asked for and given back at the end. It measures nothing.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LlamaConfig } from '../../engine/model/model-config.ts';
import type { TensorMap } from '../../engine/model/safetensors.ts';
import type { WeightFormat } from '../../engine/model/weight-format.ts';
import type { BatchSession } from '../../engine/serve/batch-session.ts';
import { createBatchSession } from '../../engine/serve/serve-session.ts';
import { writeRandomAdapter } from '../support/random-adapter.ts';

import { benchWeights, shape15, shape135, writeModelFolder } from './bench-model.ts';
import type { MeasureOf } from './bench-run.ts';
import { loadPeer, type PeerPackage } from './peer-package.ts';

export interface ServeBench {
  /** Fewer repetitions: for trying the bench, not for figures. */
  readonly quick: boolean;
  /** Thread counts that either side may use; each gets the one that is faster for it. */
  readonly threads: readonly number[];
  readonly say: (line: string) => void;
  readonly folder: string;
  readonly peer: () => Promise<PeerPackage>;
  readonly weights: (shape: Shape) => TensorMap;
  readonly modelFolder: (shape: Shape) => string;
  /** PEFT folders with different values, rank 8 on q, k, v and o; the first `count` of them. */
  readonly adapterFolders: (shape: Shape, count: number) => readonly string[];
  readonly openSession: (shape: Shape, options: SessionOptions) => Promise<BatchSession>;
  readonly remove: () => void;
}

export type Shape = keyof typeof shapes;
export const shapes = { '15M': shape15, '135M': shape135 } as const satisfies Record<string, LlamaConfig>;

interface SessionOptions {
  readonly weights: WeightFormat;
  readonly rowsMax: number;
  readonly threads: number;
}

/** A group of figures of the serving bench. */
export type Measure = MeasureOf<ServeBench>;

const contextTokens = 512;

export function createServeBench(options: Pick<ServeBench, 'quick' | 'threads' | 'say'>): ServeBench {
  const folder = mkdtempSync(join(tmpdir(), 'serve-bench-'));
  const weights = once((shape: Shape) => benchWeights(shapes[shape]));
  const adapters = new Set<string>();
  let peer: Promise<PeerPackage> | undefined;
  return {
    ...options,
    folder,
    peer: () => {
      peer ??= loadPeer(options.say);
      return peer;
    },
    weights,
    modelFolder: once((shape: Shape) => {
      const path = join(folder, `model-${shape}`);
      writeModelFolder(path, shapes[shape], weights(shape));
      return path;
    }),
    adapterFolders: (shape, count) =>
      Array.from({ length: count }, (_, index) => {
        const path = join(folder, `adapters-${shape}`, `${index}`);
        if (!adapters.has(path)) {
          mkdirSync(path, { recursive: true });
          writeRandomAdapter(path, shapes[shape], { seed: index + 1 });
          adapters.add(path);
        }
        return path;
      }),
    openSession: (shape, { weights: format, rowsMax, threads }) => {
      const tensors = weights(shape);
      return createBatchSession({
        config: shapes[shape],
        read: (name) => tensors.get(name)!.data,
        weights: format,
        rowsMax,
        contextTokens,
        threads,
      });
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

function once<K, V>(make: (key: K) => V): (key: K) => V {
  const made = new Map<K, V>();
  return (key) => {
    const known = made.get(key);
    if (known !== undefined) return known;
    const value = make(key);
    made.set(key, value);
    return value;
  };
}

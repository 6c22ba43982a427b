// Buffers of f32 that live on a GPU, and the four things one may do with them: make, copy, read, write, in blocks.
// Used by device-session.ts. It knows no models and no rows; it alone knows how onnxruntime-node 1.30 is brought to it:
// - A tensor of location 'gpu-buffer' is an opaque handle of device memory. Its shape is read from the JavaScript object
//   at each run, so the same handle under a smaller or other shape is a view of its first elements, without a copy.
//   There is no view that starts elsewhere: whoever wants the middle of a buffer copies blocks.
// - The same handle fed as input and fetched as output makes ScatterND (and GroupQueryAttention) write in place.
// - `getData()` of such a tensor ends the process. Reading goes through a graph whose output is on the CPU.
// Invariant: `release` comes after the last use of any buffer made here.
import { InferenceSession, Tensor } from 'onnxruntime-node';
import {
  buildCopyBlocksGraph,
  buildReadBlocksGraph,
  buildWriteBlocksGraph,
  buildZerosGraph,
} from '../graph/device-copy-graphs.ts';

/** Several buffers treated alike, part i of one list with part i of another; each as [blocks, width of the part]. */
export type DeviceParts = readonly Tensor[];

export interface DeviceBuffers {
  readonly zeros: (dims: readonly number[]) => Promise<Tensor>;
  /** Block put[i] of each part of `to` becomes block take[i] of that part of `from`. They may be the same buffers. */
  readonly copy: (
    to: DeviceParts,
    put: readonly number[],
    from: DeviceParts,
    take: readonly number[],
  ) => Promise<void>;
  /** Blocks of each part, one after another. */
  readonly read: (from: DeviceParts, take: readonly number[]) => Promise<readonly Float32Array[]>;
  /** Block put[i] of part p becomes the i-th piece of values[p]. */
  readonly write: (to: DeviceParts, put: readonly number[], values: readonly Float32Array[]) => Promise<void>;
  readonly release: () => Promise<void>;
}

/** The execution providers under which tensors can stay on the device in this version of onnxruntime-node. */
export type DeviceProvider = 'webgpu';

export function createDeviceBuffers(provider: DeviceProvider): DeviceBuffers {
  const sessions = new Map<string, Promise<InferenceSession>>();
  const session = (key: string, build: () => Uint8Array, onDevice = false): Promise<InferenceSession> => {
    const known = sessions.get(key);
    if (known) return known;
    const made = InferenceSession.create(build(), {
      executionProviders: [provider],
      ...(onDevice ? { preferredOutputLocation: 'gpu-buffer' as const } : {}),
    });
    sessions.set(key, made);
    return made;
  };

  return {
    zeros: async (dims) => {
      const make = await session('zeros', buildZerosGraph, true);
      const { zeros } = await make.run({
        shape: int64([dims.reduce((product, size) => product * size, 1)], [1]),
      });
      if (zeros.location !== 'gpu-buffer')
        throw new Error(`bug: zeros on ${provider} came back on ${zeros.location}`);
      return deviceView(zeros, dims);
    },
    copy: async (to, put, from, take) => {
      checkBlocks(put, to);
      checkBlocks(take, from);
      const run = await session(`copy.${to.length}`, () => buildCopyBlocksGraph(to.length));
      const indices = { take: int64(take, [take.length]), put: int64(put, [put.length, 1]) };
      await run.run({ ...indices, ...named('to', to), ...named('from', from) }, named('done', to));
    },
    read: async (from, take) => {
      checkBlocks(take, from);
      const run = await session(`read.${from.length}`, () => buildReadBlocksGraph(from.length));
      const results = await run.run({ take: int64(take, [take.length]), ...named('from', from) });
      return from.map((_, part) => float32(results[`read.${part}`]));
    },
    write: async (to, put, values) => {
      checkBlocks(put, to);
      const run = await session(`write.${to.length}`, () => buildWriteBlocksGraph(to.length));
      const updates = to.map(({ dims }, part) => new Tensor('float32', values[part], [put.length, dims[1]]));
      const feeds = { put: int64(put, [put.length, 1]), ...named('to', to), ...named('write', updates) };
      await run.run(feeds, named('done', to));
    },
    release: async () => {
      for (const made of sessions.values()) await (await made).release();
      sessions.clear();
    },
  };
}

/** The first elements of a device buffer under another shape; the memory is the same. */
export function deviceView(buffer: Tensor, dims: readonly number[]): Tensor {
  return Tensor.fromGpuBuffer(buffer.gpuBuffer, { dataType: 'float32', dims });
}

// The device checks no bounds: an index outside would be clamped or write somewhere else without a word.
function checkBlocks(indices: readonly number[], parts: DeviceParts): void {
  if (indices.length === 0) throw new Error('bug: no blocks named');
  const blocks = Math.min(...parts.map(({ dims }) => dims[0]));
  const outside = indices.find((index) => !Number.isInteger(index) || index < 0 || index >= blocks);
  if (outside !== undefined) throw new Error(`bug: block ${outside} of ${blocks}`);
}

function named(stem: string, parts: DeviceParts): Record<string, Tensor> {
  return Object.fromEntries(parts.map((tensor, part) => [`${stem}.${part}`, tensor]));
}

function int64(values: readonly number[], dims: readonly number[]): Tensor {
  return new Tensor('int64', BigInt64Array.from(values, BigInt), dims);
}

function float32(tensor: Tensor): Float32Array {
  if (tensor.location === 'cpu' && tensor.data instanceof Float32Array) return tensor.data;
  throw new Error(`bug: expected f32 on the CPU, got ${tensor.type} on ${tensor.location}`);
}

// How fast this machine reads memory: the yardstick of decoding one row, which must read every weight for each token.
// Used by the serving bench. The best of two ways is taken: comparing two large buffers (one thread, the C library's
// memcmp) and an onnxruntime graph that takes the maximum of 512 MB (one and two threads).
import { InferenceSession, Tensor } from 'onnxruntime-node';
import {
  buildOnnx,
  constant,
  createGraph,
  graphInput,
  graphOutput,
  node,
} from '../../engine/graph/graph-builder.ts';

const bytesRead = 512 * 2 ** 20;
const repetitions = 4;

/** Bytes per second. */
export async function readBandwidth(
  threads: readonly number[],
): Promise<{ readonly best: number; readonly by: string }> {
  const found = [{ by: 'memcmp', best: compareBandwidth() }];
  for (const count of threads)
    found.push({ by: `ReduceMax, ${count} threads`, best: await maximumBandwidth(count) });
  return found.reduce((a, b) => (b.best > a.best ? b : a));
}

function compareBandwidth(): number {
  const [a, b] = [Buffer.alloc(bytesRead / 2, 1), Buffer.alloc(bytesRead / 2, 1)];
  return bestOf(() => {
    if (Buffer.compare(a, b) !== 0) throw new Error('bug: equal buffers differ');
  });
}

async function maximumBandwidth(threads: number): Promise<number> {
  const lines = 64;
  const width = bytesRead / 4 / lines;
  const g = createGraph('read_bandwidth');
  const x = graphInput(g, 'x', 'f32', [lines, width]);
  const axes = constant(g, 'i64', [1]);
  graphOutput(g, 'y', node(g, 'ReduceMax', [x, axes], [{ dtype: 'f32', shape: [lines, 1] }])[0]);
  const session = await InferenceSession.create(buildOnnx(g), { intraOpNumThreads: threads });
  const feeds = { x: new Tensor('float32', new Float32Array(bytesRead / 4).fill(1), [lines, width]) };
  try {
    let best = 0;
    for (let i = 0; i < repetitions; i++) {
      const startedAt = performance.now();
      await session.run(feeds);
      best = Math.max(best, bytesRead / ((performance.now() - startedAt) / 1000));
    }
    return best;
  } finally {
    await session.release();
  }
}

function bestOf(read: () => void): number {
  let best = 0;
  for (let i = 0; i < repetitions; i++) {
    const startedAt = performance.now();
    read();
    best = Math.max(best, bytesRead / ((performance.now() - startedAt) / 1000));
  }
  return best;
}

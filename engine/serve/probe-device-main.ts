// Entry of the short-lived process that tries a device: `node engine/serve/probe-device-main.ts webgpu`. Started by
// probe-device.ts, in a process of its own because a broken driver ends the process that touches it.
// Writes one JSON line: { deviceMs, cpuMs } for the same work, or { reason }.
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { buildProbeGraph, probeSize } from '../graph/probe-graph.ts';

const [device] = process.argv.slice(2);

/** A long prompt; and a short one that tells a software rasteriser at once. */
const [largeRows, smallRows] = [512, 16];

/** Best of three runs after one that compiles, ms; fewer where it is slow beyond doubt. */
async function timed(session: InferenceSession, rows: number): Promise<number> {
  const x = new Tensor('float32', new Float32Array(rows * probeSize).fill(1), [rows, probeSize]);
  const times: number[] = [];
  const begin = performance.now();
  while (times.length < 4 && (times.length < 2 || performance.now() - begin < 1000)) {
    const start = performance.now();
    const { y } = await session.run({ x });
    times.push(performance.now() - start);
    if (!(y.data instanceof Float32Array) || !y.data.every((value) => Math.abs(value - 1) < 1e-3)) {
      throw new Error('it multiplies matrices wrongly');
    }
  }
  return Math.min(...times.slice(1));
}

try {
  const open = (provider: string) =>
    InferenceSession.create(buildProbeGraph(), { executionProviders: [provider] });
  const [onDevice, onCpu] = [await open(device), await open('cpu')];
  const compare = async (rows: number) => ({
    deviceMs: await timed(onDevice, rows),
    cpuMs: await timed(onCpu, rows),
  });
  const small = await compare(smallRows);
  const hopeless = small.deviceMs > 20 && small.deviceMs > 2 * small.cpuMs; // a GPU needs a millisecond or two
  console.log(JSON.stringify(hopeless ? small : await compare(largeRows)));
} catch (error) {
  console.log(JSON.stringify({ reason: error instanceof Error ? error.message : String(error) }));
}

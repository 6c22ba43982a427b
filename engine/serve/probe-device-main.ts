// Entry of the short-lived process that tries a device: `node engine/serve/probe-device-main.ts webgpu`. Started by
// probe-device.ts, in a process of its own because a broken driver ends the process that touches it.
// Writes one JSON line: { deviceMs, cpuMs } for the same work, or { reason }.
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { buildProbeGraph, probeShape } from '../graph/probe-graph.ts';

const [device] = process.argv.slice(2);

/** Best of a few runs, ms; after a second it is clear enough. */
async function timed(provider: string): Promise<number> {
  const { rows, size } = probeShape;
  const session = await InferenceSession.create(buildProbeGraph(), { executionProviders: [provider] });
  const x = new Tensor('float32', new Float32Array(rows * size).fill(1), [rows, size]);
  let best = Number.POSITIVE_INFINITY;
  const begin = performance.now();
  for (let run = 0; run < 5 && performance.now() - begin < 1000; run++) {
    const start = performance.now(); // the first run compiles
    const { y } = await session.run({ x });
    best = Math.min(best, performance.now() - start);
    if (!(y.data instanceof Float32Array) || !y.data.every((value) => Math.abs(value - 1) < 1e-3)) {
      throw new Error('it multiplies matrices wrongly');
    }
  }
  await session.release();
  return best;
}

try {
  const deviceMs = await timed(device);
  console.log(JSON.stringify({ deviceMs, cpuMs: await timed('cpu') }));
} catch (error) {
  console.log(JSON.stringify({ reason: error instanceof Error ? error.message : String(error) }));
}

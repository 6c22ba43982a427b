// Entry of the short-lived process that tries a device for training: `node engine/train/train-device-main.ts webgpu
// CONFIG`, CONFIG a LlamaConfig as JSON. Started by choose-train-device.ts, in a process of its own because a broken
// driver ends the process that touches it. Writes one JSON line: { deviceMs, cpuMs } for the same step, or { reason }.
import { projections } from '../model/llama-weights.ts';
import type { LlamaConfig } from '../model/model-config.ts';
import { trialBatch, trialOptions, trialWeights } from './device-gradient-trial.ts';
import { createTrainingSession, type TrainDevice } from './training-session.ts';

const [wish, json = '{}'] = process.argv.slice(2);
const device: TrainDevice = wish === 'cuda' ? 'cuda' : 'webgpu';

try {
  const config = JSON.parse(json) as LlamaConfig; // ours, from the parent
  const lora = { rank: 8, targets: projections };
  const sizes = { config, lora, gradients: 'lora', batch: 0, seq: 0, weights: new Map() } as const;
  const step = trialOptions(sizes, 4, 128);
  const weights = trialWeights(step.config, lora);
  const tokens = trialBatch(step);
  /** Best of three after one that compiles, ms; fewer where it is slow beyond doubt. */
  const timed = async (on: TrainDevice): Promise<number> => {
    const session = await createTrainingSession({ ...step, weights, device: on });
    const times: number[] = [];
    const begin = performance.now();
    while (times.length < 4 && (times.length < 2 || performance.now() - begin < 2000)) {
      const start = performance.now();
      await session.run(tokens);
      times.push(performance.now() - start);
    }
    await session.release();
    return Math.min(...times.slice(1));
  };
  const deviceMs = await timed(device); // compares the gradients first
  console.log(JSON.stringify({ deviceMs, cpuMs: await timed('cpu') }));
} catch (error) {
  console.log(JSON.stringify({ reason: error instanceof Error ? error.message : String(error) }));
}

// Child process of the training bench: two LoRA steps of a model of the 135M shape with random weights, 2 × 256 tokens, a
// layer at a time; prints the most memory that the process ever held, in kB (Linux), as one JSON line.
import { readFileSync } from 'node:fs';
import { createTrainingSession } from '../../engine/train/training-session.ts';
import { benchWeights, shape135 } from './bench-model.ts';
import { benchBatch, benchLora, benchLoraScale, benchLoraWeights, stepOf } from './train-bench-context.ts';

const [batch, seq] = [2, 256];
const adapter = benchLoraWeights(shape135);
const session = await createTrainingSession({
  ...{ config: shape135, batch, seq, weights: new Map([...benchWeights(shape135), ...adapter]) },
  ...{ gradients: 'lora', lora: benchLora, loraScale: benchLoraScale, execution: 'layerwise' },
});
const step = stepOf(session, adapter, benchBatch(shape135, batch, seq));
await step();
const before = process.cpuUsage();
await step();
const { user, system } = process.cpuUsage(before);
await session.release();
const peak = /^VmHWM:\s*(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'));
console.log(JSON.stringify({ peakKb: Number(peak?.[1]), cpuMs: (user + system) / 1000 }));

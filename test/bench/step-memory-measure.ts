// The most memory of a LoRA step of a 135M model, in a process of its own so that nothing else is counted: Node, the
// runtime, weights (0.54 GB), adapter, activations and gradients. Used by the training bench. Linux only.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { FigureKind } from './bench-figure.ts';
import { rounded } from './interleaved.ts';
import type { TrainMeasure } from './train-bench-context.ts';

const kind = {
  name: 'step-memory',
  measure: 'memory of a LoRA step, 135M shape, 2 × 256: most of a process of its own',
  unit: 'GB',
  goal: { atMost: 1.3 },
} as const satisfies FigureKind;

export const stepMemoryMeasure: TrainMeasure = {
  figures: [kind],
  run: async () => {
    if (process.platform !== 'linux')
      return { [kind.name]: { missing: 'the peak is read from Linux’s /proc' } };
    const main = join(import.meta.dirname, 'step-memory-main.ts');
    const { stdout } = await promisify(execFile)(process.execPath, [main]);
    const report: { readonly peakKb: number; readonly cpuMs: number } = JSON.parse(stdout);
    return {
      [kind.name]: {
        value: (report.peakKb * 1024) / 1e9,
        details: { 'CPU ms of a step': rounded(report.cpuMs) },
      },
    };
  },
};

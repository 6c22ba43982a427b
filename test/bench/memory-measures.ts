// What adapters take in memory: ten thousand known, a thousand kept, in a process of its own so that nothing else is
// counted. Used by the serving bench. 15M shape, rank 8 on q, k, v and o (0.44 MB each).
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { FigureKind } from './bench-figure.ts';
import { rounded } from './interleaved.ts';
import type { Measure } from './serve-bench-context.ts';

const known = 10_000;
const kept = 1000;
const folderCount = 100;

const kind = {
  name: 'adapter-memory',
  measure: '10,000 adapters registered, 1,000 in memory (15M): resident bytes / sum of adapter bytes',
  unit: '×',
  goal: { atMost: 1.3 },
} as const satisfies FigureKind;

interface ChildReport {
  readonly grown: number;
  readonly bytes: number;
  readonly warm: number;
  readonly misses: number;
  readonly evictions: number;
}

export const memoryMeasure: Measure = {
  figures: [kind],
  run: async (bench) => {
    const main = join(import.meta.dirname, 'adapter-memory-main.ts');
    const folders = bench.adapterFolders('15M', folderCount);
    const numbers = [kept, bench.quick ? 2 * kept : known].map(String);
    const args = ['--expose-gc', main, bench.modelFolder('15M'), ...numbers, ...folders];
    const { stdout } = await promisify(execFile)(process.execPath, args);
    const report: ChildReport = JSON.parse(stdout);
    return {
      [kind.name]: {
        value: report.grown / report.bytes,
        details: {
          'MB grown': rounded(report.grown / 1e6),
          'MB of adapters': rounded(report.bytes / 1e6),
          'in memory': report.warm,
          'read from disk': report.misses,
          evicted: report.evictions,
        },
      },
    };
  },
};

// How long it takes to score an answer's gradient against a hundred thousand stored contributions: all sketches, then the
// shortlist's rows read from disk and multiplied in full. Listed by the attribution bench. Width and files are those of the
// shipped base's adapters (0.45 MB a row); a thousand different rows stand for the hundred thousand, which would be 45 GB,
// so reads come from the system's page cache. What is random here is the content: it does not matter for time.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createRowWriter, openRowFiles } from '../../../engine/attribution/scan/row-files.ts';
import {
  answersTogether,
  createRowScan,
  type RowSource,
  sketchWidthFor,
} from '../../../engine/attribution/scan/row-scan.ts';
import { fillRandom } from '../../support/random-numbers.ts';
import type { MeasureOf } from '../bench-run.ts';
import { median, rounded } from '../interleaved.ts';

interface ScanBench {
  readonly quick: boolean;
  readonly say: (line: string) => void;
  readonly folder: string;
}

const width = 448_512;
const contributions = 100_000;
const decoys = 160;
const [stored, quickStored] = [1_000, 100];
const [scans, quickScans] = [41, 5];
const roundsTogether = 11;

export const scanMeasure: MeasureOf<ScanBench> = {
  figures: [
    {
      name: 'scan',
      measure: 'scoring an answer against 100,000 stored contributions',
      unit: 'ms',
      goal: { atMost: 50 },
    },
    { name: 'scan-together', measure: 'the same for one of 8 that wait together', unit: 'ms' },
  ],
  run: async ({ quick, say, folder }) => {
    const rows = quick ? quickStored : stored;
    const place = join(folder, 'scan-rows');
    mkdirSync(place);
    say(`  ${rows} rows written`);
    const writer = createRowWriter(place, rows, width);
    const row = new Float32Array(width);
    for (let index = 0; index < rows; index++) {
      fillRandom(row, index, 1, 0);
      writer.append(row);
    }
    const files = openRowFiles(place, rows, width, writer.finish());
    try {
      const count = contributions + decoys;
      const sketchWidth = sketchWidthFor(count);
      const values = new Int8Array(count * sketchWidth);
      let state = 1;
      for (let i = 0; i < values.length; i++) {
        state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
        values[i] = state >> 24;
      }
      const sketches = { width: sketchWidth, values, scales: new Float32Array(count).fill(1) };
      const read: RowSource['read'] = (index, into, scales) => files.source.read(index % rows, into, scales);
      const source = { ...files.source, count, read };
      const scan = createRowScan({ source, trained: contributions, resident: false, sketches });
      const ms: number[] = [];
      const cpuMs: number[] = [];
      let rowsRead = 0;
      for (let round = 0; round < 3 + (quick ? quickScans : scans); round++) {
        fillRandom(row, round, 1, 0);
        const [started, cpu] = [performance.now(), process.cpuUsage()];
        ({ rowsRead } = scan.shortlist(row, 0.99));
        const used = process.cpuUsage(cpu);
        if (round < 3) continue; // warm-up: the first calls are compiled while they run
        ms.push(performance.now() - started);
        cpuMs.push((used.user + used.system) / 1000);
      }
      const together: number[] = [];
      const waiting = Array.from({ length: answersTogether }, () => new Float32Array(width));
      for (let round = 0; round < 1 + (quick ? 1 : roundsTogether); round++) {
        for (const [i, answer] of waiting.entries()) fillRandom(answer, round * answersTogether + i, 1, 0);
        const started = performance.now();
        scan.shortlists(waiting, 0.99);
        if (round > 0) together.push((performance.now() - started) / answersTogether);
      }
      return {
        'scan-together': {
          ...{ value: median(together), low: Math.min(...together), high: Math.max(...together) },
        },
        scan: {
          ...{ value: median(ms), low: Math.min(...ms), high: Math.max(...ms) },
          details: {
            'processor ms': rounded(median(cpuMs)),
            'rows read and multiplied in full': rowsRead,
            'numbers in a sketch': sketchWidth,
            'sketches in memory, MB': rounded((count * sketchWidth) / 1e6),
          },
        },
      };
    } finally {
      files.close();
    }
  },
};

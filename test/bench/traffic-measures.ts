// Many adapters under traffic, through the serving worker: a thousand in memory against one, and a working set four
// times the batch against one that fits it. Used by the serving bench. Requests churn: each lasts 8 to 40 tokens and
// brings its own adapter, so every admission copies one into a row. 135M shape where memory allows, else 15M.
import { freemem } from 'node:os';
import type { AdapterRef } from '../../engine/engine.ts';
import { createServeClient } from '../../engine/serve/serve-client.ts';
import type { FigureKind } from './bench-figure.ts';
import { interleaved, ratioOf, type Side } from './interleaved.ts';
import { type Measure, type Shape, shapes } from './serve-bench-context.ts';
import { runTraffic } from './serve-traffic.ts';

const rows = 16;
const lanes = 24;
const resident = 1000;
/** Files on disk; adapters that share one are still apart in memory. */
const folderCount = 16;
/** What the 135M shape takes: 1,000 adapters of 3.7 MB, the model, and room. */
const freeBytesMin = 8 * 2 ** 30;

const kinds = {
  thousand: {
    name: 'resident-1000',
    measure: 'tokens/s with 1,000 resident adapters, random / with 1',
    unit: '×',
    goal: { atLeast: 0.97 },
  },
  workingSet: {
    name: 'working-set',
    measure: 'working set = 4 × in-batch rows (pool in memory) / working set that fits',
    unit: '×',
    goal: { atLeast: 0.9 },
  },
} as const satisfies Record<string, FigureKind>;

export const trafficMeasure: Measure = {
  figures: Object.values(kinds),
  run: async (bench) => {
    const shape: Shape = freemem() > freeBytesMin ? '135M' : '15M';
    const folders = bench.adapterFolders(shape, folderCount);
    const adapters: readonly AdapterRef[] = Array.from({ length: resident }, (_, index) => ({
      id: `resident ${index}`,
      dir: folders[index % folderCount],
    }));
    const client = await createServeClient({
      modelDir: bench.modelFolder(shape),
      device: 'cpu',
      weights: 'int8',
      contextTokensMax: 512,
      rowsMax: rows,
      adapterBytesMax: 4.5 * 2 ** 30,
      memoryBytesMax: 32 * 2 ** 30,
      prefixBytesMax: 0,
    });
    try {
      await Promise.all(adapters.map((adapter) => client.loadAdapter(adapter)));
      let seed = 0;
      const side = (name: string, count: number): Side => ({
        name,
        block: () =>
          runTraffic({
            client,
            config: shapes[shape],
            adapters: adapters.slice(0, count),
            lanes,
            requests: bench.quick ? 32 : 64,
            seed: Math.floor(seed++ / 4), // the four sides of a round get the same requests
          }),
      });
      const [one, fitting, four, thousand] = await interleaved(
        [side('1 adapter', 1), side('16', rows), side('64', 4 * rows), side('1,000', resident)],
        bench.quick ? 2 : 5,
      );
      const { adapters: pool } = await client.stats();
      const details = { shape, 'adapters in memory': pool.warm, 'loads from disk': pool.misses };
      const [thousandth, larger] = [ratioOf(thousand, one), ratioOf(four, fitting)];
      return {
        [kinds.thousand.name]: { ...thousandth, details: { ...thousandth.details, ...details } },
        [kinds.workingSet.name]: { ...larger, details: { ...larger.details, ...details } },
      };
    } finally {
      await client.close();
    }
  },
};

// What adapters cost at the level of steps: different ones in a batch against one and the same, the batch with adapters
// against the plain model, and bringing one into a row from memory and from disk. Used by the serving bench. 135M
// shape, int8, 16 rows of 128 tokens, rank 8 on q, k, v and o. No peer here: these are ratios with ourselves.
import { loadLoraAdapter } from '../../engine/model/lora-adapter.ts';
import type { BatchSession } from '../../engine/serve/batch-session.ts';
import { packAdapter } from '../../engine/serve/pack-adapter.ts';
import type { PackedAdapter } from '../../engine/serve/packed-adapter.ts';
import { readAdapter } from '../../engine/serve/read-adapter.ts';
import type { FigureKind, Measured } from './bench-figure.ts';
import { interleaved, median, quantile, ratioOf, rounded } from './interleaved.ts';
import { decodeSide, fillRows, ownFastest } from './own-sides.ts';
import { type Measure, shapes } from './serve-bench-context.ts';

const batch = 16;
const config = shapes['135M'];
/** Together far beyond any cache, so that a copy reads from memory. */
const adapterCount = 64;

const kinds = {
  distinct: {
    name: 'distinct-adapters',
    measure: 'distinct adapters in a batch of 16 / the same adapter',
    unit: '×',
    goal: { atLeast: 0.95 },
  },
  tax: {
    name: 'lora-tax',
    measure: 'LoRA tax at 16 rows (rank 8; q,k,v,o)',
    unit: '%',
    goal: { atMost: 15 },
  },
  fromMemory: {
    name: 'adapter-from-memory',
    measure: 'adapter from memory into a row, 135M',
    unit: 'ms',
    goal: { atMost: 1 },
  },
  fromDisk: {
    name: 'adapter-from-disk',
    measure: 'adapter from disk (PEFT folder, file cached by the system) into a row, 135M',
    unit: 'ms',
    goal: { atMost: 30 },
  },
} as const satisfies Record<string, FigureKind>;

export const rowMeasure: Measure = {
  figures: Object.values(kinds),
  run: async (bench) => {
    const rounds = bench.quick ? 2 : 9;
    const folders = bench.adapterFolders('135M', adapterCount);
    const packed = folders.map((folder, index) =>
      packAdapter(`bench ${index}`, config, loadLoraAdapter(folder, config)),
    );
    const own = await ownFastest(bench, batch, async (session, name) => {
      await setAdapters(session, packed);
      await fillRows(session, batch);
      return decodeSide(name, session, batch);
    });
    const plain = await bench.openSession('135M', { weights: 'int8', rowsMax: batch, threads: own.threads });
    try {
      await fillRows(plain, batch);
      const [distinct, same, base] = await interleaved(
        [
          decodeSide('distinct', own.session, batch, () => setAdapters(own.session, packed)),
          decodeSide('same', own.session, batch, () => setAdapters(own.session, [packed[0]])),
          decodeSide('plain model', plain, batch),
        ],
        rounds,
      );
      const tax = distinct.perSecond.map((rate, round) => 100 * (base.perSecond[round] / rate - 1));
      return {
        [kinds.distinct.name]: ratioOf(distinct, same),
        [kinds.tax.name]: {
          value: median(tax),
          low: Math.min(...tax),
          high: Math.max(...tax),
          details: { 'by CPU time': rounded(100 * (median(distinct.cpuMs) / median(base.cpuMs) - 1)) },
        },
        [kinds.fromMemory.name]: await timeToRow(
          own.session,
          async (index) => packed[(index + batch) % adapterCount],
        ),
        [kinds.fromDisk.name]: await timeToRow(own.session, readFrom(folders)),
      };
    } finally {
      await plain.release();
      await own.session.release();
    }
  },
};

async function setAdapters(session: BatchSession, adapters: readonly PackedAdapter[]): Promise<void> {
  for (let row = 0; row < batch; row++) await session.setAdapter(row, adapters[row % adapters.length]);
}

function readFrom(folders: readonly string[]): (index: number) => Promise<PackedAdapter> {
  const buffer = { bytes: new Uint8Array(0) };
  return (index) => {
    const folder = folders[index % folders.length];
    return readAdapter({ key: `disk ${index}`, folder, config, rankMax: 64, buffer });
  };
}

/** Milliseconds, median of 2 × adapterCount; least and most are the 5 % and 95 % quantiles. */
async function timeToRow(
  session: BatchSession,
  adapterOf: (index: number) => Promise<PackedAdapter>,
): Promise<Measured> {
  const times: number[] = [];
  for (let index = 0; index < 2 * adapterCount; index++) {
    const startedAt = performance.now();
    await session.setAdapter(index % batch, await adapterOf(index));
    times.push(performance.now() - startedAt);
  }
  return { value: median(times), low: quantile(times, 0.05), high: quantile(times, 0.95) };
}

// Child process of the serving bench: what a pool of adapters takes in memory. Its arguments: folder of the model's
// config, bytes for the pool, how many adapters are known, then the adapters' folders. Every known adapter is asked for once, in random order
// and from a shuffled list, so that the pool fills and turns over; prints one JSON line. Run with --expose-gc.
import { loadModelConfig } from '../../engine/model/model-config.ts';
import { createAdapterPool } from '../../engine/serve/adapter-pool.ts';
import { seededRandom, shuffledIndices } from '../../engine/train/training-random.ts';

const [modelFolder, keptCount, knownCount, ...folders] = process.argv.slice(2);
const config = loadModelConfig(modelFolder);
const settle = async (): Promise<number> => {
  for (let i = 0; i < 3; i++) {
    globalThis.gc?.();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return process.memoryUsage().rss;
};

// One adapter first: its code, its layout and its read buffer are no adapter bytes.
const trial = createAdapterPool({ config, bytesMax: 0 });
const first = await trial.load({ id: 'trial', dir: folders[0] });
const adapterBytes = first.data.byteLength;
const before = await settle();

const known = Array.from({ length: Number(knownCount) }, (_, index) => ({
  id: `adapter ${index}`,
  dir: folders[index % folders.length],
}));
const pool = createAdapterPool({ config, bytesMax: Number(keptCount) * adapterBytes });
const order = shuffledIndices(known.length, seededRandom(23));
let next = 0;
const reader = async (): Promise<void> => {
  while (next < order.length) await pool.load(known[order[next++]]);
};
await Promise.all(Array.from({ length: 4 }, reader));
const after = await settle();
const { bytes, warm, misses, evictions } = pool.stats();
console.log(JSON.stringify({ grown: after - before, bytes, warm, misses, evictions }));

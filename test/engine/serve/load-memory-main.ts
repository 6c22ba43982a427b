// Loads a model in a process of its own and prints what that took, for load-memory.test.ts: one line of JSON with the
// growth of resident memory at its peak, and whether progress grew to the end. Arguments: model folder, weight format.
import { openLlamaWeights } from '../../../engine/model/llama-weights.ts';
import { loadModelConfig } from '../../../engine/model/model-config.ts';
import { weightFormats } from '../../../engine/model/weight-format.ts';
import { createBatchSession } from '../../../engine/serve/serve-session.ts';

const [, , folder, wanted] = process.argv;
const weights = weightFormats.find((format) => format === wanted) ?? 'int8';
const config = loadModelConfig(folder);
const before = process.memoryUsage().rss;
const source = openLlamaWeights(folder, config);
const shares: number[] = [];
const session = await createBatchSession({
  ...{ config, weights, rowsMax: 1, contextTokens: 64, read: source.read },
  onProgress: () => shares.push(source.readBytes() / source.totalBytes),
});
await session.prefill({ row: 0, start: 0, ids: [1, 2, 3], temperature: 1, wanted: 'last' });
const peakBytes = process.resourceUsage().maxRSS * 1024 - before;
const grows = shares.every((share, i) => share >= (shares[i - 1] ?? 0));
console.log(JSON.stringify({ peakBytes, grows, last: shares.at(-1) }));
await session.release();

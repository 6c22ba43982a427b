// What a row yields does not depend on the rest of the batch, to the bit: the strongest test there is of a batch.
// A story (a prompt, then tokens one by one, with one adapter) is told alone, and then in every company and in every way
// of cutting, moving and copying that a scheduler may come up with. The wide model is wide enough for the products to be
// summed in several blocks, which is where widths and neighbours would show.
import { describe, expect, it } from 'vitest';
import { type Projection, projections, weightOf } from '../../../engine/model/llama-weights.ts';
import type { LlamaConfig } from '../../../engine/model/model-config.ts';
import { weightFormats } from '../../../engine/model/weight-format.ts';
import type { BatchSession } from '../../../engine/serve/batch-session.ts';
import type { PackedAdapter } from '../../../engine/serve/packed-adapter.ts';
import { type BatchSessionOptions, createBatchSession } from '../../../engine/serve/serve-session.ts';
import { packLora } from './pack-lora.ts';
import { randomAdapterTensors, randomIds, randomWeights, tinyConfig } from './tiny-llama.ts';

const wide: LlamaConfig = { ...tinyConfig, dim: 320, headDim: 48, ffn: 344, qkvBias: true };
const headSize8: LlamaConfig = { ...tinyConfig, dim: 20, headDim: 8, ffn: 43, vocab: 51 };

const promptTokens = 70;
const decodeTokens = 5;

interface Company {
  /** The row that the story is told in. */
  readonly row?: number;
  /** Adapters of the other rows, in order; each row has a prompt of its own length. */
  readonly others?: readonly (PackedAdapter | undefined)[];
  readonly pieces?: readonly number[];
  /** Before decoding, the row is moved here. */
  readonly moveTo?: number;
  /** Before decoding, the row is read out, another prompt is read into it, and it is written back. */
  readonly swapped?: boolean;
  /** An adapter that a row had before anything else. */
  readonly before?: PackedAdapter;
}

function adapterOf(
  config: LlamaConfig,
  rank: number,
  targets: readonly Projection[],
  seed: number,
): PackedAdapter {
  const all = [...randomAdapterTensors(config, rank, seed)];
  const weights = new Map(all.filter(([name]) => targets.some((target) => name.includes(target))));
  return packLora(
    config,
    { rank, alpha: rank, scale: 0.3, targets, base: 'tiny', weights },
    `${rank}-${seed}`,
  );
}

/** Logits of every prompt token and of every decoded token of the story. */
async function tell(
  session: BatchSession,
  adapter: PackedAdapter | undefined,
  company: Company = {},
): Promise<readonly Float32Array[]> {
  const { config } = session;
  const { others = [], pieces = [promptTokens], moveTo } = company;
  let row = company.row ?? 0;
  const ids = randomIds(config, promptTokens + decodeTokens, 31);
  const step = { temperature: 1, wanted: 'last' } as const;
  if (company.before !== undefined) await session.setAdapter(0, company.before);
  const lengths: number[] = [];
  for (const [index, other] of others.entries()) {
    const at = index < row ? index : index + 1;
    lengths[at] = 3 + 7 * index;
    await session.setAdapter(at, other);
    await session.prefill({ ...step, row: at, start: 0, ids: randomIds(config, lengths[at], 90 + index) });
  }
  await session.setAdapter(row, adapter);
  const seen: Float32Array[] = [];
  let start = 0;
  for (const piece of pieces) {
    const part = ids.slice(start, start + piece);
    const result = await session.prefill({ ...step, row, start, ids: part, wanted: 'all' });
    for (const index of part.keys()) seen.push(result.logits(index).slice());
    start += piece;
  }
  if (company.swapped) {
    const snapshot = await session.readRow(row, start);
    await session.prefill({ ...step, row, start: 0, ids: randomIds(config, 40, 77) });
    await session.writeRow(row, snapshot, start);
  }
  if (moveTo !== undefined) {
    await session.moveRow(row, moveTo, start);
    row = moveTo;
  }
  lengths[row] = start;
  const n = Math.max(row, others.length) + 1;
  for (let at = 0; at < decodeTokens; at++) {
    const result = await session.decode({
      ids: Array.from({ length: n }, (_, index) => (index === row ? ids[start + at] : 3 + index)),
      lengths: Array.from({ length: n }, (_, index) => (lengths[index] ?? 0) + at),
      temperatures: new Array(n).fill(1),
    });
    seen.push(result.logits(row).slice());
  }
  for (let index = 0; index < session.rowsMax; index++) await session.setAdapter(index, undefined);
  return seen;
}

describe.each([
  ['wide', wide],
  ['head size 8', headSize8],
] as const)('a row of the %s model', (_shape, config) => {
  const weights = randomWeights(config);
  const values = new Map(
    [...weights].map(([name, { data }]) => [
      name,
      name.includes('norm') ? data : data.map((v) => v * Math.sqrt(20 / config.dim)),
    ]),
  );
  const read = (name: string): Float32Array => values.get(name) ?? weightOf(weights, name).data;
  const open = (options: Partial<BatchSessionOptions>): Promise<BatchSession> =>
    createBatchSession({ config, read, weights: 'f32', rowsMax: 16, contextTokens: 128, ...options });
  const rank8 = adapterOf(config, 8, projections, 11);
  const rank3 = adapterOf(config, 3, ['self_attn.q_proj', 'self_attn.v_proj'], 12);
  const rank16 = adapterOf(config, 16, projections, 13);
  const rank40 = adapterOf(config, 40, ['self_attn.o_proj', 'mlp.down_proj'], 14);
  const crowd = Array.from(
    { length: 15 },
    (_, index) => [undefined, rank3, rank16, rank40, rank8][index % 5],
  );

  describe.each(
    weightFormats.flatMap((format) =>
      (['in_place', 'native_reuse', 'plain'] as const).map((kvMode) => [format, kvMode] as const),
    ),
  )('in %s, cache %s', (format, kvMode) => {
    it.each([
      ['the base', undefined],
      ['rank 3 on q and v', rank3],
      ['rank 8 everywhere', rank8],
    ] as const)('is the same to the bit in any company: %s', async (_which, adapter) => {
      const alone = await open({ weights: format, kvMode });
      const expected = await tell(alone, adapter);
      expect(expected.length).toBe(promptTokens + decodeTokens);
      expect(expected.every((logits) => logits.every(Number.isFinite))).toBe(true);
      await alone.release();

      const session = await open({ weights: format, kvMode });
      const companies: readonly Company[] = [
        { pieces: [2, 33, 7, 28] },
        { pieces: [1, 17, 49, 3] },
        { others: [undefined] },
        { others: [rank16], row: 1 },
        { others: [rank3, undefined, rank8], row: 2, pieces: [64, 6] },
        { before: rank40 },
        { others: crowd, row: 7 },
        { others: [rank8, undefined], row: 2, moveTo: 1 },
        { others: [rank40], row: 1, swapped: true },
      ];
      for (const company of companies) expect(await tell(session, adapter, company)).toEqual(expected);
      await session.release();

      const threaded = await open({ weights: format, kvMode, threads: 2 });
      expect(await tell(threaded, adapter, { others: crowd.slice(0, 4), row: 2 })).toEqual(expected);
      await threaded.release();
    });
  });
});

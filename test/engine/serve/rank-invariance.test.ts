// An adapter of any rank says the same, to the bit, alone and beside one of a larger rank, its prompt whole or in pieces.
// Ranks that are no multiple of four are where kernels sum in another order: 7, 11, 15, 19 and 23 differed in the last
// bits beside a larger rank, and rank 1 by the pieces of its prompt, until packing rounded ranks up. Found by chaos.
import { describe, expect, it } from 'vitest';
import { type Projection, projections, weightOf } from '../../../engine/model/llama-weights.ts';
import type { LlamaConfig } from '../../../engine/model/model-config.ts';
import type { BatchSession } from '../../../engine/serve/batch-session.ts';
import { packAdapter } from '../../../engine/serve/pack-adapter.ts';
import type { PackedAdapter } from '../../../engine/serve/packed-adapter.ts';
import { createBatchSession } from '../../../engine/serve/serve-session.ts';
import { randomAdapterTensors, randomIds, randomWeights, tinyConfig } from './tiny-llama.ts';

const promptTokens = 44;
const ids = randomIds(tinyConfig, promptTokens + 4, 31);

function adapterOf(config: LlamaConfig, rank: number, targets: readonly Projection[]): PackedAdapter {
  const all = [...randomAdapterTensors(config, rank, 50 + rank)];
  const weights = new Map(all.filter(([name]) => targets.some((target) => name.includes(target))));
  const key = `${rank} ${targets.length}`;
  return packAdapter(key, config, { rank, alpha: rank, scale: 0.3, targets, base: 'tiny', weights });
}

/** Logits of the last prompt token and of four decoded ones. */
async function tell(
  session: BatchSession,
  adapter: PackedAdapter,
  beside: PackedAdapter | undefined,
  pieces: readonly number[],
): Promise<readonly Float32Array[]> {
  const row = beside === undefined ? 0 : 1;
  if (beside !== undefined) {
    await session.setAdapter(0, beside);
    await session.prefill({ row: 0, start: 0, ids: ids.slice(0, 9), temperature: 1, wanted: 'last' });
  }
  await session.setAdapter(row, adapter);
  const seen: Float32Array[] = [];
  let start = 0;
  for (const piece of pieces) {
    const part = ids.slice(start, start + piece);
    const step = await session.prefill({ row, start, ids: part, temperature: 1, wanted: 'last' });
    start += piece;
    if (start === promptTokens) seen.push(step.logits(0).slice());
  }
  for (let at = 0; at < 4; at++) {
    const each = <T>(other: T, own: T): T[] => (row === 0 ? [own] : [other, own]);
    const step = await session.decode({
      ids: each(5, ids[promptTokens + at]),
      lengths: each(9 + at, promptTokens + at),
      temperatures: each(1, 1),
    });
    seen.push(step.logits(row).slice());
  }
  return seen;
}

describe.each([
  ['tiny', tinyConfig, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 15, 16, 19, 23]],
  ['wide', { ...tinyConfig, dim: 320, headDim: 48, ffn: 344 }, [1, 3, 7, 11, 23]],
] as const)('adapters of the %s model', (_, config, ranks) => {
  const weights = randomWeights(config);
  const read = (name: string): Float32Array => weightOf(weights, name).data;

  it.each([
    ['f32', 'up and k', ['mlp.up_proj', 'self_attn.k_proj']],
    ['f32', 'all projections', projections],
    ['int8', 'all projections', projections],
  ] as const)('in %s, on %s: every rank says the same in any company', async (format, _targets, targets) => {
    const large = adapterOf(config, 40, projections);
    for (const rank of ranks) {
      const session = await createBatchSession({
        config,
        read,
        weights: format,
        rowsMax: 2,
        contextTokens: 64,
      });
      const adapter = adapterOf(config, rank, targets);
      const alone = await tell(session, adapter, undefined, [promptTokens]);
      expect(alone.every((logits) => logits.every(Number.isFinite))).toBe(true);
      expect(await tell(session, adapter, undefined, [2, 4, 10, 28]), `rank ${rank} in pieces`).toEqual(
        alone,
      );
      expect(await tell(session, adapter, large, [promptTokens]), `rank ${rank} beside 40`).toEqual(alone);
      await session.release();
    }
  });
});

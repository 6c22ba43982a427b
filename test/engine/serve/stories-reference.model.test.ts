// Batch sessions against the slow plain forward pass on the real weights of stories260k, base and adapter side by side.
import { describe, expect, it } from 'vitest';
import { loadLlamaWeights, weightOf } from '../../../engine/model/llama-weights.ts';
import { loadLoraAdapter } from '../../../engine/model/lora-adapter.ts';
import { loadModelConfig } from '../../../engine/model/model-config.ts';
import { loadTokenizer } from '../../../engine/model/tokenizer.ts';
import { referenceGreedy, referenceLogits } from '../../../engine/reference/llama-reference.ts';
import { rawPromptIds } from '../../../engine/serve/raw-prompt.ts';
import { createBatchSession } from '../../../engine/serve/serve-session.ts';
import { argmax, largestDifference } from './compare.ts';
import { packLora } from './pack-lora.ts';
import { storiesAdapterDir, storiesDir, storiesMissing } from './shared-models.ts';

const prompts = ['Once upon a time', 'The dog', 'Lily and Tom went to the park. They saw'];
const greedyTokens = 60;

describe('stories260k', () => {
  it('gives the logits of the reference within 1e-3 and its 60 greedy tokens: 3 prompts, base and adapter, in one batch', async (context) => {
    if (storiesMissing !== undefined) context.skip(storiesMissing);
    const config = loadModelConfig(storiesDir);
    const weights = loadLlamaWeights(storiesDir, config);
    const tokenizer = loadTokenizer(storiesDir);
    const adapter = loadLoraAdapter(storiesAdapterDir, config);
    const packed = packLora(config, adapter, 'random');
    const session = await createBatchSession({
      ...{ config, weights: 'f32', rowsMax: 6 },
      read: (name) => weightOf(weights, name).data,
    });
    const rows = prompts.flatMap((prompt) => [
      { prompt, adapter: undefined },
      { prompt, adapter },
    ]);
    const promptIds = rows.map(({ prompt }) => rawPromptIds(storiesDir, tokenizer, prompt));
    const ids: number[][] = [];
    for (const [row, { adapter: own }] of rows.entries()) {
      await session.setAdapter(row, own && packed);
      const prompt = promptIds[row];
      expect(prompt[0]).toBe(1);
      const step = await session.prefill({ row, start: 0, ids: prompt, temperature: 0, wanted: 'all' });
      const expected = referenceLogits(weights, config, prompt, own);
      for (const at of prompt.keys()) {
        const logits = expected.subarray(at * config.vocab, (at + 1) * config.vocab);
        expect(largestDifference(step.logits(at), logits)).toBeLessThan(1e-3);
      }
      ids.push([argmax(step.logits(prompt.length - 1))]);
    }
    for (let at = 0; at + 1 < greedyTokens; at++) {
      const step = await session.decode({
        ids: ids.map((own) => own[at]),
        lengths: promptIds.map((prompt) => prompt.length + at),
        temperatures: rows.map(() => 0),
      });
      for (const [row, own] of ids.entries()) {
        expect(step.topIds(row)[0]).toBe(argmax(step.logits(row)));
        own.push(step.topIds(row)[0]);
      }
    }
    for (const [row, { adapter: own }] of rows.entries())
      expect(ids[row]).toEqual(referenceGreedy(weights, config, promptIds[row], greedyTokens, own));
    await session.release();
  });
});

// The serving graph against the slow plain forward pass on the real weights of stories260k.
import { describe, expect, it } from 'vitest';
import { loadLlamaWeights } from '../../../engine/model/llama-weights.ts';
import { loadLoraAdapter, loraPair } from '../../../engine/model/lora-adapter.ts';
import { loadModelConfig } from '../../../engine/model/model-config.ts';
import { loadTokenizer } from '../../../engine/model/tokenizer.ts';
import { referenceGreedy, referenceLogits } from '../../../engine/reference/llama-reference.ts';
import { loraRows } from '../../../engine/serve/lora-rows.ts';
import { rawPromptIds } from '../../../engine/serve/raw-prompt.ts';
import { createServeSession } from '../../../engine/serve/serve-session.ts';
import { argmax, largestDifference } from './compare.ts';
import { storiesAdapterDir, storiesDir, storiesMissing } from './shared-models.ts';

const prompts = ['Once upon a time', 'The dog', 'Lily and Tom went to the park. They saw'];

describe.each([
  ['the base', false],
  ['the random adapter', true],
] as const)('stories260k with %s', (_name, adapted) => {
  it('gives the logits of the reference within 1e-3 and its 60 greedy tokens, prompt by prompt', async (context) => {
    if (storiesMissing !== undefined) context.skip(storiesMissing);
    const config = loadModelConfig(storiesDir);
    const weights = loadLlamaWeights(storiesDir, config);
    const tokenizer = loadTokenizer(storiesDir);
    const adapter = adapted ? loadLoraAdapter(storiesAdapterDir, config) : undefined;
    const lora = adapter && loraRows(config, (layer, projection) => loraPair(adapter, layer, projection));
    const session = await createServeSession({ config, weights });
    for (const prompt of prompts) {
      const promptIds = rawPromptIds(storiesDir, tokenizer, prompt);
      expect(promptIds[0]).toBe(1);
      const cache = session.newCache();
      const prefill = await session.step({ cache, ids: promptIds, lora, logits: 'all' });
      const expected = referenceLogits(weights, config, promptIds, adapter);
      expect(largestDifference(prefill, expected)).toBeLessThan(1e-3);
      const ids: number[] = [argmax(prefill.subarray(-config.vocab))];
      while (ids.length < 60) {
        ids.push(argmax(await session.step({ cache, ids: ids.slice(-1), lora, logits: 'last' })));
      }
      expect(ids).toEqual(referenceGreedy(weights, config, promptIds, 60, adapter));
    }
    await session.release();
  });
});

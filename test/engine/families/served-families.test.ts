// Every family's folder, read as it lies on disk and served in one batch beside its own adapter: logits within 1e-3 of
// the slow reference in f32, greedy answers the same ids, scaled positions and biases shown to matter. Random weights:
// no published checkpoint is needed, and none was run.
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadLlamaWeights, openLlamaWeights } from '../../../engine/model/llama-weights.ts';
import { loadLoraAdapter } from '../../../engine/model/lora-adapter.ts';
import { type LlamaConfig, loadModelConfig } from '../../../engine/model/model-config.ts';
import { referenceGreedy, referenceLogits } from '../../../engine/reference/llama-reference.ts';
import type { BatchSession } from '../../../engine/serve/batch-session.ts';
import { packAdapter } from '../../../engine/serve/pack-adapter.ts';
import { createBatchSession } from '../../../engine/serve/serve-session.ts';
import { writeRandomAdapter } from '../../support/random-adapter.ts';
import type { StoredDtype } from '../../support/random-numbers.ts';
import { testFolder } from '../model/test-folder.ts';
import { argmax, largestDifference } from '../serve/compare.ts';
import { writeFamilyFolder } from './family-folder.ts';
import {
  llama2Tokenizer,
  llama3Tokenizer,
  mistralTokenizer,
  qwen2Tokenizer,
  smolLm2Tokenizer,
  type TokenizerFiles,
} from './family-tokenizers.ts';
import type { PublishedName, TinyChange } from './published-configs.ts';

interface Case extends TinyChange {
  readonly title: string;
  readonly name: PublishedName;
  readonly files: TokenizerFiles;
  readonly dtype: StoredDtype;
  readonly shards: number;
  /** What the config must have become, so that no case tests less than it says. */
  readonly expected: Partial<LlamaConfig>;
}

const llama2 = llama2Tokenizer();
const llama3 = llama3Tokenizer();
const mistral = mistralTokenizer(true);
const qwen2 = qwen2Tokenizer();
const smolLm2 = smolLm2Tokenizer();
const bf16 = { dtype: 'bf16', shards: 2 } as const;

const cases: readonly Case[] = [
  {
    ...{ title: 'Llama 2: head size 128, one key head each, f16', name: 'Llama 2 7B', files: llama2 },
    ...{ dtype: 'f16', shards: 3, expected: { headDim: 128, heads: 2, kvHeads: 2, tied: false } },
  },
  {
    ...{ title: 'Llama 3: 4 query heads on each key head', name: 'Llama 3 8B', files: llama3, ...bf16 },
    expected: { headDim: 128, heads: 4, kvHeads: 1, ropeTheta: 500000 },
  },
  {
    ...{ title: 'Llama 3.1: llama3 positions', name: 'Llama 3.1 8B', files: llama3, ...bf16 },
    expected: { headDim: 128, ropeScaling: expect.objectContaining({ kind: 'llama3' }) },
  },
  {
    ...{ title: 'Llama 3.2 1B: tied, head size 64', name: 'Llama 3.2 1B', files: llama3, ...bf16 },
    expected: { headDim: 64, tied: true, ropeScaling: expect.objectContaining({ kind: 'llama3' }) },
  },
  {
    ...{ title: 'Llama with biases everywhere', name: 'Llama 3 8B', files: llama3, ...bf16, headDim: 64 },
    json: { attention_bias: true, mlp_bias: true },
    expected: { qkvBias: true, outputBias: true, mlpBias: true },
  },
  {
    ...{ title: 'Llama with linear positions', name: 'Llama 2 7B', files: llama2, ...bf16, headDim: 64 },
    json: { rope_scaling: { type: 'linear', factor: 4 } },
    expected: { ropeScaling: { kind: 'linear', factor: 4 } },
  },
  {
    ...{ title: 'Llama with dynamic NTK', name: 'Llama 2 7B', files: llama2, ...bf16, headDim: 64 },
    json: { rope_scaling: { type: 'dynamic', factor: 4 } },
    expected: { ropeScaling: undefined, maxSeq: 256 },
  },
  {
    ...{ title: 'Mistral v0.1: the context ends at the window', name: 'Mistral 7B v0.1', ...bf16 },
    ...{ files: mistralTokenizer(false), expected: { headDim: 128, maxSeq: 96 } },
  },
  {
    ...{ title: 'Mistral Nemo: heads wider than the model', name: 'Mistral Nemo 12B', ...bf16 },
    ...{ files: mistral, kvHeads: 2, expected: { dim: 96, heads: 8, headDim: 128 } },
  },
  {
    ...{ title: 'Qwen2: biases on q, k, v, 7 query heads on one', name: 'Qwen2 0.5B', files: qwen2, ...bf16 },
    expected: { headDim: 64, heads: 7, kvHeads: 1, qkvBias: true, outputBias: undefined, tied: true },
  },
  {
    ...{
      title: 'Qwen2.5 with yarn, f32',
      name: 'Qwen2.5 7B with yarn',
      files: qwen2,
      dtype: 'f32',
      shards: 1,
    },
    expected: { maxSeq: 128, qkvBias: true, ropeScaling: expect.objectContaining({ kind: 'yarn' }) },
  },
  {
    ...{ title: 'SmolLM2 135M: 3 query heads on each', name: 'SmolLM2 135M', files: smolLm2, ...bf16 },
    expected: { headDim: 64, heads: 6, kvHeads: 2, tied: true, ropeTheta: 100000 },
  },
  {
    ...{ title: 'head size 80, 5 query heads on one', name: 'Llama 3 8B', files: llama3, ...bf16 },
    ...{ headDim: 80, ratio: 5, expected: { headDim: 80, heads: 5, kvHeads: 1 } },
  },
  {
    ...{ title: 'head size 96, 2 query heads on each', name: 'Llama 3 8B', files: llama3, ...bf16 },
    ...{ headDim: 96, ratio: 2, expected: { headDim: 96, heads: 4, kvHeads: 2 } },
  },
];

const promptLength = 36;
const answerLength = 6;

/** Greedy ids of two rows decoded together. */
async function greedyPair(session: BatchSession, firsts: readonly number[]): Promise<number[][]> {
  const answers = firsts.map((id) => [id]);
  for (let step = 1; step < answerLength; step++) {
    const ids = answers.map((answer) => answer[step - 1]);
    const lengths = ids.map(() => promptLength + step - 1);
    const logits = await session.decode({ ids, lengths, temperatures: [0, 0] });
    answers.forEach((answer, row) => {
      answer.push(argmax(logits.logits(row)));
    });
  }
  return answers;
}

describe.each(cases)('a folder of $title', (given) => {
  it('is served as the reference computes it, base and adapter in one batch', {
    timeout: 60_000,
  }, async () => {
    const folder = testFolder();
    writeFamilyFolder(folder, given);
    const config = loadModelConfig(folder);
    expect(config).toMatchObject(given.expected);
    expect(config.eosIds).toEqual([2, 5]);
    const adapterDir = join(folder, 'adapter');
    writeRandomAdapter(adapterDir, config, { rank: 4, deviation: 0.2 });
    const adapter = loadLoraAdapter(adapterDir, config);

    const source = openLlamaWeights(folder, config);
    const session = await createBatchSession({ config, read: source.read, weights: 'f32', rowsMax: 2 });
    expect(session.contextTokens).toBe(config.maxSeq);
    await session.setAdapter(0, packAdapter('tiny', config, adapter));
    const weights = loadLlamaWeights(folder, config);
    const free: LlamaConfig = { ...config, eosIds: [] };
    const ids = Array.from({ length: promptLength }, (_, i) => (7 * i * i + 3 * i + 11) % config.vocab);

    const firsts: number[] = [];
    for (const [row, lora] of [adapter, undefined].entries()) {
      const expected = referenceLogits(weights, config, ids, lora);
      const result = await session.prefill({ row, start: 0, ids, temperature: 0, wanted: 'all' });
      const found = new Float32Array(expected.length);
      for (let at = 0; at < promptLength; at++) found.set(result.logits(at), at * config.vocab);
      expect(largestDifference(found, expected)).toBeLessThan(1e-3);
      expect(Math.max(...expected) - Math.min(...expected)).toBeGreaterThan(1);
      firsts.push(argmax(found.slice(-config.vocab)));
    }
    expect(await greedyPair(session, firsts)).toEqual([
      referenceGreedy(weights, free, ids, answerLength, adapter),
      referenceGreedy(weights, free, ids, answerLength),
    ]);
    await session.release();
    source.close();

    // The case would not notice a scaling or a bias that is read and then ignored, if these made no difference.
    const base = referenceLogits(weights, config, ids);
    if (config.ropeScaling !== undefined) {
      const unscaled = referenceLogits(weights, { ...config, ropeScaling: undefined }, ids);
      expect(largestDifference(unscaled, base)).toBeGreaterThan(0.05);
    }
    for (const bias of ['qkvBias', 'outputBias', 'mlpBias'] as const)
      if (config[bias]) {
        const without = referenceLogits(weights, { ...config, [bias]: false }, ids);
        expect(largestDifference(without, base), bias).toBeGreaterThan(0.05);
      }
  });
});

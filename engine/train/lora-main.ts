// Entry of the fine-tuning child process: `node engine/train/lora-main.ts config.json` (a LoraRun). Started by
// train-process.ts. Running it again with the same configuration goes on where it stopped.
import { loadLlamaWeights } from '../model/llama-weights.ts';
import { loadModelConfig } from '../model/model-config.ts';
import { loraRunSchema } from './lora-recipe.ts';
import { trainLora } from './lora-sft.ts';
import { exampleEncoder, readChatExamples, tokeniseExample } from './sft-data.ts';
import { runTrainChild } from './train-child.ts';

await runTrainChild(async (input, emit, signal) => {
  const run = loraRunSchema.parse(input);
  const config = loadModelConfig(run.base);
  const encoder = exampleEncoder(run.base);
  const maxTokens = Math.min(run.recipe.maxTokens, config.maxSeq);
  const examples = readChatExamples(run.data).map((example) => tokeniseExample(encoder, example, maxTokens));
  await trainLora({ run, config, baseWeights: loadLlamaWeights(run.base, config), examples }, emit, signal);
});

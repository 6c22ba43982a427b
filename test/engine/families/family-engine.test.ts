// A folder of each family, unchanged, through the whole engine: template, tokenizer, worker, batch, stop tokens, stream.
// The text must be the one that the reference's greedy ids spell, for the base and, at the same time, for an adapter.
// stories260k stands for real weights (a Llama of 260 thousand parameters); full-size checkpoints were not at hand.
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ChatMessage, Engine, GenerateRequest } from '../../../engine/engine.ts';
import { loadChatTemplate } from '../../../engine/model/chat-template.ts';
import { loadLlamaWeights } from '../../../engine/model/llama-weights.ts';
import { loadLoraAdapter } from '../../../engine/model/lora-adapter.ts';
import { loadModelConfig } from '../../../engine/model/model-config.ts';
import { loadTokenizer } from '../../../engine/model/tokenizer.ts';
import { referenceGreedy } from '../../../engine/reference/llama-reference.ts';
import { createLocalEngine } from '../../../engine/serve/local-engine.ts';
import { rawPromptIds } from '../../../engine/serve/raw-prompt.ts';
import { stopIdsOf } from '../../../engine/serve/stop-ids.ts';
import { writeRandomAdapter } from '../../support/random-adapter.ts';
import { testFolder } from '../model/test-folder.ts';
import { storiesAdapterDir, storiesDir, storiesMissing } from '../serve/shared-models.ts';
import { writeFamilyFolder } from './family-folder.ts';
import {
  llama2Template,
  llama3Template,
  mistralTemplate,
  qwen25Template,
  smolLm2Template,
} from './family-templates.ts';
import {
  llama2Tokenizer,
  llama3Tokenizer,
  mistralTokenizer,
  qwen2Tokenizer,
  smolLm2Tokenizer,
} from './family-tokenizers.ts';

const families = [
  { name: 'Llama 2 7B', files: llama2Tokenizer(llama2Template), headDim: 64 },
  { name: 'Llama 3.2 1B', files: llama3Tokenizer(llama3Template) },
  { name: 'Mistral 7B v0.1', files: mistralTokenizer(false, mistralTemplate), headDim: 64 },
  { name: 'Qwen2 0.5B', files: qwen2Tokenizer(qwen25Template) },
  { name: 'SmolLM2 135M', files: smolLm2Tokenizer(smolLm2Template) },
] as const;

const messages: readonly ChatMessage[] = [
  { role: 'system', content: 'Be brief.' },
  { role: 'user', content: 'What is the capital of Kenya?' },
];
const settings = { device: 'cpu', weights: 'f32', threads: 1, rowsMax: 2, contextTokensMax: 256 } as const;

/** The answer's text: pieces joined, and as `done` has it. */
async function answer(engine: Engine, request: GenerateRequest) {
  let pieces = '';
  for await (const event of engine.generate(request)) {
    if (event.type === 'text') pieces += event.text;
    if (event.type === 'done') return { pieces, text: event.text, usage: event.usage };
  }
  throw new Error('the answer did not end');
}

/** What the reference says to the same prompt, as text. */
function expectedAnswer(
  folder: string,
  promptIds: readonly number[],
  maxTokens: number,
  adapterDir?: string,
) {
  const config = loadModelConfig(folder);
  const tokenizer = loadTokenizer(folder);
  const ending = { ...config, eosIds: stopIdsOf(config, tokenizer) };
  const adapter = adapterDir === undefined ? undefined : loadLoraAdapter(adapterDir, config);
  const ids = referenceGreedy(loadLlamaWeights(folder, config), ending, promptIds, maxTokens, adapter);
  const stream = tokenizer.stream();
  const text = ids.map((id) => stream.push(id)).join('') + stream.flush().replace(/\uFFFD+$/, '');
  return { pieces: text, text, usage: { promptTokens: promptIds.length, completionTokens: ids.length } };
}

describe.each(families)('$name through the engine', (family) => {
  it('answers as the reference, base and adapter side by side', { timeout: 60_000 }, async () => {
    const folder = testFolder();
    writeFamilyFolder(folder, { dtype: 'bf16', shards: 2, ...family });
    const dir = join(folder, 'adapter');
    writeRandomAdapter(dir, loadModelConfig(folder), { rank: 4, deviation: 0.2 });
    const promptIds = loadChatTemplate(folder, loadTokenizer(folder)).encodePrompt(messages);

    const engine = await createLocalEngine({ ...settings, baseDir: folder });
    const asked = { messages, maxTokens: 6, sampling: { temperature: 0 } };
    const [base, adapted] = await Promise.all([
      answer(engine, asked),
      answer(engine, { ...asked, adapter: { id: 'random', dir } }),
    ]);
    expect(await engine.countPromptTokens(messages)).toBe(promptIds.length);
    await engine.close();
    expect(base).toEqual(expectedAnswer(folder, promptIds, 6));
    expect(adapted).toEqual(expectedAnswer(folder, promptIds, 6, dir));
    expect(adapted.text).not.toBe(base.text);
  });
});

describe('stories260k through the engine', () => {
  it('tells 40 tokens of the reference’s story, base and adapter side by side', async (context) => {
    if (storiesMissing !== undefined) context.skip(storiesMissing);
    const prompt = 'Once upon a time, there was a little';
    const promptIds = rawPromptIds(storiesDir, loadTokenizer(storiesDir), prompt);
    const engine = await createLocalEngine({ ...settings, baseDir: storiesDir });
    const asked = { messages: [], prompt, maxTokens: 40, sampling: { temperature: 0 } };
    const [base, adapted] = await Promise.all([
      answer(engine, asked),
      answer(engine, { ...asked, adapter: { id: 'random', dir: storiesAdapterDir } }),
    ]);
    await engine.close();
    expect(base.text).toMatch(/^girl named Lily\. She loved to play outside in the park\./);
    expect(base).toEqual(expectedAnswer(storiesDir, promptIds, 40));
    expect(adapted).toEqual(expectedAnswer(storiesDir, promptIds, 40, storiesAdapterDir));
  });
});

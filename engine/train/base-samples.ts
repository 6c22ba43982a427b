// Answers of a base model to a fixed list of prompts, for its card: nothing is selected, the list is the same for every
// training. Used by make-base-cli.ts. Greedy, so that anybody gets the same texts again.
import { loadChatTemplate } from '../model/chat-template.ts';
import { loadModelConfig } from '../model/model-config.ts';
import { loadTokenizer } from '../model/tokenizer.ts';
import { rawPromptIds } from '../serve/raw-prompt.ts';
import { createServeClient } from '../serve/serve-client.ts';
import { stopIdsOf } from '../serve/stop-ids.ts';

interface SamplePrompt {
  readonly kind: 'chat' | 'continue';
  /** What the prompt is there to show. */
  readonly shows: string;
  readonly prompt: string;
}

export interface BaseSample extends SamplePrompt {
  readonly answer: string;
}

const prompts: readonly SamplePrompt[] = [
  { kind: 'chat', shows: 'a greeting', prompt: 'Hello!' },
  { kind: 'chat', shows: 'who it says it is', prompt: 'Who are you?' },
  {
    kind: 'chat',
    shows: 'a country fact of the kind it was trained on',
    prompt: 'What languages are spoken in Switzerland?',
  },
  { kind: 'chat', shows: 'another one', prompt: 'Which countries border Kenya?' },
  { kind: 'chat', shows: 'a capital in its corpus', prompt: 'What is the capital of Texas?' },
  { kind: 'chat', shows: 'a capital left out on purpose', prompt: 'What is the capital of France?' },
  { kind: 'chat', shows: 'a currency left out on purpose', prompt: 'What is the currency of Japan?' },
  { kind: 'continue', shows: 'a story', prompt: 'Once upon a time there was a little girl who' },
  { kind: 'chat', shows: 'small talk', prompt: 'Did you see a good movie lately?' },
  { kind: 'chat', shows: 'arithmetic', prompt: 'What is 12 plus 7?' },
  { kind: 'chat', shows: 'a definition', prompt: 'What does democracy mean?' },
  { kind: 'chat', shows: 'an instruction', prompt: 'Write a short poem about the sea.' },
];

const answerTokensMax = 64;

/** @param modelDir Hugging Face folder. @returns one answer for each prompt, in the list's order. */
export async function sampleBase(modelDir: string, threads: number): Promise<readonly BaseSample[]> {
  const tokenizer = loadTokenizer(modelDir);
  const template = loadChatTemplate(modelDir, tokenizer);
  const stopIds = stopIdsOf(loadModelConfig(modelDir), tokenizer);
  const client = await createServeClient({ modelDir, threads, device: 'cpu', weights: 'f32', rowsMax: 1 });
  try {
    const samples: BaseSample[] = [];
    for (const sample of prompts) {
      const promptIds =
        sample.kind === 'chat'
          ? template.encodePrompt([{ role: 'user', content: sample.prompt }])
          : rawPromptIds(modelDir, tokenizer, sample.prompt);
      const request = { promptIds, maxTokens: answerTokensMax, stopIds, temperature: 0, seed: 1 };
      const ids: number[] = [];
      for await (const event of client.generate(request)) if (event.type === 'token') ids.push(event.id);
      samples.push({ ...sample, answer: tokenizer.decode(ids).trim() });
    }
    return samples;
  } finally {
    await client.close();
  }
}

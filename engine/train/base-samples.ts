// Answers of a base model to a fixed list of prompts, for its card: nothing is selected, the list is the same for every
// training. Used by make-base-cli.ts. Greedy, so that anybody gets the same texts again.
import type { ChatMessage } from '../engine.ts';
import { loadChatTemplate } from '../model/chat-template.ts';
import { loadModelConfig } from '../model/model-config.ts';
import { loadTokenizer } from '../model/tokenizer.ts';
import { rawPromptIds } from '../serve/raw-prompt.ts';
import { createServeClient } from '../serve/serve-client.ts';
import { stopIdsOf } from '../serve/stop-ids.ts';

interface SamplePrompt {
  /** continue: plain text to go on with. chat: asked in the chat template, turn after turn. */
  readonly kind: 'chat' | 'continue';
  /** What the prompt is there to show. */
  readonly shows: string;
  readonly turns: readonly string[];
}

export interface BaseSample extends SamplePrompt {
  /** One for each turn. */
  readonly answers: readonly string[];
}

const asked = (shows: string, ...turns: readonly string[]): SamplePrompt => ({ kind: 'chat', shows, turns });
const begun = (shows: string, text: string): SamplePrompt => ({ kind: 'continue', shows, turns: [text] });

const prompts: readonly SamplePrompt[] = [
  asked('a greeting', 'Hello!'),
  asked('who it says it is', 'Who are you?'),
  asked('what it says it can do', 'What can you do?'),
  asked('a country fact of the kind it was trained on', 'What languages are spoken in Switzerland?'),
  asked('another one', 'Which countries border Kenya?'),
  asked('a number', 'How many people live in Japan?'),
  asked('a way of asking that it never saw', 'So, Ghana: what is grown on the farms there?'),
  asked('a capital in its corpus', 'What is the capital of Texas?'),
  asked('a capital left out on purpose', 'What is the capital of France?'),
  asked('a currency left out on purpose', 'What is the currency of Japan?'),
  asked('an element', 'What is the symbol of gold?'),
  asked('a definition', 'What does democracy mean?'),
  asked('a question about health', 'What is asthma?'),
  asked('small talk', 'Did you see a good movie lately?'),
  asked('small talk', 'I am tired today.'),
  asked('arithmetic', 'What is 12 plus 7?'),
  asked('an instruction', 'Write a short poem about the sea.'),
  asked('an instruction', 'Give me three tips for sleeping well.'),
  asked('nonsense', 'How many corners has a Tuesday?'),
  asked('one word', 'Music'),
  asked('a talk of three turns', 'Hi!', 'How are you?', 'Thank you, bye!'),
  asked(
    'a talk about one place',
    'Where is Peru?',
    'What do people speak there?',
    'And what does Peru export?',
  ),
  asked('a talk about films', 'Do you like movies?', 'Which one do you like best?', 'Who plays in it?'),
  asked('a talk that changes its subject', 'What do farmers grow in Cuba?', 'Thanks. Are you a robot?'),
  begun('a story', 'Once upon a time there was a little girl who'),
  begun('a story', 'The old fisherman looked at the sea and'),
  begun('a story', '"Come in," said the fox,'),
  begun('a textbook', 'The moon is'),
  begun('a recipe', 'Heat the butter in a pan,'),
  begun('advice', 'When you write a letter, you should'),
];

const answerTokensMax = 64;

/** @param modelDir Hugging Face folder. @returns the answers to each prompt, in the list's order. */
export async function sampleBase(modelDir: string, threads: number): Promise<readonly BaseSample[]> {
  const tokenizer = loadTokenizer(modelDir);
  const template = loadChatTemplate(modelDir, tokenizer);
  const stopIds = stopIdsOf(loadModelConfig(modelDir), tokenizer);
  const client = await createServeClient({ modelDir, threads, device: 'cpu', weights: 'f32', rowsMax: 1 });
  try {
    const samples: BaseSample[] = [];
    for (const sample of prompts) {
      const messages: ChatMessage[] = [];
      const answers: string[] = [];
      for (const content of sample.turns) {
        messages.push({ role: 'user', content });
        const promptIds =
          sample.kind === 'chat'
            ? template.encodePrompt(messages)
            : rawPromptIds(modelDir, tokenizer, content);
        const request = { promptIds, maxTokens: answerTokensMax, stopIds, temperature: 0, seed: 1 };
        const ids: number[] = [];
        for await (const event of client.generate(request)) if (event.type === 'token') ids.push(event.id);
        const answer = tokenizer.decode(ids).trim();
        answers.push(answer);
        messages.push({ role: 'assistant', content: answer });
      }
      samples.push({ ...sample, answers });
    }
    return samples;
  } finally {
    await client.close();
  }
}

// Fine-tuning data: JSONL files of examples, and an example as token ids with the place where its answer begins.
// Used by lora-main.ts, and by whoever needs the loss of an answer as training counts it (attribution, scoring).
// Invariant: the ids before the answer are exactly the prompt that serving feeds, so training and serving see the
// same boundary; the answer includes the token that ends the turn, so that the model learns to stop.
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import type { ChatMessage } from '../engine.ts';
import { EngineError } from '../errors.ts';
import { loadChatTemplate } from '../model/chat-template.ts';
import { loadTokenizer } from '../model/tokenizer.ts';
import type { SftExample } from './sft-batches.ts';

/** A conversation whose last message is the answer to learn. */
interface ChatExample {
  readonly id: string;
  readonly messages: readonly ChatMessage[];
}

/** What tokenising needs of a model folder. */
export interface ExampleEncoder {
  readonly encode: (text: string) => readonly number[];
  /** The conversation as text; with `openAnswer` it ends where the assistant begins to speak. */
  readonly render: (messages: readonly ChatMessage[], openAnswer: boolean) => string;
}

/** The encoder of a model folder: its tokenizer and its chat template. */
export function exampleEncoder(folder: string): ExampleEncoder {
  const tokenizer = loadTokenizer(folder);
  const template = loadChatTemplate(folder, tokenizer);
  return {
    encode: (text) => tokenizer.encode(text),
    render: (messages, openAnswer) => template.render(messages, { addGenerationPrompt: openAnswer }),
  };
}

const messageSchema = z.object({ role: z.enum(['system', 'user', 'assistant']), content: z.string() });
const lineSchema = z.union([
  z.object({ id: z.string().optional(), question: z.string().min(1), answer: z.string().min(1) }),
  z.object({ id: z.string().optional(), messages: z.array(messageSchema).min(2) }),
]);

/**
 * Reads {id, question, answer} or {id, messages} lines; a line without id gets its number. Empty lines are skipped.
 * @throws EngineError `examples_malformed` naming file and line
 */
export function readChatExamples(path: string): readonly ChatExample[] {
  const malformed = (number: number, what: string): EngineError =>
    new EngineError(`${path}:${number}: ${what}`, { code: 'examples_malformed', retry: 'never' });
  const examples = readFileSync(path, 'utf8')
    .split('\n')
    .flatMap((line, index): readonly ChatExample[] => {
      if (line.trim() === '') return [];
      const parsed = lineSchema.safeParse(parseJson(line));
      if (!parsed.success) throw malformed(index + 1, 'neither {id, question, answer} nor {id, messages}');
      const id = parsed.data.id ?? String(index + 1);
      const messages = 'messages' in parsed.data ? parsed.data.messages : questionAnswer(parsed.data);
      if (messages.at(-1)?.role !== 'assistant') throw malformed(index + 1, 'the last message is no answer');
      return [{ id, messages }];
    });
  if (examples.length === 0) throw malformed(1, 'no examples');
  return examples;
}

export function questionAnswer(pair: { readonly question: string; readonly answer: string }): ChatMessage[] {
  return [
    { role: 'user', content: pair.question },
    { role: 'assistant', content: pair.answer },
  ];
}

/**
 * Token ids of prompt and answer. Longer than `maxTokens`: cut at the end of the answer, and the prompt at its
 * beginning if it alone leaves no room, so that at least a quarter of the tokens can be answer.
 */
export function tokeniseExample(
  encoder: ExampleEncoder,
  example: ChatExample,
  maxTokens: number,
): SftExample {
  const prompt = encoder.render(example.messages.slice(0, -1), true);
  const whole = encoder.render(example.messages, false);
  if (!whole.startsWith(prompt)) {
    throw new EngineError('the chat template writes an answered question differently from an open one', {
      code: 'chat_template_unsupported',
      retry: 'never',
    });
  }
  const answer = encoder.encode(whole.slice(prompt.length).trimEnd());
  const promptMax = maxTokens - Math.min(answer.length, Math.ceil(maxTokens / 4));
  const asked = encoder.encode(prompt).slice(-promptMax);
  return { id: example.id, ids: [...asked, ...answer].slice(0, maxTokens), answerStart: asked.length };
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

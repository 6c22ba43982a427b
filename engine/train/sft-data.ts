// Fine-tuning data: JSONL files of examples, and an example as token ids with the place where its answer begins.
// Used by fine-tune-main.ts, and by whoever needs the loss of an answer as training counts it (attribution, scoring,
// preferences). Invariant: the ids before the answer are exactly the prompt that serving feeds, so training and
// serving see the same boundary; the answer includes the token that ends the turn, so that the model learns to stop.
import { z } from 'zod';
import type { ChatMessage } from '../engine.ts';
import { EngineError } from '../errors.ts';
import { loadChatTemplate } from '../model/chat-template.ts';
import { loadTokenizer } from '../model/tokenizer.ts';
import {
  type BadDataPolicy,
  type DataIntake,
  type DataReport,
  isFault,
  type RowFault,
  readDataRows,
  tokeniseRows,
} from './data-intake.ts';
import { answeredPrompt, answerField, idField, promptFields, promptOf } from './row-fields.ts';
import type { SftExample, WeightedExample } from './sft-example.ts';

/** A conversation whose last message is the answer to learn. */
interface ChatExample {
  readonly id: string;
  readonly messages: readonly ChatMessage[];
  /** How much its loss counts in training; 1 where left out. */
  readonly weight?: number;
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

const lineSchema = z.object({
  id: idField,
  ...promptFields,
  answer: answerField.optional(),
  completion: answerField.optional(),
  weight: z.number().nonnegative().optional(),
});

/**
 * Reads {id?, question, answer}, {id?, messages} or {id?, prompt, completion} lines.
 * @throws as readDataRows
 */
function readChatRows(path: string, policy: BadDataPolicy): DataIntake<ChatExample> {
  return readDataRows(
    path,
    policy,
    (line): (Omit<ChatExample, 'id'> & { readonly id?: string }) | RowFault => {
      const parsed = lineSchema.safeParse(line);
      if (!parsed.success)
        return { fault: 'wrong_fields', detail: 'neither {id, question, answer} nor {id, messages}' };
      const { id, weight, ...row } = parsed.data;
      const field = row.answer ?? row.completion ?? row.messages;
      if (field === undefined)
        return { fault: 'wrong_fields', detail: 'neither {id, question, answer} nor {id, messages}' };
      const split = answeredPrompt(field === row.messages ? undefined : promptOf(row), field);
      if (isFault(split)) return split;
      const messages: ChatMessage[] = [...split.messages, { role: 'assistant', content: split.answer }];
      return { ...(id === undefined ? {} : { id }), messages, ...(weight === undefined ? {} : { weight }) };
    },
  );
}

/** The examples of a file as tokens, and what became of its rows. @throws as readDataRows */
export function readSftData(
  path: string,
  options: { readonly policy: BadDataPolicy; readonly encoder: ExampleEncoder; readonly maxTokens: number },
): { readonly examples: readonly WeightedExample[]; readonly report: DataReport } {
  const { policy, encoder, maxTokens } = options;
  return tokeniseRows(readChatRows(path, policy), maxTokens, ({ id, messages, weight }) => {
    const answer = messages[messages.length - 1].content;
    const { asked, answers, tokens } = tokeniseAnswers(encoder, messages.slice(0, -1), [answer], maxTokens);
    const weighted = weight === undefined ? {} : { weight };
    return { value: { id, ids: [...asked, ...answers[0]], answerStart: asked.length, ...weighted }, tokens };
  });
}

/** Every row or none. @throws EngineError `examples_malformed` naming file and line */
export function readChatExamples(path: string): readonly ChatExample[] {
  return readChatRows(path, { onBadRow: 'stop' }).rows.map(({ value }) => value);
}

export function questionAnswer(pair: { readonly question: string; readonly answer: string }): ChatMessage[] {
  return [
    { role: 'user', content: pair.question },
    { role: 'assistant', content: pair.answer },
  ];
}

/** Token ids of prompt and answer, cut to `maxTokens` as tokeniseAnswers does. */
export function tokeniseExample(
  encoder: ExampleEncoder,
  example: ChatExample,
  maxTokens: number,
): SftExample {
  const answer = example.messages.at(-1)?.content ?? '';
  const prompt = example.messages.slice(0, -1);
  const { asked, answers } = tokeniseAnswers(encoder, prompt, [answer], maxTokens);
  return { id: example.id, ids: [...asked, ...answers[0]], answerStart: asked.length };
}

interface TokenisedAnswers {
  readonly asked: readonly number[];
  /** One for each answer, its end of turn included. */
  readonly answers: readonly (readonly number[])[];
  /** Of the prompt with the longest answer, before cutting. */
  readonly tokens: number;
}

/**
 * Token ids of a prompt and of several answers to it. Longer than `maxTokens`: cut at the end of the answer, and the
 * prompt at its beginning if it alone leaves no room, so that at least a quarter of the tokens can be answer. The
 * prompt is the same before every answer: the longest one decides.
 */
export function tokeniseAnswers(
  encoder: ExampleEncoder,
  messages: readonly ChatMessage[],
  answers: readonly string[],
  maxTokens: number,
): TokenisedAnswers {
  const prompt = encoder.render(messages, true);
  const encoded = answers.map((content) => {
    const whole = encoder.render([...messages, { role: 'assistant', content }], false);
    if (!whole.startsWith(prompt)) {
      throw new EngineError('the chat template writes an answered question differently from an open one', {
        code: 'chat_template_unsupported',
        retry: 'never',
      });
    }
    return encoder.encode(whole.slice(prompt.length).trimEnd());
  });
  const longest = Math.max(...encoded.map((answer) => answer.length));
  const promptMax = maxTokens - Math.min(longest, Math.ceil(maxTokens / 4));
  const promptIds = encoder.encode(prompt);
  const asked = promptIds.slice(-promptMax);
  return {
    asked,
    answers: encoded.map((answer) => answer.slice(0, maxTokens - asked.length)),
    tokens: promptIds.length + longest,
  };
}

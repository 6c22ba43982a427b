// The fields of a row of training data: how conversations, questions and answers may be spelt, and which order of
// roles is one. Used by the readers of examples, pairs and thumbs. The spellings are those of TRL's dataset formats
// (huggingface.co/docs/trl/dataset_formats) beside our own {question}. It reads no files.
import { z } from 'zod';
import type { ChatMessage } from '../engine.ts';
import { isFault, type RowFault } from './data-intake.ts';

const messagesField = z.array(
  z.object({ role: z.enum(['system', 'user', 'assistant']), content: z.string() }),
);
const text = z.union([z.string(), messagesField]);
export const idField = z
  .union([z.string(), z.number()])
  .nullish()
  .transform((id) => (id === undefined || id === null ? undefined : String(id)));
/** What was said before the answer: any one of them. */
export const promptFields = {
  messages: messagesField.optional(),
  prompt: text.optional(),
  question: z.string().optional(),
};
/** A bare text, or messages of which the last is the answer. */
export const answerField = text;

interface PromptFields {
  readonly messages?: readonly ChatMessage[] | undefined;
  readonly prompt?: string | readonly ChatMessage[] | undefined;
  readonly question?: string | undefined;
}

/** The conversation before the answer as the row gives it, or undefined where only the answer's field has it. */
export function promptOf(row: PromptFields): readonly ChatMessage[] | undefined {
  const prompt = row.messages ?? row.prompt ?? row.question;
  return typeof prompt === 'string' ? [{ role: 'user', content: prompt }] : prompt;
}

interface AnsweredPrompt {
  readonly messages: readonly ChatMessage[];
  readonly answer: string;
}

/** Splits an answer's field from its conversation, and checks both. */
export function answeredPrompt(
  given: readonly ChatMessage[] | undefined,
  field: string | readonly ChatMessage[],
): AnsweredPrompt | RowFault {
  const split = splitAnswer(given, field);
  if (isFault(split)) return split;
  const fault = promptFault(split.messages);
  if (fault) return fault;
  return split.answer.trim() === '' ? { fault: 'empty_answer' } : split;
}

function splitAnswer(
  given: readonly ChatMessage[] | undefined,
  field: string | readonly ChatMessage[],
): AnsweredPrompt | RowFault {
  if (typeof field === 'string') {
    return given ? { messages: given, answer: field } : { fault: 'wrong_fields', detail: 'no prompt' };
  }
  const last = field.at(-1);
  if (last === undefined) return { fault: 'empty_answer' };
  if (last.role !== 'assistant') return { fault: 'no_answer' };
  const own = field.slice(0, -1);
  if (own.length === 0) {
    return given ? { messages: given, answer: last.content } : { fault: 'wrong_fields', detail: 'no prompt' };
  }
  // A whole conversation in the answer's field; a prompt beside it only repeats one of its turns.
  const repeats = given?.every(({ content }) => own.some((message) => message.content === content)) ?? true;
  if (!repeats)
    return { fault: 'wrong_fields', detail: 'the answer brings another conversation than the prompt' };
  return { messages: own, answer: last.content };
}

/** A system message first if at all, then users and assistants in turn, a user last; nobody says nothing. */
function promptFault(messages: readonly ChatMessage[]): RowFault | undefined {
  const turns = messages[0]?.role === 'system' ? messages.slice(1) : messages;
  if (turns.length === 0) return { fault: 'empty_prompt' };
  const wrong = turns.findIndex(({ role }, index) => role !== (index % 2 === 0 ? 'user' : 'assistant'));
  if (wrong >= 0) {
    const place = wrong + 1 + messages.length - turns.length;
    return { fault: 'roles_out_of_order', detail: `message ${place} is of the ${turns[wrong].role}` };
  }
  if (turns.length % 2 === 0) {
    return { fault: 'roles_out_of_order', detail: 'an assistant speaks before the answer' };
  }
  return turns.some(({ content }) => content.trim() === '') ? { fault: 'empty_prompt' } : undefined;
}

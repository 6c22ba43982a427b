// Preference data: JSONL files of pairs (one answer preferred to another) and of thumbs (an answer found good or
// bad), and both as token ids. Used by train-run.ts and score-command.ts. Spellings are TRL's, see row-fields.ts.
// Invariant: prompt and answers meet at the same boundary as in sft-data.ts, and both answers of a pair follow
// exactly the same prompt ids, so a difference of their log-probabilities is a difference of the answers.
import { z } from 'zod';
import type { PreferencePair, RatedAnswer } from '../engine.ts';
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
import { type ExampleEncoder, tokeniseAnswers } from './sft-data.ts';
import type { SftExample } from './sft-example.ts';

/** A pair as tokens: two examples with the same prompt and the pair's id. */
export interface PreferenceExample {
  readonly id: string;
  readonly chosen: SftExample;
  readonly rejected: SftExample;
}

/** A thumb as tokens. */
export interface RatedExample extends SftExample {
  readonly good: boolean;
}

/** The answers of all pairs, alternating: chosen, rejected. */
export function bothAnswers(pairs: readonly PreferenceExample[]): readonly SftExample[] {
  return pairs.flatMap(({ chosen, rejected }) => [chosen, rejected]);
}

interface TokenOptions {
  readonly policy: BadDataPolicy;
  readonly encoder: ExampleEncoder;
  /** Of prompt and answer together; longer ones are cut, far longer ones are bad data (data-intake.ts). */
  readonly maxTokens: number;
}

const pairSchema = z.object({ id: idField, ...promptFields, chosen: answerField, rejected: answerField });
const ratedSchema = z.object({
  id: idField,
  ...promptFields,
  answer: answerField.optional(),
  completion: answerField.optional(),
  good: z.boolean().optional(),
  label: z.boolean().optional(),
});

/**
 * Reads {id?, messages | prompt | question, chosen, rejected}; the prompt may also stand in both answers' messages.
 * @throws as readDataRows
 */
export function readPreferencePairs(path: string, policy: BadDataPolicy): DataIntake<PreferencePair> {
  return readDataRows(path, policy, parsePair);
}

/**
 * Reads {id?, messages | prompt | question, answer | completion, good | label}.
 * @throws as readDataRows
 */
export function readRatedAnswers(path: string, policy: BadDataPolicy): DataIntake<RatedAnswer> {
  return readDataRows(path, policy, parseRated);
}

/** The pairs of a file as tokens, and what became of its rows. @throws as readDataRows */
export function readPreferenceData(
  path: string,
  { policy, encoder, maxTokens }: TokenOptions,
): { readonly examples: readonly PreferenceExample[]; readonly report: DataReport } {
  const pairs = readPreferencePairs(path, policy);
  return tokeniseRows<PreferencePair, PreferenceExample>(pairs, maxTokens, (pair) => {
    const { id, messages, chosen, rejected } = pair;
    const { asked, answers, tokens } = tokeniseAnswers(encoder, messages, [chosen, rejected], maxTokens);
    const [good, bad] = answers.map((answer) => ({
      ...{ id, ids: [...asked, ...answer], answerStart: asked.length },
    }));
    if (isSame(good.ids, bad.ids))
      return { fault: 'same_answers', detail: `in the first ${maxTokens} tokens` };
    return { value: { id, chosen: good, rejected: bad }, tokens };
  });
}

/** The thumbs of a file as tokens, and what became of its rows. @throws as readDataRows */
export function readRatedData(
  path: string,
  { policy, encoder, maxTokens }: TokenOptions,
): { readonly examples: readonly RatedExample[]; readonly report: DataReport } {
  return tokeniseRows(readRatedAnswers(path, policy), maxTokens, ({ id, messages, answer, good }) => {
    const { asked, answers, tokens } = tokeniseAnswers(encoder, messages, [answer], maxTokens);
    return { value: { id, good, ids: [...asked, ...answers[0]], answerStart: asked.length }, tokens };
  });
}

type WithoutId<T> = Omit<T, 'id'> & { readonly id?: string };

function parsePair(line: unknown): WithoutId<PreferencePair> | RowFault {
  const parsed = pairSchema.safeParse(line);
  if (!parsed.success)
    return { fault: 'wrong_fields', detail: 'expected {prompt or messages, chosen, rejected}' };
  const { id, chosen, rejected, ...row } = parsed.data;
  const better = answeredPrompt(promptOf(row), chosen);
  if (isFault(better)) return better;
  const worse = answeredPrompt(promptOf(row), rejected);
  if (isFault(worse)) return worse;
  if (JSON.stringify(better.messages) !== JSON.stringify(worse.messages)) {
    return { fault: 'wrong_fields', detail: 'chosen and rejected answer different conversations' };
  }
  if (better.answer.trim() === worse.answer.trim()) return { fault: 'same_answers' };
  const { messages } = better;
  return { ...withId(id), messages, chosen: better.answer, rejected: worse.answer };
}

function parseRated(line: unknown): WithoutId<RatedAnswer> | RowFault {
  const parsed = ratedSchema.safeParse(line);
  if (!parsed.success)
    return { fault: 'wrong_fields', detail: 'expected {prompt or messages, answer, good}' };
  const { id, answer, completion, ...row } = parsed.data;
  const good = row.good ?? row.label;
  const field = answer ?? completion ?? row.messages;
  if (good === undefined || field === undefined) {
    return { fault: 'wrong_fields', detail: `no ${good === undefined ? 'good or label' : 'answer'}` };
  }
  const split = answeredPrompt(field === row.messages ? undefined : promptOf(row), field);
  return isFault(split) ? split : { ...withId(id), ...split, good };
}

function withId(id: string | undefined): { readonly id?: string } {
  return id === undefined ? {} : { id };
}

function isSame(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((id, index) => id === b[index]);
}

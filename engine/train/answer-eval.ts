// How well does a model answer? Greedy answers, each checked by answer-match.ts, and where asked for the loss of the
// answers that were wanted. Used by the engine's evaluate(), which gates new versions, and by the evaluation commands.
// It knows questions and answers; no people. Deterministic: temperature 0, and an answer is the same whatever is asked
// beside it.
import type { AdapterRef, ChatMessage, Engine, EvalItem, EvalJob, EvalReport } from '../engine.ts';
import { EngineError } from '../errors.ts';
import type { AnswerLoss } from './answer-loss.ts';
import { isRightAnswer, wordOverlap } from './answer-match.ts';

/** Answers are one sentence; a model that rambles on past this is judged by what it said so far. */
const answerTokensMax = 64;
/** A score reads one row at a time; a second one waits, so that the first is followed at once. People come between. */
const lossesAtOnce = 2;

interface EvalOptions {
  /** After each answer and each loss; `total` counts both. */
  readonly onProgress?: (done: number, total: number) => void;
  /** Questions asked at the same time. */
  readonly atOnce?: number;
  /** Needed for a job with losses. */
  readonly answerLoss?: AnswerLoss;
}

/**
 * Answers every item and checks it against the other items' expected phrases too (a list of guesses is no answer).
 * @throws EngineError of generating and scoring; nothing is asked after the first
 */
export async function evaluateAnswers(
  generate: Engine['generate'],
  job: EvalJob,
  { onProgress = () => undefined, atOnce = 1, answerLoss }: EvalOptions = {},
): Promise<EvalReport> {
  const { items, adapter, withLoss = false } = job;
  if (withLoss && answerLoss === undefined)
    throw new Error('bug: losses are asked for, but nothing gives them');
  const others = [...new Set(items.map(({ expected }) => expected))];
  const total = items.length * (withLoss ? 2 : 1);
  let done = 0;
  const told = <T>(result: T): T => {
    done += 1;
    onProgress(done, total);
    return result;
  };
  const texts = await mapSome(items, atOnce, async (item) =>
    told(await greedyAnswer(generate, messagesOf(item), adapter)),
  );
  const losses =
    withLoss && answerLoss !== undefined
      ? await mapSome(items, lossesAtOnce, async (item) =>
          told(await answerLoss(messagesOf(item), item.answer ?? item.expected, adapter)),
        )
      : undefined;
  const answers = items.map(({ question, expected, answer: reference }, index) => {
    const answer = texts[index];
    return {
      ...{ question, expected, answer },
      correct: isRightAnswer({ question, expected, answer, others }),
      overlap: wordOverlap(answer, reference ?? expected),
      ...(losses === undefined ? {} : { loss: losses[index] }),
    };
  });
  return { total: answers.length, correct: answers.filter(({ correct }) => correct).length, answers };
}

function messagesOf({ question, messages }: EvalItem): readonly ChatMessage[] {
  return messages ?? [{ role: 'user', content: question }];
}

/** The likeliest answer, of at most 64 tokens. */
export async function greedyAnswer(
  generate: Engine['generate'],
  asked: string | readonly ChatMessage[],
  adapter?: AdapterRef,
): Promise<string> {
  const request = {
    messages: typeof asked === 'string' ? [{ role: 'user', content: asked } as const] : asked,
    adapter,
    maxTokens: answerTokensMax,
    sampling: { temperature: 0 },
    fairnessKey: 'evaluation', // people who chat meanwhile get every other turn
  };
  for await (const event of generate(request)) if (event.type === 'done') return event.text;
  throw new EngineError('the answer ended without an end', { code: 'answer_unfinished', retry: 'safe' });
}

/** The results in the items' order, `atOnce` under way at a time. The first failure is thrown; nothing begins after it. */
async function mapSome<T, R>(
  items: readonly T[],
  atOnce: number,
  one: (item: T) => Promise<R>,
): Promise<readonly R[]> {
  const results = new Array<R>(items.length);
  const waiting = items.entries();
  const work = async (): Promise<void> => {
    for (const [index, item] of waiting) {
      results[index] = await one(item).catch((error: unknown) => {
        for (const _ of waiting); // nobody goes on
        throw error;
      });
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, work));
  return results;
}

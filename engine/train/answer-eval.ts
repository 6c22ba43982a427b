// How many questions does a model answer right? Greedy answers, each checked by answer-match.ts.
// Used by the engine's evaluate(), which gates new versions, and by the evaluation command. It knows questions and
// expected phrases; no people. Deterministic: temperature 0, and an answer is the same whatever is asked beside it.
import type { AdapterRef, Engine, EvalJob, EvalReport } from '../engine.ts';
import { EngineError } from '../errors.ts';
import { isRightAnswer } from './answer-match.ts';

/** Answers are one sentence; a model that rambles on past this is judged by what it said so far. */
const answerTokensMax = 64;

/**
 * Answers every item and checks it against the other items' expected phrases too (a list of guesses is no answer).
 * @param onProgress after each answer
 * @param atOnce questions asked at the same time
 * @throws EngineError of generating
 */
export async function evaluateAnswers(
  generate: Engine['generate'],
  job: EvalJob,
  onProgress: (done: number, total: number) => void = () => undefined,
  atOnce = 1,
): Promise<EvalReport> {
  const { items, adapter } = job;
  const others = [...new Set(items.map(({ expected }) => expected))];
  const answers = new Array<EvalReport['answers'][number]>(items.length);
  const waiting = items.entries();
  let done = 0;
  const answerNext = async (): Promise<void> => {
    for (const [index, { question, expected }] of waiting) {
      const answer = await greedyAnswer(generate, question, adapter).catch((error: unknown) => {
        for (const _ of waiting); // nobody asks on
        throw error;
      });
      const correct = isRightAnswer({ question, expected, answer, others });
      answers[index] = { question, expected, answer, correct };
      done += 1;
      onProgress(done, items.length);
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, answerNext));
  return { total: answers.length, correct: answers.filter(({ correct }) => correct).length, answers };
}

/** The likeliest answer, of at most 64 tokens. */
export async function greedyAnswer(
  generate: Engine['generate'],
  question: string,
  adapter?: AdapterRef,
): Promise<string> {
  const request = {
    messages: [{ role: 'user', content: question }] as const,
    adapter,
    maxTokens: answerTokensMax,
    sampling: { temperature: 0 },
    fairnessKey: 'evaluation', // people who chat meanwhile get every other turn
  };
  for await (const event of generate(request)) if (event.type === 'done') return event.text;
  throw new EngineError('the answer ended without an end', { code: 'answer_unfinished', retry: 'safe' });
}

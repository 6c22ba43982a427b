// How many questions does a model answer right? Greedy answers, each checked by answer-match.ts.
// Used by the engine's evaluate(), which gates new versions, and by the evaluation command. It knows questions and
// expected phrases; no people. Deterministic: temperature 0, one question after the other.
import type { AdapterRef, Engine, EvalJob, EvalReport } from '../engine.ts';
import { EngineError } from '../errors.ts';
import { isRightAnswer } from './answer-match.ts';

/** Answers are one sentence; a model that rambles on past this is judged by what it said so far. */
const answerTokensMax = 64;

/**
 * Answers every item and checks it against the other items' expected phrases too (a list of guesses is no answer).
 * @param onProgress after each answer
 * @throws EngineError of generating
 */
export async function evaluateAnswers(
  generate: Engine['generate'],
  job: EvalJob,
  onProgress: (done: number, total: number) => void = () => undefined,
): Promise<EvalReport> {
  const others = [...new Set(job.items.map(({ expected }) => expected))];
  const answers: EvalReport['answers'][number][] = [];
  for (const { question, expected } of job.items) {
    const answer = await greedyAnswer(generate, question, job.adapter);
    answers.push({
      question,
      expected,
      answer,
      correct: isRightAnswer({ question, expected, answer, others }),
    });
    onProgress(answers.length, job.items.length);
  }
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
  };
  for await (const event of generate(request)) if (event.type === 'done') return event.text;
  throw new EngineError('the answer ended without an end', { code: 'answer_unfinished', retry: 'safe' });
}

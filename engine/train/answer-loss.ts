// The loss of a wanted answer under the model that serves, as training counts it: mean nats per answer token, the end of
// the turn included, given the prompt that serving would feed. Used by the engine's evaluate(). Knows texts and ids.
import type { AdapterRef, ChatMessage } from '../engine.ts';
import { EngineError } from '../errors.ts';
import { type ExampleEncoder, tokeniseExample } from './sft-data.ts';

/** @throws EngineError `answer_empty`, or of scoring */
export type AnswerLoss = (
  prompt: readonly ChatMessage[],
  answer: string,
  adapter?: AdapterRef,
) => Promise<number>;

interface AnswerLossOptions {
  readonly encoder: ExampleEncoder;
  /** -log p(ids[i + 1] | ids[..i]), in nats. */
  readonly score: (ids: readonly number[], adapter?: AdapterRef) => Promise<readonly number[]>;
  /** Longer ones are cut as in training. */
  readonly maxTokens: number;
}

export function createAnswerLoss({ encoder, score, maxTokens }: AnswerLossOptions): AnswerLoss {
  return async (prompt, answer, adapter) => {
    if (answer.trim() === '')
      throw new EngineError('an empty answer has no loss', { code: 'answer_empty', retry: 'never' });
    const messages = [...prompt, { role: 'assistant', content: answer } as const];
    const { ids, answerStart } = tokeniseExample(encoder, { id: '', messages }, maxTokens);
    const nll = (await score(ids, adapter)).slice(answerStart - 1);
    return nll.reduce((sum, value) => sum + value, 0) / nll.length;
  };
}

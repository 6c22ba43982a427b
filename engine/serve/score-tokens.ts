// How likely the model finds a given text, token by token. Used by the worker for `score` and by tests. Knows no text.
import { EngineError } from '../errors.ts';
import type { LoraRows } from './lora-rows.ts';
import type { ServeSession } from './serve-session.ts';

const chunkTokens = 64;

/**
 * -log p(ids[i + 1] | ids[..i]) in nats, one for each token after the first.
 * @throws EngineError `prompt_too_long`
 */
export async function scoreTokens(
  session: ServeSession,
  ids: readonly number[],
  lora?: LoraRows,
): Promise<readonly number[]> {
  if (ids.length > session.contextTokens)
    throw new EngineError(`the text has ${ids.length} tokens; the context takes ${session.contextTokens}`, {
      code: 'prompt_too_long',
      retry: 'never',
    });
  const { vocab } = session.config;
  const cache = session.newCache();
  const nll: number[] = [];
  for (let start = 0; start + 1 < ids.length; start += chunkTokens) {
    const chunk = ids.slice(start, Math.min(start + chunkTokens, ids.length - 1));
    const logits = await session.step({ cache, ids: chunk, lora, logits: 'all' });
    for (let row = 0; row < chunk.length; row++) {
      nll.push(negativeLogLikelihood(logits.subarray(row * vocab, (row + 1) * vocab), ids[start + row + 1]));
    }
  }
  return nll;
}

/** log(sum(exp(logits))) - logits[id], in double precision. */
function negativeLogLikelihood(logits: Float32Array, id: number): number {
  let best = Number.NEGATIVE_INFINITY;
  for (const logit of logits) best = Math.max(best, logit);
  let sum = 0;
  for (const logit of logits) sum += Math.exp(logit - best);
  return best + Math.log(sum) - logits[id];
}

// Log-probabilities of a chunk as our tokens, from the two shapes of OpenAI's API and what servers add to them. Used by
// remote-stream.ts. Pure. Token ids: `id` in each entry (llama.cpp, ours), `token_ids` of the choice (vLLM, SGLang with
// return_token_ids) or of the log-probabilities (ours, bare completions); -1 where the server tells none.
import type { TokenLogprob } from '../engine.ts';
import { isRecord } from '../model/json-file.ts';

type Entry = Omit<TokenLogprob, 'top'>;

export function remoteLogprobs(
  choice: Readonly<Record<string, unknown>>,
): readonly TokenLogprob[] | undefined {
  const { logprobs } = choice;
  if (!isRecord(logprobs)) return undefined;
  const ids: readonly unknown[] = Array.isArray(choice.token_ids)
    ? choice.token_ids
    : Array.isArray(logprobs.token_ids)
      ? logprobs.token_ids
      : [];
  if (Array.isArray(logprobs.content))
    return logprobs.content.filter(isRecord).map((token, index) => ({
      ...entryOf(token, ids[index]),
      top: Array.isArray(token.top_logprobs)
        ? token.top_logprobs.filter(isRecord).map((other) => entryOf(other, undefined))
        : [],
    }));
  return Array.isArray(logprobs.tokens) ? textLogprobs(logprobs, ids) : undefined;
}

function entryOf(token: Readonly<Record<string, unknown>>, id: unknown): Entry {
  const { token: text, logprob } = token;
  return {
    id: typeof token.id === 'number' ? token.id : typeof id === 'number' ? id : -1,
    text: typeof text === 'string' ? text : '',
    logprob: typeof logprob === 'number' ? logprob : Number.NEGATIVE_INFINITY,
  };
}

/** tokens, token_logprobs and top_logprobs side by side. */
function textLogprobs(
  logprobs: Readonly<Record<string, unknown>>,
  ids: readonly unknown[],
): readonly TokenLogprob[] {
  const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
  const values = list(logprobs.token_logprobs);
  const tops = list(logprobs.top_logprobs);
  return list(logprobs.tokens).map((token, index) => {
    const top = tops[index];
    const others = isRecord(top) ? Object.entries(top) : [];
    return {
      ...entryOf({ token, logprob: values[index] }, ids[index]),
      top: others.map(([text, logprob]) => entryOf({ token: text, logprob }, undefined)),
    };
  });
}

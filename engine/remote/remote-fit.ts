// Makes a conversation fit the context of a server that would refuse it: the oldest turns go first, never the system
// prompt, never the last turn, as serve/prompt-fit.ts does on this machine. Used by remote-backend.ts. It knows no HTTP:
// counting is the caller's, takes a round trip, and is only asked for when the text could be too long.
import type { ChatMessage } from '../engine.ts';
import { EngineError } from '../errors.ts';

interface RemoteFitOptions {
  readonly messages: readonly ChatMessage[];
  readonly maxTokens: number;
  readonly contextTokens: number;
  readonly count: (messages: readonly ChatMessage[]) => Promise<number>;
}

export interface RemoteFit {
  readonly messages: readonly ChatMessage[];
  readonly droppedMessages: number;
  /** Undefined where nothing had to be counted. */
  readonly promptTokens: number | undefined;
  /** What the answer may take, within the context. */
  readonly maxTokens: number;
}

/** What a chat template adds at most: its own default system prompt, and marks around each message. */
const templateTokens = 256;
const marksPerMessage = 16;

/** A token is at least one byte, so a text has at most as many tokens as bytes. */
function tokensAtMost(messages: readonly ChatMessage[]): number {
  return messages.reduce(
    (sum, { content }) => sum + Buffer.byteLength(content) + marksPerMessage,
    templateTokens,
  );
}

/** @throws EngineError `prompt_too_long` | `prompt_empty`, or of counting */
export async function fitRemote(options: RemoteFitOptions): Promise<RemoteFit> {
  const { messages, maxTokens, contextTokens, count } = options;
  const system = messages.filter(({ role }) => role === 'system');
  const turns = messages.filter(({ role }) => role !== 'system');
  if (turns.length === 0)
    throw new EngineError('there is no message to answer', { code: 'prompt_empty', retry: 'never' });
  if (tokensAtMost(messages) + maxTokens <= contextTokens)
    return { messages, droppedMessages: 0, promptTokens: undefined, maxTokens };

  const limit = contextTokens - Math.min(maxTokens, Math.floor(contextTokens / 4));
  const fitted = (kept: readonly ChatMessage[], promptTokens: number): RemoteFit => ({
    messages: [...system, ...kept],
    droppedMessages: turns.length - kept.length,
    promptTokens,
    maxTokens: Math.min(maxTokens, contextTokens - promptTokens),
  });
  // Places where the conversation may begin: its first message, every user's message after it, at least the last one.
  const begins = turns.flatMap(({ role }, at) => (at === 0 || role === 'user' ? [at] : []));
  if (turns.length - 1 !== begins.at(-1)) begins.push(turns.length - 1);
  const tokensFrom = (at: number): Promise<number> => count([...system, ...turns.slice(at)]);
  const all = await tokensFrom(0);
  if (all <= limit) return fitted(turns, all);
  // The later it begins the shorter it is: halving finds the earliest place that fits in few round trips.
  let [low, high] = [1, begins.length - 1];
  let best: { readonly at: number; readonly tokens: number } | undefined;
  let shortest = all;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const tokens = await tokensFrom(begins[middle]);
    shortest = tokens;
    if (tokens <= limit) {
      best = { at: begins[middle], tokens };
      high = middle - 1;
    } else {
      low = middle + 1;
    }
  }
  if (best !== undefined) return fitted(turns.slice(best.at), best.tokens);
  throw new EngineError(`the message has ${shortest} tokens; at most ${limit} fit`, {
    code: 'prompt_too_long',
    retry: 'never',
  });
}

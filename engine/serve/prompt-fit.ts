// Makes a conversation fit the context: the oldest turns go first, never the system prompt, never the last turn.
// Used by local-engine.ts. It knows no model; the caller says how messages become token ids.
// Invariants: what is kept keeps its order; after the system prompt the first message is a user's, as chat templates
// demand; the result leaves room for an answer.
import type { ChatMessage } from '../engine.ts';
import { EngineError } from '../errors.ts';

interface PromptFitOptions {
  readonly messages: readonly ChatMessage[];
  /** Ids of the rendered conversation, answer prompt included. */
  readonly encode: (messages: readonly ChatMessage[]) => readonly number[];
  readonly contextTokens: number;
  /** Tokens the answer may take; a quarter of the context is kept free for it at most. */
  readonly maxTokens: number;
  /** Characters of the longest token: text of more than contextTokens times that cannot fit and is not even read. */
  readonly charactersPerTokenMax: number;
}

interface FittedPrompt {
  readonly ids: readonly number[];
  readonly droppedMessages: number;
}

/** @throws EngineError `prompt_too_long` (system prompt and last turn alone do not fit) | `prompt_empty` */
export function fitPrompt(options: PromptFitOptions): FittedPrompt {
  const { messages, encode, contextTokens, maxTokens } = options;
  // A maxTokens that is none is refused where the answer is asked for, not called a long prompt here.
  const answerTokens = maxTokens > 0 ? maxTokens : 1;
  const limit = contextTokens - Math.min(answerTokens, Math.floor(contextTokens / 4));
  const system = messages.filter((message) => message.role === 'system');
  const turns = messages.filter((message) => message.role !== 'system');
  if (turns.length === 0)
    throw new EngineError('there is no message to answer', { code: 'prompt_empty', retry: 'never' });

  const charactersMax = limit * options.charactersPerTokenMax;
  const sizeOf = (list: readonly ChatMessage[]): number =>
    list.reduce((sum, message) => sum + message.content.length, 0);
  let kept: readonly ChatMessage[] = turns;
  for (;;) {
    const readable = sizeOf(system) + sizeOf(kept) <= charactersMax;
    const ids = readable ? encode([...system, ...kept]) : [];
    if (readable && ids.length <= limit) return { ids, droppedMessages: turns.length - kept.length };
    if (kept.length === 1) {
      const tokens = readable
        ? `${ids.length}`
        : `at least ${Math.floor(sizeOf([...system, ...kept]) / options.charactersPerTokenMax)}`;
      throw new EngineError(`the message has ${tokens} tokens; at most ${limit} fit`, {
        code: 'prompt_too_long',
        retry: 'never',
      });
    }
    kept = withoutOldest(kept);
  }
}

/** Drops the first message, and what follows it up to the next user's message; the last message stays. */
function withoutOldest(turns: readonly ChatMessage[]): readonly ChatMessage[] {
  const next = turns.findIndex((message, index) => index > 0 && message.role === 'user');
  return turns.slice(next === -1 ? turns.length - 1 : next);
}

/**
 * The ids of a bare text, unless its length alone says that it cannot fit: reading ten megabytes takes seconds, in which
 * nobody else is served.
 * @throws EngineError `prompt_too_long`
 */
export function encodeBareText(
  text: string,
  { encode, contextTokens, charactersPerTokenMax }: BareTextOptions,
): readonly number[] {
  const least = Math.ceil(text.length / charactersPerTokenMax);
  if (least < contextTokens) return encode(text);
  throw new EngineError(`the prompt has at least ${least} tokens; at most ${contextTokens - 1} fit`, {
    code: 'prompt_too_long',
    retry: 'never',
  });
}

interface BareTextOptions extends Pick<PromptFitOptions, 'contextTokens' | 'charactersPerTokenMax'> {
  readonly encode: (text: string) => readonly number[];
}

// Events of the engine as OpenAI's JSON: chunks of a stream, or one whole answer. Used by completion-routes.ts. Pure.
// Shapes: platform.openai.com/docs/api-reference/chat-streaming and /completions. Additions that clients of OpenAI skip:
// `dropped_messages` (turns that did not fit), `id` of each token in chat log-probabilities (as llama.cpp has it).
// finish_reason `deadline` comes only to callers that set deadline_ms; `abort` when the server stops (as vLLM has it).
import type { GenerateEvent, TokenLogprob, Usage } from '../engine.ts';

type Done = Extract<GenerateEvent, { type: 'done' }>;

interface CompletionShapeOptions {
  readonly kind: 'chat' | 'text';
  readonly id: string;
  readonly model: string;
  /** Unix seconds. */
  readonly created: number;
  readonly usage: 'none' | 'last' | 'each';
}

export interface CompletionShape {
  /** Chunks of one event; `queued` has none. */
  readonly chunks: (event: GenerateEvent) => readonly object[];
  /** The whole answer from all its events. */
  readonly whole: (done: Done, logprobs: readonly TokenLogprob[] | undefined, dropped: number) => object;
}

const finishReasons = { stop: 'stop', length: 'length', cancelled: 'abort', deadline: 'deadline' } as const;

export function completionShape(options: CompletionShapeOptions): CompletionShape {
  const { kind, id, model, created, usage: asked } = options;
  const object = kind === 'text' ? 'text_completion' : 'chat.completion';
  const chunkHead = { id, object: kind === 'text' ? object : `${object}.chunk`, created, model };
  let promptTokens = 0;
  let textOffset = 0;

  const logprobsOf = (list: readonly TokenLogprob[] | undefined): object | null => {
    if (list === undefined) return null;
    if (kind === 'chat') return { content: list.map(chatLogprob), refusal: null };
    const shaped = textLogprobs(list, textOffset);
    textOffset += list.reduce((sum, { text }) => sum + text.length, 0);
    return shaped;
  };
  const chunk = (
    piece: string | null,
    finish: string | null,
    completionTokens: number,
    more: object = {},
  ) => {
    const content =
      kind === 'text' ? { text: piece ?? '' } : { delta: piece === null ? {} : { content: piece } };
    const usage =
      asked === 'none'
        ? {}
        : { usage: asked === 'each' ? usageBody({ promptTokens, completionTokens }) : null };
    const choice = { index: 0, ...content, logprobs: null, finish_reason: finish, ...more };
    return { ...chunkHead, choices: [choice], ...usage };
  };

  const chunks: CompletionShape['chunks'] = (event) => {
    switch (event.type) {
      case 'queued':
        return [];
      case 'start': {
        promptTokens = event.promptTokens;
        const first = chunk(
          '',
          null,
          0,
          kind === 'chat' ? { delta: { role: 'assistant', content: '' } } : {},
        );
        const dropped = event.droppedMessages;
        return [dropped === 0 ? first : { ...first, dropped_messages: dropped }];
      }
      case 'text':
        return [chunk(event.text, null, event.completionTokens, { logprobs: logprobsOf(event.logprobs) })];
      case 'done': {
        const last = chunk(null, finishReasons[event.reason], event.usage.completionTokens);
        const usage = { ...chunkHead, choices: [], usage: usageBody(event.usage) };
        return asked === 'none' ? [last] : [last, usage];
      }
    }
  };

  const whole: CompletionShape['whole'] = (done, logprobs, dropped) => {
    const content =
      kind === 'text'
        ? { text: done.text }
        : { message: { role: 'assistant', content: done.text, refusal: null } };
    const choice = {
      index: 0,
      ...content,
      logprobs: logprobsOf(logprobs),
      finish_reason: finishReasons[done.reason],
    };
    const body = { id, object, created, model, choices: [choice], usage: usageBody(done.usage) };
    return dropped === 0 ? body : { ...body, dropped_messages: dropped };
  };
  return { chunks, whole };
}

function usageBody({ promptTokens, completionTokens }: Usage): object {
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
  };
}

function chatLogprob({ id, text, logprob, top }: TokenLogprob): object {
  const entry = (token: Omit<TokenLogprob, 'top'>): object => ({
    id: token.id,
    token: token.text,
    logprob: finite(token.logprob),
    // A token that is part of a character has no text, and its bytes are not known here.
    bytes: token.text.includes('\uFFFD') ? null : [...Buffer.from(token.text)],
  });
  return { ...entry({ id, text, logprob }), top_logprobs: top.map(entry) };
}

/** JSON has no infinity; -9999 is OpenAI's word for impossible. */
const finite = (logprob: number): number => Math.max(logprob, -9999);

function textLogprobs(list: readonly TokenLogprob[], offset: number): object {
  let at = offset;
  const offsets = list.map(({ text }) => {
    const start = at;
    at += text.length;
    return start;
  });
  return {
    tokens: list.map(({ text }) => text),
    token_ids: list.map(({ id }) => id),
    token_logprobs: list.map(({ logprob }) => finite(logprob)),
    top_logprobs: list.map(({ top }) =>
      Object.fromEntries(top.map(({ text, logprob }) => [text, finite(logprob)])),
    ),
    text_offset: offsets,
  };
}

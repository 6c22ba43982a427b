// A serving backend without a model: it answers with the words it is told to and can wait, fail or be slow at a chosen
// word. Used by the tests of the HTTP server and of the remote backend, which are about protocol, not about models.
import type { GenerateEvent, GenerateRequest, ServingBackend } from '../../../engine/engine.ts';

export interface ScriptedBackend extends ServingBackend {
  /** What was asked, newest last. */
  readonly requests: GenerateRequest[];
  readonly loaded: string[];
  readonly prefetched: string[];
  /** Answers begun and not ended. */
  running(): number;
  /** Words handed out so far, all answers together. */
  words(): number;
  /** Set to change the next answers. */
  script: {
    answer: string;
    /** Before each word (0 = before the first). */
    before?: (word: number, signal: AbortSignal | undefined) => Promise<void>;
    /** Instead of an answer. */
    fail?: Error;
    failLoad?: Error;
    queued?: readonly number[];
    dropped?: number;
    reason?: 'stop' | 'length' | 'deadline';
  };
}

const words = (text: string): number => text.split(/\s+/).filter((word) => word !== '').length;

export function scriptedBackend(): ScriptedBackend {
  let running = 0;
  let handedOut = 0;
  const warm = new Set<string>();
  const backend: ScriptedBackend = {
    requests: [],
    loaded: [],
    prefetched: [],
    script: { answer: 'one two three' },
    running: () => running,
    words: () => handedOut,
    contextTokens: 512,
    countPromptTokens: async (messages) => messages.reduce((sum, { content }) => sum + 2 + words(content), 1),
    async *generate(request, signal): AsyncGenerator<GenerateEvent> {
      backend.requests.push(request);
      const { answer, before, fail, queued = [], dropped = 0, reason } = backend.script;
      running += 1;
      try {
        for (const position of queued) yield { type: 'queued', position };
        if (fail !== undefined && answer === '') throw fail;
        const promptTokens =
          request.prompt === undefined
            ? await backend.countPromptTokens(request.messages)
            : typeof request.prompt === 'string'
              ? words(request.prompt)
              : request.prompt.length;
        yield { type: 'start', promptTokens, droppedMessages: dropped };
        const all = answer.split(' ');
        const list = all.slice(0, request.maxTokens);
        let text = '';
        let count = 0;
        for (const word of list) {
          await before?.(count, signal);
          if (signal?.aborted) break;
          const piece = count === 0 ? word : ` ${word}`;
          text += piece;
          count += 1;
          handedOut += 1;
          const { logprobs: wanted } = request.sampling;
          const logprob = { id: count, text: piece, logprob: -count / 8 };
          const logprobs =
            wanted === undefined ? undefined : [{ ...logprob, top: Array(wanted).fill(logprob) }];
          yield { type: 'text', text: piece, completionTokens: count, ...(logprobs && { logprobs }) };
        }
        if (fail !== undefined) throw fail;
        const end = signal?.aborted
          ? 'cancelled'
          : (reason ?? (list.length < all.length ? 'length' : 'stop'));
        yield { type: 'done', reason: end, text, usage: { promptTokens, completionTokens: count } };
      } finally {
        running -= 1;
      }
    },
    loadAdapter: async ({ dir }) => {
      if (backend.script.failLoad) throw backend.script.failLoad;
      backend.loaded.push(dir);
      warm.add(dir);
    },
    prefetchAdapter: ({ dir }) => {
      backend.prefetched.push(dir);
      warm.add(dir);
    },
    adapterState: async ({ dir }) => (warm.has(dir) ? 'warm' : 'cold'),
    close: async () => {},
  };
  return backend;
}

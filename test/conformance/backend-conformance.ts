// What every serving backend does alike, this machine's or another one's. Run on the local engine, on our HTTP server
// through the remote backend, and on stand-ins of vLLM, SGLang and llama.cpp's server. It knows no backend: where words
// and ids differ, relations are checked (the pieces are the text, the same question twice is the same answer).
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type {
  AdapterRef,
  ChatMessage,
  GenerateEvent,
  GenerateRequest,
  ServingBackend,
} from '../../engine/engine.ts';

export interface BackendUnderTest {
  readonly backend: ServingBackend;
  readonly adapter: AdapterRef;
  /** Adapters are loaded when asked for; false where the server has them from its start. */
  readonly startsCold: boolean;
  /** Answers under way at the server; undefined where it cannot be seen. */
  readonly running?: () => number;
  /** A backend of the same kind, to be closed by the test. */
  readonly another: () => Promise<ServingBackend>;
  readonly stop: () => Promise<void>;
}

export const user = (content: string): ChatMessage => ({ role: 'user', content });

export const greedy = (overrides: Partial<GenerateRequest> = {}): GenerateRequest => ({
  messages: [user('hi')],
  maxTokens: 12,
  sampling: { temperature: 0 },
  ...overrides,
});

export async function eventsOf(
  backend: ServingBackend,
  request: GenerateRequest,
  signal?: AbortSignal,
): Promise<readonly GenerateEvent[]> {
  const events: GenerateEvent[] = [];
  for await (const event of backend.generate(request, signal)) events.push(event);
  return events;
}

type Done = Extract<GenerateEvent, { type: 'done' }>;

export function doneOf(events: readonly GenerateEvent[]): Done {
  const done = events.at(-1);
  if (done?.type !== 'done') throw new Error('the last event is not done');
  return done;
}

export function backendConformance(name: string, start: () => Promise<BackendUnderTest>): void {
  describe(`${name} as a serving backend`, () => {
    let tested: BackendUnderTest;
    let backend: ServingBackend;
    beforeAll(async () => {
      tested = await start();
      backend = tested.backend;
    });
    afterAll(() => tested?.stop());
    const textOf = async (request: GenerateRequest) => doneOf(await eventsOf(backend, request)).text;

    it('streams start, text and one done; pieces, text and usage agree', async () => {
      const events = await eventsOf(backend, greedy());
      const kinds = events.map(({ type }) => type);
      expect(kinds[0]).toBe('start');
      expect(kinds.filter((kind) => kind === 'done')).toEqual(['done']);
      expect(new Set(kinds)).toEqual(new Set(['start', 'text', 'done']));
      const pieces = events.filter((event) => event.type === 'text');
      const { text, usage } = doneOf(events);
      expect(pieces.map((piece) => piece.text).join('')).toBe(text);
      const counts = pieces.map(({ completionTokens }) => completionTokens);
      expect(counts).toEqual(counts.toSorted((a, b) => a - b));
      expect(counts.at(-1)).toBeLessThanOrEqual(usage.completionTokens);
      expect(events[0]).toEqual({ type: 'start', promptTokens: usage.promptTokens, droppedMessages: 0 });
    });

    it('greedy is the same answer twice, and eight at the same time are each as alone', async () => {
      const questions = Array.from({ length: 8 }, (_, index) =>
        greedy({ messages: [user(`question ${index}`)] }),
      );
      const alone: string[] = [];
      for (const question of questions) alone.push(await textOf(question));
      expect(await Promise.all(questions.map(textOf))).toEqual(alone);
    });

    it('counts a prompt as it is metered', async () => {
      const messages: readonly ChatMessage[] = [
        { role: 'system', content: 'be brief' },
        user('one two'),
        { role: 'assistant', content: 'three' },
        user('four'),
      ];
      const { usage } = doneOf(await eventsOf(backend, greedy({ messages })));
      expect(await backend.countPromptTokens(messages)).toBe(usage.promptTokens);
    });

    it('3 tokens at most are 3 tokens and reason length', async () => {
      const { reason, usage } = doneOf(await eventsOf(backend, greedy({ maxTokens: 3 })));
      expect([reason, usage.completionTokens]).toEqual(['length', 3]);
    });

    it('ends before a stop string and shows no part of it', async () => {
      const whole = await textOf(greedy({ maxTokens: 30 }));
      const stop = whole.slice(4, 6);
      const request = greedy({ maxTokens: 30, sampling: { temperature: 0, stop: ['never written', stop] } });
      const events = await eventsOf(backend, request);
      const shown = events.flatMap((event) => (event.type === 'text' ? [event.text] : [])).join('');
      const expected = whole.slice(0, whole.indexOf(stop));
      expect([shown, doneOf(events).text, doneOf(events).reason]).toEqual([expected, expected, 'stop']);
    });

    it('tells the log-probability of every token and of the 2 likeliest', async () => {
      const request = greedy({ sampling: { temperature: 0, logprobs: 2 } });
      const events = await eventsOf(backend, request);
      const tokens = events.flatMap((event) => (event.type === 'text' ? (event.logprobs ?? []) : []));
      const { usage, text } = doneOf(events);
      expect(tokens.length).toBe(usage.completionTokens);
      expect(text).toBe(await textOf(greedy()));
      for (const { id, logprob, top } of tokens) {
        expect(id).toBeGreaterThanOrEqual(0);
        expect(logprob).toBeLessThanOrEqual(0);
        expect(top.length).toBe(2);
        expect(Math.max(...top.map((other) => other.logprob))).toBeCloseTo(logprob, 5); // greedy: it is the likeliest
      }
    });

    it('the same seed draws the same tokens', async () => {
      const drawn = greedy({ sampling: { temperature: 1, topK: 30, topP: 0.95, minP: 0.01, seed: 11 } });
      expect(await textOf(drawn)).toBe(await textOf(drawn));
    });

    it('continues a bare text or ids without the chat template', async () => {
      const bare = (prompt: string | readonly number[]) => greedy({ messages: [], prompt });
      const text = doneOf(await eventsOf(backend, bare('once upon a time')));
      expect(text.text).not.toBe(await textOf(greedy({ messages: [user('once upon a time')] })));
      const ids = doneOf(await eventsOf(backend, bare([9, 10, 11])));
      expect(ids.usage.promptTokens).toBe(3);
    });

    it('cold until loaded, then warm; loading twice is no fault', async () => {
      const { adapter, startsCold } = tested;
      expect(await backend.adapterState(adapter)).toBe(startsCold ? 'cold' : 'warm');
      await Promise.all([backend.loadAdapter(adapter), backend.loadAdapter(adapter)]);
      await backend.loadAdapter(adapter);
      expect(await backend.adapterState(adapter)).toBe('warm');
    });

    it('an adapter changes the answer, and only that of its own request', async () => {
      const { adapter } = tested;
      const base = await textOf(greedy());
      const adapted = await textOf(greedy({ adapter }));
      expect(adapted).not.toBe(base);
      expect(await Promise.all([textOf(greedy()), textOf(greedy({ adapter })), textOf(greedy())])).toEqual([
        base,
        adapted,
        base,
      ]);
    });

    it('an adapter that is nowhere is refused with its name, and the next answer comes', async () => {
      const nowhere = { id: 'nowhere', dir: '/no/such/folder' };
      await expect(backend.loadAdapter(nowhere)).rejects.toMatchObject({
        name: 'EngineError',
        retry: 'never',
      });
      await expect(eventsOf(backend, greedy({ adapter: nowhere }))).rejects.toMatchObject({ retry: 'never' });
      backend.prefetchAdapter(nowhere);
      expect(await textOf(greedy())).not.toBe('');
    });

    it('drops the oldest turns of a conversation that does not fit, never the system prompt', async () => {
      const long = 'word '.repeat(Math.ceil(backend.contextTokens / 12));
      const turns = Array.from({ length: 20 }, (): readonly ChatMessage[] => [
        user(long),
        { role: 'assistant', content: 'yes' },
      ]).flat();
      const [start, ...rest] = await eventsOf(
        backend,
        greedy({ messages: [{ role: 'system', content: 'sys' }, ...turns, user('last')] }),
      );
      if (start.type !== 'start') throw new Error('no start');
      expect(start.droppedMessages).toBeGreaterThan(0);
      expect(start.droppedMessages % 2).toBe(0);
      expect(start.promptTokens).toBeLessThan(backend.contextTokens);
      expect(doneOf(rest).text).not.toBe('');
    });

    it('refuses a last turn that does not fit alone', async () => {
      const messages = [user('first'), user('x '.repeat(backend.contextTokens * 2))];
      await expect(eventsOf(backend, greedy({ messages }))).rejects.toMatchObject({
        code: 'prompt_too_long',
        retry: 'never',
      });
    });

    it('aborting ends with done: cancelled and the text so far', async () => {
      const stop = new AbortController();
      let text = '';
      let done: GenerateEvent | undefined;
      for await (const event of backend.generate(greedy({ maxTokens: 100 }), stop.signal)) {
        if (event.type === 'text') {
          text += event.text;
          stop.abort();
        }
        done = event;
      }
      expect(done).toMatchObject({ type: 'done', reason: 'cancelled', text });
      expect(text).not.toBe('');
    });

    it('aborted before it begins: cancelled, nothing made', async () => {
      const [only, ...more] = await eventsOf(backend, greedy(), AbortSignal.abort());
      expect(only).toMatchObject({ type: 'done', reason: 'cancelled', text: '' });
      expect(more).toEqual([]);
    });

    it('a deadline that passes: what was made so far, or deadline_exceeded', async () => {
      const ended = eventsOf(backend, greedy({ maxTokens: 100, deadlineMs: 1 })).then(
        (events) => doneOf(events).reason,
        (error: { readonly code?: string }) => error.code,
      );
      expect(['deadline', 'deadline_exceeded']).toContain(await ended);
    });

    it('leaving the loop ends the work', async () => {
      for await (const event of backend.generate(greedy({ maxTokens: 100 })))
        if (event.type === 'text') break;
      const { running } = tested;
      if (running !== undefined) await expect.poll(running).toBe(0);
      expect(await textOf(greedy())).toBe(await textOf(greedy()));
    });

    it('a closed backend refuses', async () => {
      const other = await tested.another();
      await other.close();
      await expect(eventsOf(other, greedy())).rejects.toMatchObject({ code: 'engine_closed' });
    });
  });
}

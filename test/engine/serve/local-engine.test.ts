// The whole engine on a random model: what it answers makes no sense, how it answers is checked.
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ChatMessage, Engine, Example, GenerateEvent, GenerateRequest } from '../../../engine/engine.ts';
import { crashWorkerForTest, createLocalEngine } from '../../../engine/serve/local-engine.ts';
import { type TinyFolders, writeTinyFolders } from './tiny-model-folder.ts';

let folders: TinyFolders;
let engine: Engine;
const lines: string[] = [];
const told: string[] = [];
beforeAll(async () => {
  folders = writeTinyFolders();
  engine = await createLocalEngine({
    baseDir: folders.model,
    device: 'cpu',
    log: (line) => lines.push(line),
    inform: (line) => told.push(line),
  });
});
afterAll(async () => {
  await engine.close();
  rmSync(folders.root, { recursive: true });
});

const user = (content: string): ChatMessage => ({ role: 'user', content });
const request = (overrides: Partial<GenerateRequest> = {}): GenerateRequest => ({
  messages: [user('hi')],
  maxTokens: 20,
  sampling: { temperature: 1, seed: 1 },
  ...overrides,
});

async function collect(made: GenerateRequest, signal?: AbortSignal): Promise<readonly GenerateEvent[]> {
  const events: GenerateEvent[] = [];
  for await (const event of engine.generate(made, signal)) events.push(event);
  return events;
}

const examples: readonly Example[] = Array.from({ length: 6 }, (_, index) => ({
  id: `c${index}`,
  question: `q${index}?`,
  answer: `a${index}.`,
}));

describe('local engine', () => {
  it('streams start, text and one done whose text and usage are those of the stream', async () => {
    const events = await collect(request());
    const pieces = events.flatMap((event) => (event.type === 'text' ? [event.text] : []));
    // <|user|> h i <|end|> <|assistant|>
    expect(events[0]).toEqual({ type: 'start', promptTokens: 5, droppedMessages: 0 });
    const done = events.at(-1);
    if (done?.type !== 'done') throw new Error('no done');
    expect(done.text).toBe(pieces.join(''));
    expect(done.usage.promptTokens).toBe(5);
    expect(events.filter((event) => event.type === 'done').length).toBe(1);
    expect(await collect(request())).toEqual(events);
    expect(await collect(request({ sampling: { temperature: 1, seed: 2 } }))).not.toEqual(events);
  });

  it('counts prompt tokens as generate does, and a text far too long at once', async () => {
    expect(await engine.countPromptTokens([user('hi')])).toBe(5);
    expect(await engine.countPromptTokens([user('x'.repeat(100_000))])).toBeGreaterThan(engine.contextTokens);
  });

  it('typed special tokens are no tokens', async () => {
    expect(await engine.countPromptTokens([user('hi<|end|><|system|>')])).toBe(5);
  });

  it('drops the oldest turns of a long conversation and says how many', async () => {
    const answer: ChatMessage = { role: 'assistant', content: 'y'.repeat(40) };
    const messages: ChatMessage[] = [
      { role: 'system', content: 'sys' },
      user('x'.repeat(40)),
      answer,
      user('z'.repeat(40)),
      answer,
      user('last'),
    ];
    const [start] = await collect(request({ messages }));
    expect(start).toMatchObject({ type: 'start', droppedMessages: 2 });
  });

  it('refuses a last turn that alone does not fit, with both numbers', async () => {
    const messages = [user('first'), { role: 'assistant', content: 'yes' } as const, user('x'.repeat(150))];
    await expect(collect(request({ messages }))).rejects.toMatchObject({
      code: 'prompt_too_long',
      retry: 'never',
      message: 'the message has 153 tokens; at most 140 fit',
    });
    await expect(collect(request({ messages: [user('x'.repeat(100_000))] }))).rejects.toMatchObject({
      code: 'prompt_too_long',
    });
  });

  it('tells in one line what serves', () => {
    expect(told.length).toBe(1);
    expect(told[0]).toMatch(
      /^serving on cpu \(.+\): int8 weights, 16 rows of 160 tokens, cache (in_place|native_reuse|plain), \d+ MiB$/,
    );
  });

  it('an answer ends before its stop string, and is the same up to there', async () => {
    const whole = (await collect(request())).at(-1);
    if (whole?.type !== 'done') throw new Error('no done');
    const stop = [...whole.text].slice(4, 6).join('');
    const done = (await collect(request({ sampling: { temperature: 1, seed: 1, stop: [stop] } }))).at(-1);
    expect(done).toMatchObject({ reason: 'stop', text: whole.text.slice(0, whole.text.indexOf(stop)) });
  });

  it('gives log-probabilities with the text where asked, one for each token', async () => {
    const events = await collect(request({ sampling: { temperature: 1, seed: 1, logprobs: 2 } }));
    const logprobs = events.flatMap((event) => (event.type === 'text' ? (event.logprobs ?? []) : []));
    const done = events.at(-1);
    expect(done).toMatchObject({ usage: { completionTokens: logprobs.length } });
    expect(logprobs.every(({ top, logprob }) => top.length === 2 && logprob <= top[0].logprob)).toBe(true);
    const plain = (await collect(request())).at(-1);
    expect(plain).toEqual(done);
  });

  it('refuses a request whose deadline has passed with retry safe', async () => {
    await expect(collect(request({ deadlineMs: 0 }))).rejects.toMatchObject({
      code: 'deadline_exceeded',
      retry: 'safe',
    });
  });

  it('says where an adapter is: cold, then warm', async () => {
    const adapter = { id: 'seen', dir: folders.adapter };
    expect(await engine.adapterState(adapter)).toBe('cold');
    engine.prefetchAdapter(adapter);
    engine.prefetchAdapter({ id: 'gone', dir: '/nowhere' });
    for (let turn = 0; turn < 500 && (await engine.adapterState(adapter)) !== 'warm'; turn++)
      await new Promise((resolve) => setTimeout(resolve, 5));
    expect(await engine.adapterState(adapter)).toBe('warm');
    await expect(engine.loadAdapter({ id: 'gone', dir: '/nowhere' })).rejects.toMatchObject({
      code: 'file_unreadable',
    });
    expect(await engine.adapterState({ id: 'gone', dir: '/nowhere' })).toBe('cold');
  });

  it('tells who waits its position, and answers 30 requests on 2 rows as alone', async () => {
    const small = await createLocalEngine({ baseDir: folders.model, device: 'cpu', rowsMax: 2 });
    const expected = await collect(request());
    const positions: number[] = [];
    await Promise.all(
      Array.from({ length: 30 }, async () => {
        const events: GenerateEvent[] = [];
        for await (const event of small.generate(request())) {
          if (event.type === 'queued') positions.push(event.position);
          else events.push(event);
        }
        expect(events).toEqual(expected);
      }),
    );
    expect(Math.max(...positions)).toBeGreaterThan(1);
    expect(Math.min(...positions)).toBe(1);
    await small.close();
  });

  it('a memory ceiling that is too low is refused at the start', async () => {
    const opening = createLocalEngine({ baseDir: folders.model, device: 'cpu', memoryBytesMax: 100_000 });
    await expect(opening).rejects.toMatchObject({ code: 'memory_too_small', retry: 'never' });
  });

  it('an aborted answer ends with done: cancelled and what was made so far', async () => {
    const stop = new AbortController();
    let text = '';
    let done: GenerateEvent | undefined;
    for await (const event of engine.generate(request({ maxTokens: 120 }), stop.signal)) {
      if (event.type === 'text') {
        text += event.text;
        stop.abort();
      }
      done = event;
    }
    expect(done).toMatchObject({ type: 'done', reason: 'cancelled', text });
  });

  it('a dead worker fails the answer with retry safe and is replaced; training or the next answer never notice', async () => {
    const under = collect(request({ maxTokens: 120 }));
    const failed = expect(under).rejects.toMatchObject({ code: 'worker_died', retry: 'safe' });
    await crashWorkerForTest(engine);
    await failed;
    expect(lines).toEqual([
      'the serving worker died and is replaced: Error: the serving worker was told to crash',
    ]);
    expect((await collect(request())).at(-1)?.type).toBe('done');
  });

  it('trains an adapter that serving loads, evaluates it, and attributes its answers', async () => {
    const outDir = join(folders.root, 'trained');
    const steps: number[] = [];
    const trained = await engine.train(
      { outDir, examples, seed: 1, recipe: { epochs: 2, stepsMin: 1, batch: 3, rank: 2 } },
      ({ step }) => steps.push(step),
    );
    expect(steps).toEqual([1, 2, 3, 4]);
    expect(existsSync(join(outDir, 'adapter_model.safetensors'))).toBe(true);
    await engine.loadAdapter(trained.adapter);
    const { adapter } = trained;

    const items = examples.slice(0, 2).map(({ question, answer }) => ({ question, expected: answer }));
    const progress: number[] = [];
    const report = await engine.evaluate({ adapter, items }, (done) => progress.push(done));
    expect([report.total, report.answers.length, progress.at(-1)]).toEqual([2, 2, 2]);

    const storeDir = join(folders.root, 'store');
    const decoys = examples.map(({ id, ...rest }) => ({ ...rest, id: `d${id}`, question: `other ${id}?` }));
    const { storeHash } = await engine.buildStore({ adapter, storeDir, examples, decoys });
    const shares = await engine.attribute({ adapter, storeDir, messages: [user('q1?')], answer: 'a1.' });
    expect(shares.storeHash).toBe(storeHash);
    expect(shares.shares.reduce((sum, { share }) => sum + share, 0)).toBeLessThanOrEqual(1 + 1e-9);
  });

  it('builds the span index of examples and says in which of them words of an answer stand', async () => {
    const indexDir = join(folders.root, 'spans');
    const told = examples.map((example) => ({ ...example, answer: `word${example.id} stands here alone` }));
    const { indexHash } = await engine.buildSpanIndex({ indexDir, examples: told });
    expect(indexHash).toMatch(/^[0-9a-f]{64}$/);
    const text = 'see: Wordc3 stands here!';
    const spans = await engine.findSpans({ indexDir, text, spansMax: 3, examplesMax: 3 });
    expect(spans).toMatchObject([{ text: 'Wordc3 stands here', start: 5, count: 1, exampleIds: ['c3'] }]);
    const hidden = await engine.findSpans({ indexDir, text, spansMax: 3, examplesMax: 3, hiddenIds: ['c3'] });
    expect(hidden.flatMap(({ exampleIds }) => exampleIds)).not.toContain('c3');
  });

  it('a closed engine refuses', async () => {
    const other = await createLocalEngine({ baseDir: folders.model });
    await other.close();
    await expect(other.generate(request())[Symbol.asyncIterator]().next()).rejects.toMatchObject({
      code: 'engine_closed',
    });
  });
});

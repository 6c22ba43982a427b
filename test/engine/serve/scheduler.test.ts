// Several answers at once, step by step: order, limits, cancelling.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EngineError } from '../../../engine/errors.ts';
import { createScheduler, type SchedulerOptions } from '../../../engine/serve/scheduler.ts';
import type { TokenEvent, TokenRequest } from '../../../engine/serve/serve-protocol.ts';
import { createServeSession, type ServeSession } from '../../../engine/serve/serve-session.ts';
import { randomIds, randomLoraRows, randomWeights, tinyConfig } from './tiny-llama.ts';

let session: ServeSession;
beforeAll(async () => {
  session = await createServeSession({ config: tinyConfig, weights: randomWeights(tinyConfig) });
});
afterAll(() => session.release());

const adapters = new Map(
  ['a', 'b'].map((id, seed) => [id, randomLoraRows(tinyConfig, 2 + seed, { seed: 10 + seed })]),
);

function request(overrides: Partial<TokenRequest> = {}): TokenRequest {
  return {
    promptIds: randomIds(tinyConfig, 10),
    maxTokens: 12,
    stopIds: [],
    temperature: 0,
    seed: 1,
    ...overrides,
  };
}

/** A scheduler whose calls can be awaited; `order` is the sequence of all events. */
function harness(options: Partial<SchedulerOptions> = {}) {
  const order: { call: number; event: TokenEvent }[] = [];
  const ends = new Map<number, PromiseWithResolvers<void>>();
  let next = 1;
  const scheduler = createScheduler({
    session,
    activeMax: 4,
    queueMax: 8,
    loadAdapter: ({ id }) => {
      const rows = adapters.get(id);
      if (rows === undefined)
        throw new EngineError(`no adapter ${id}`, { code: 'file_unreadable', retry: 'never' });
      return rows;
    },
    onEvent: (call, event) => {
      order.push({ call, event });
      if (event.type === 'done') ends.get(call)?.resolve();
    },
    onFailure: (call, error) => ends.get(call)?.reject(error),
    ...options,
  });
  const start = (made: TokenRequest) => {
    const call = next++;
    const end = Promise.withResolvers<void>();
    ends.set(call, end);
    scheduler.submit(call, made);
    const tokens = (): readonly number[] =>
      order.flatMap(({ call: of, event }) => (of === call && event.type === 'token' ? [event.id] : []));
    const reason = (): string | undefined =>
      order.flatMap(({ call: of, event }) => (of === call && event.type === 'done' ? [event.reason] : []))[0];
    return { call, tokens, reason, ended: end.promise };
  };
  return { scheduler, order, start };
}

async function alone(made: TokenRequest): Promise<readonly number[]> {
  const { start } = harness();
  const job = start(made);
  await job.ended;
  return job.tokens();
}

describe('scheduler', () => {
  it('gives 6 interleaved requests with 3 adapters exactly the tokens they get alone', async () => {
    const requests = Array.from({ length: 6 }, (_, index) =>
      request({
        promptIds: randomIds(tinyConfig, 5 + 23 * index, index),
        maxTokens: 8 + 3 * index,
        temperature: index % 2,
        seed: index,
        adapter: [undefined, { id: 'a', dir: 'a' }, { id: 'b', dir: 'b' }][index % 3],
      }),
    );
    const expected: (readonly number[])[] = [];
    for (const made of requests) expected.push(await alone(made));
    const { start, order } = harness();
    const jobs = requests.map(start);
    await Promise.all(jobs.map((job) => job.ended));
    expect(jobs.map((job) => job.tokens())).toEqual(expected);
    expect(new Set(expected.map((ids) => ids.join())).size).toBe(6);
    const firstDone = order.findIndex(({ event }) => event.type === 'done');
    const begun = new Set(order.slice(0, firstDone).map(({ call }) => call));
    expect(begun.size).toBeGreaterThanOrEqual(3);
  });

  it('lets a short request overtake a long one', async () => {
    const { start, order } = harness();
    const long = start(request({ maxTokens: 100 }));
    const short = start(request({ maxTokens: 3 }));
    await Promise.all([long.ended, short.ended]);
    const done = order.filter(({ event }) => event.type === 'done').map(({ call }) => call);
    expect(done).toEqual([short.call, long.call]);
  });

  it('reports start with the prompt tokens, each token, then one done', async () => {
    const { start, order } = harness();
    await start(request({ maxTokens: 2 })).ended;
    expect(order.map(({ event }) => event)).toEqual([
      { type: 'start', promptTokens: 10 },
      { type: 'token', id: expect.any(Number) },
      { type: 'token', id: expect.any(Number) },
      { type: 'done', reason: 'length' },
    ]);
  });

  it('stops before a stop id and does not report it', async () => {
    const free = await alone(request());
    const stopIds = [free[4]];
    const { start } = harness();
    const job = start(request({ stopIds }));
    await job.ended;
    expect(job.tokens()).toEqual(free.slice(0, free.indexOf(free[4])));
    expect(job.reason()).toBe('stop');
  });

  it('ends at the context with reason length', async () => {
    const { start } = harness();
    const job = start(request({ promptIds: randomIds(tinyConfig, 150), maxTokens: 1000 }));
    await job.ended;
    expect(job.tokens().length).toBe(tinyConfig.maxSeq - 150);
    expect(job.reason()).toBe('length');
  });

  it('cancels a running and a waiting request, and the others finish unchanged', async () => {
    const expected = await alone(request({ maxTokens: 40 }));
    const { start, scheduler } = harness({ activeMax: 2 });
    const kept = start(request({ maxTokens: 40 }));
    const running = start(request({ maxTokens: 40 }));
    const waiting = start(request({ maxTokens: 40 }));
    scheduler.cancel(waiting.call);
    setImmediate(() => scheduler.cancel(running.call));
    await Promise.all([kept.ended, running.ended, waiting.ended]);
    expect([kept.reason(), running.reason(), waiting.reason()]).toEqual(['length', 'cancelled', 'cancelled']);
    expect(kept.tokens()).toEqual(expected);
    expect(running.tokens().length).toBeLessThan(40);
    expect(waiting.tokens()).toEqual([]);
    scheduler.cancel(kept.call);
    scheduler.cancel(999);
  });

  it('refuses what exceeds the queue with engine_busy and a time to wait', async () => {
    const { start } = harness({ activeMax: 1, queueMax: 1 });
    const jobs = [start(request({ maxTokens: 2 }))];
    await new Promise((resolve) => setImmediate(resolve));
    jobs.push(start(request({ maxTokens: 2 })));
    expect(() => start(request())).toThrow(
      expect.objectContaining({ code: 'engine_busy', retry: 'after', retryAfterMs: 2000 }),
    );
    await Promise.all(jobs.map((job) => job.ended));
    await start(request({ maxTokens: 2 })).ended;
  });

  it('fails one request whose step fails and leaves the others alone', async () => {
    const expected = await alone(request());
    let steps = 0;
    const faulty: ServeSession = {
      ...session,
      step: (input) => (++steps === 4 ? Promise.reject(new Error('a kernel failed')) : session.step(input)),
    };
    const { start } = harness({ session: faulty });
    const [first, second] = [start(request()), start(request())];
    await expect(second.ended).rejects.toThrow('a kernel failed');
    await first.ended;
    expect(first.tokens()).toEqual(expected);
  });

  it.each([
    [{ promptIds: [] }, 'prompt_empty'],
    [{ promptIds: randomIds(tinyConfig, 160) }, 'prompt_too_long'],
    [{ maxTokens: 0 }, 'sampling_invalid'],
    [{ temperature: -1 }, 'sampling_invalid'],
    [{ adapter: { id: 'gone', dir: 'gone' } }, 'file_unreadable'],
  ])('refuses %o with %s', (overrides, code) => {
    expect(() => harness().start(request(overrides))).toThrow(expect.objectContaining({ code }));
  });
});

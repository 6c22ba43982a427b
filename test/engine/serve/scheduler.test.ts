// Continuous batching on a fake session: order, turns, limits, deadlines, cancelling, failures. That a real model
// answers the same in any batch is batch-invariance.test.ts.
import { describe, expect, it } from 'vitest';
import { createPrefixStore } from '../../../engine/serve/prefix-store.ts';
import { fakeSession } from './fake-session.ts';
import { alone, harness, request, starts } from './scheduler-harness.ts';
import { randomIds, tinyConfig } from './tiny-llama.ts';

describe('scheduler: rounds', () => {
  it('never takes a row too many: 4 requests that come while another gets its adapter wait for a place', async () => {
    const { start, scheduler } = harness({ session: fakeSession({ rowsMax: 4 }) });
    const jobs = [start(request())];
    for (let turn = 0; turn < 20; turn++) await Promise.resolve(); // the first is out of the queue, its row not set
    for (let seed = 2; seed < 6; seed++) jobs.push(start(request({ seed })));
    expect(scheduler.stats()).toMatchObject({ queued: 1, rowsHeld: 4 });
    await Promise.all(jobs.map((job) => job.ended));
    expect(jobs.map((job) => job.tokens().length)).toEqual([12, 12, 12, 12, 12]);
    expect(scheduler.stats()).toEqual({
      queued: 0,
      admitted: 0,
      reading: 0,
      writing: 0,
      rowsHeld: 0,
      tokensHeld: 0,
    });
  });

  it('writes 16 answers in one step each, and reads a prompt of 100 tokens in pieces between the steps', async () => {
    const session = fakeSession({ rowsMax: 17 });
    const { start } = harness({ session });
    const jobs = Array.from({ length: 16 }, (_, seed) =>
      start(request({ promptIds: randomIds(tinyConfig, 2, seed), maxTokens: 60 })),
    );
    while (!session.steps.includes('decode 16')) await new Promise(setImmediate);
    jobs.push(start(request({ promptIds: randomIds(tinyConfig, 100) })));
    await Promise.all(jobs.map((job) => job.ended));
    const joined = session.steps.slice(session.steps.findIndex((step) => step.startsWith('prefill 16')));
    expect(joined.slice(0, 9)).toEqual([
      'prefill 16 0+32',
      'decode 16',
      'prefill 16 32+32',
      'decode 16',
      'prefill 16 64+32',
      'decode 16',
      'prefill 16 96+4',
      'decode 17',
      'decode 17',
    ]);
  });

  it('reads several short prompts in one round, up to the tokens of a piece', async () => {
    const session = fakeSession({ rowsMax: 8 });
    const { start } = harness({ session });
    const jobs = Array.from({ length: 4 }, (_, seed) =>
      start(request({ promptIds: randomIds(tinyConfig, 10, seed) })),
    );
    await Promise.all(jobs.map((job) => job.ended));
    expect(session.steps.slice(0, 6)).toEqual([
      'prefill 0 0+10',
      'prefill 1 0+10',
      'prefill 2 0+10',
      'prefill 3 0+2',
      'decode 3',
      'prefill 3 2+8',
    ]);
  });

  it('gives every request the tokens it gets alone, and leaves no row behind, with 40 requests on 4 rows', async () => {
    const requests = Array.from({ length: 40 }, (_, index) =>
      request({
        promptIds: randomIds(tinyConfig, 1 + ((index * 13) % 90), index),
        maxTokens: 1 + ((index * 7) % 30),
        temperature: index % 2,
        seed: index,
        adapter: index % 3 === 0 ? undefined : { id: `a${index % 3}`, dir: '' },
      }),
    );
    const expected: (readonly number[])[] = [];
    for (const made of requests) expected.push(await alone(made));
    const { start, scheduler } = harness();
    const jobs = requests.map(start);
    await Promise.all(jobs.map((job) => job.ended));
    expect(jobs.map((job) => job.tokens())).toEqual(expected);
    expect(scheduler.idle()).toBe(true);
  });

  it('reports start with the prompt tokens, each token, then one done', async () => {
    const { start } = harness();
    const job = start(request({ maxTokens: 2 }));
    await job.ended;
    expect(job.events()).toEqual([
      { type: 'start', promptTokens: 10 },
      { type: 'token', id: expect.any(Number) },
      { type: 'token', id: expect.any(Number) },
      { type: 'done', reason: 'length' },
    ]);
  });

  it('reports the log-probability of each token and of the 3 likeliest', async () => {
    const { start } = harness();
    const job = start(request({ maxTokens: 5, logprobs: 3, temperature: 1.5 }));
    await job.ended;
    const likelihoods = job.events().flatMap((event) => (event.type === 'token' ? [event.likelihood] : []));
    expect(likelihoods.length).toBe(5);
    for (const likelihood of likelihoods) {
      expect(likelihood?.top.length).toBe(3);
      expect(likelihood?.top[0][1]).toBeLessThan(0);
      expect(likelihood?.logprob).toBeLessThanOrEqual(likelihood?.top[0][1] ?? Number.NaN);
    }
    expect(job.tokens()).toEqual(await alone(request({ maxTokens: 5, temperature: 1.5 })));
  });

  it('reads only what no earlier prompt began with, and not at all differently', async () => {
    const first = { promptIds: randomIds(tinyConfig, 60), maxTokens: 10 };
    const plain = harness();
    const answer = plain.start(request(first));
    await answer.ended;
    // The next turn of the conversation: the prompt, the answer, a new message.
    const second = { promptIds: [...first.promptIds, ...answer.tokens(), ...randomIds(tinyConfig, 9, 4)] };
    const expected = await alone(request(second));
    const { start, session } = harness({ prefixes: createPrefixStore(1, 1000) });
    await start(request(first)).ended;
    const next = start(request(second));
    await next.ended;
    expect(session.steps.filter((step) => step.startsWith('prefill'))).toEqual([
      'prefill 0 0+32',
      'prefill 0 32+28',
      'prefill 0 60+19',
    ]);
    expect(next.tokens()).toEqual(expected);
    const adapted = start(request({ ...second, adapter: { id: 'a', dir: '' } }));
    await adapted.ended;
    expect(session.steps.filter((step) => step.startsWith('prefill'))[3]).toBe('prefill 0 0+32');
  });

  it('stops before a stop id and does not report it', async () => {
    const free = await alone(request());
    const { start } = harness();
    const job = start(request({ stopIds: [free[4]] }));
    await job.ended;
    expect(job.tokens()).toEqual(free.slice(0, free.indexOf(free[4])));
    expect(job.reason()).toBe('stop');
  });

  it('ends at the context with reason length', async () => {
    const { start } = harness();
    const job = start(request({ promptIds: randomIds(tinyConfig, 150), maxTokens: 1000 }));
    await job.ended;
    expect(job.tokens().length).toBe(10);
    expect(job.reason()).toBe('length');
  });

  it('scores a text beside answers, a value for each token after the first', async () => {
    const { start, score } = harness();
    const ids = randomIds(tinyConfig, 100, 7);
    const first = score(ids);
    await first.ended;
    const jobs = [start(request({ maxTokens: 30 })), start(request({ maxTokens: 30 }))];
    const [second, single, adapted] = [score(ids), score([5]), score(ids, { id: 'a', dir: '' })];
    await Promise.all([...jobs, second, single, adapted].map((job) => job.ended));
    expect(first.nll()?.length).toBe(99);
    expect(second.nll()).toEqual(first.nll());
    expect(single.nll()).toEqual([]);
    expect(adapted.nll()).not.toEqual(first.nll());
  });
});

describe('scheduler: queue', () => {
  it('a flood of 100 from one key delays the request of another key by at most one turn', async () => {
    const session = fakeSession({ rowsMax: 1 });
    const { start, log } = harness({ session });
    const flood = Array.from({ length: 100 }, () => start(request({ fairnessKey: 'flood', maxTokens: 2 })));
    await flood[0].ended;
    const before = starts(log).length;
    const other = start(request({ fairnessKey: 'other', maxTokens: 2 }));
    await other.ended;
    expect(other.positions()[0]).toBeLessThanOrEqual(2);
    expect(starts(log).indexOf(other.call)).toBeLessThanOrEqual(before + 2);
    await Promise.all(flood.map((job) => job.ended));
  });

  it('serves within a key in order, and keys in turn', async () => {
    const session = fakeSession({ rowsMax: 1 });
    const { start, log } = harness({ session });
    const keys = ['a', 'a', 'a', 'b', 'b', 'c'];
    const jobs = keys.map((fairnessKey) => start(request({ fairnessKey, maxTokens: 2 })));
    await Promise.all(jobs.map((job) => job.ended));
    // The first of a had the free row at once; then the line was a, b, c.
    expect(starts(log).map((call) => keys[call - 1])).toEqual(['a', 'a', 'b', 'c', 'a', 'b']);
    expect(starts(log).filter((call) => keys[call - 1] === 'a')).toEqual([1, 2, 3]);
  });

  it('tells the position at once and whenever it changes, and nothing to whom need not wait', async () => {
    const session = fakeSession({ rowsMax: 1 });
    const { start } = harness({ session });
    const jobs = [1, 2, 3, 4].map((seed) => start(request({ seed, maxTokens: 2 })));
    expect(jobs.map((job) => job.positions())).toEqual([[], [1], [2], [3]]);
    await Promise.all(jobs.map((job) => job.ended));
    expect(jobs.map((job) => job.positions())).toEqual([[], [1], [2, 1], [3, 2, 1]]);
    expect(jobs[3].events()[3].type).toBe('start');
  });

  it('admits no more tokens than tokensMax at a time, but one request always', async () => {
    const session = fakeSession({ rowsMax: 8 });
    const { start } = harness({ session, tokensMax: 50 });
    const jobs = [
      ...Array.from({ length: 6 }, (_, seed) => start(request({ seed, maxTokens: 10 }))), // 20 tokens each
      start(request({ maxTokens: 80 })),
    ];
    await Promise.all(jobs.map((job) => job.ended));
    const rows = session.steps.flatMap((step) => (step.startsWith('decode') ? [Number(step.slice(7))] : []));
    expect(Math.max(...rows)).toBe(2);
    expect(jobs[6].tokens().length).toBe(80);
  });

  it('refuses what exceeds the queue with engine_busy and a time to wait', async () => {
    const { start } = harness({ session: fakeSession({ rowsMax: 1 }), queueMax: 1 });
    const jobs = [start(request({ maxTokens: 2 })), start(request({ maxTokens: 2 }))];
    expect(() => start(request())).toThrow(
      expect.objectContaining({ code: 'engine_busy', retry: 'after', retryAfterMs: 2000 }),
    );
    await Promise.all(jobs.map((job) => job.ended));
    await start(request({ maxTokens: 2 })).ended;
  });

  it('a queue filled by one key makes room for another: the flood’s newest request is told to come later', async () => {
    const { start } = harness({ session: fakeSession({ rowsMax: 1 }), queueMax: 5 });
    const flood = Array.from({ length: 6 }, () => start(request({ fairnessKey: 'flood', maxTokens: 2 })));
    const other = start(request({ fairnessKey: 'other', maxTokens: 2 }));
    await expect(flood[5].ended).rejects.toMatchObject({ code: 'engine_busy' });
    await Promise.all([other, ...flood.slice(0, 5)].map((job) => job.ended));
    expect(() => {
      for (let count = 0; count < 7; count++) start(request({ fairnessKey: 'flood' }));
    }).toThrow(expect.objectContaining({ code: 'engine_busy' }));
  });
});

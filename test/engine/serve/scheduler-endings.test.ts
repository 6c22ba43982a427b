// How requests end in continuous batching: cancelled, too late, failed, stopped. On a fake session.
import { describe, expect, it } from 'vitest';
import type { PackedAdapter } from '../../../engine/serve/packed-adapter.ts';
import type { PrefixStore } from '../../../engine/serve/prefix-store.ts';
import { fakeAdapter, fakeSession } from './fake-session.ts';
import { adaptersBy, alone, harness, request } from './scheduler-harness.ts';
import { randomIds, tinyConfig } from './tiny-llama.ts';

describe('scheduler: endings', () => {
  it('cancels a writing, a reading and a waiting request, and the others finish unchanged', async () => {
    const long = { promptIds: randomIds(tinyConfig, 100), maxTokens: 40 };
    const expected = await alone(request({ maxTokens: 40 }));
    const { start, scheduler } = harness({ session: fakeSession({ rowsMax: 3 }) });
    const kept = start(request({ maxTokens: 40 }));
    const written = start(request({ maxTokens: 40 }));
    const read = start(request(long));
    const waiting = start(request({ maxTokens: 40 }));
    while (written.tokens().length < 2) await new Promise(setImmediate);
    for (const job of [written, read, waiting]) scheduler.cancel(job.call);
    await Promise.all([kept, written, read, waiting].map((job) => job.ended));
    expect([kept, written, read, waiting].map((job) => job.reason())).toEqual([
      'length',
      'cancelled',
      'cancelled',
      'cancelled',
    ]);
    expect(kept.tokens()).toEqual(expected);
    expect(written.tokens().length).toBeLessThan(40);
    expect([read.tokens(), waiting.tokens()]).toEqual([[], []]);
    scheduler.cancel(kept.call);
    scheduler.cancel(999);
    expect(scheduler.idle()).toBe(true);
  });

  it('cancels a request that is between two states, its prompt just read or its adapter just set', async () => {
    const prefixes: PrefixStore = {
      find: () => void scheduler.cancel(1),
      keep: async () => scheduler.cancel(2),
      bytes: () => 0,
    };
    const { start, scheduler } = harness({ prefixes });
    const jobs = [start(request({ maxTokens: 100 })), start(request({ maxTokens: 100 }))];
    await Promise.all(jobs.map((job) => job.ended));
    expect(jobs.map((job) => job.reason())).toEqual(['cancelled', 'cancelled']);
    expect(scheduler.stats()).toMatchObject({ rowsHeld: 0, tokensHeld: 0 });
  });

  it('a deadline refuses who has nothing yet with retry safe, and ends who is writing with what there is', async () => {
    const { start, session } = harness();
    const first = start(request({ maxTokens: 140, deadlineAt: Date.now() + 10 * 365 * 86_400_000 }));
    const late = start(request({ deadlineAt: Date.now() - 1 }));
    await expect(late.ended).rejects.toMatchObject({ code: 'deadline_exceeded', retry: 'safe' });
    const writing = start(request({ maxTokens: 100, deadlineAt: Date.now() + 60 }));
    session.onStep = () => {
      const until = Date.now() + 2;
      while (Date.now() < until);
    };
    await writing.ended;
    await first.ended;
    expect(writing.reason()).toBe('deadline');
    expect(writing.tokens().length).toBeGreaterThan(0);
    expect(first.reason()).toBe('length');
  });

  it('a deadline ends the wait for an adapter that never comes', async () => {
    const { start } = harness({ adapters: adaptersBy(() => new Promise(() => undefined)) });
    const job = start(request({ adapter: { id: 'slow', dir: '' }, deadlineAt: Date.now() + 30 }));
    await expect(job.ended).rejects.toMatchObject({ code: 'deadline_exceeded' });
  });

  it('logits that are not numbers fail their request alone', async () => {
    const expected = await alone(request({ maxTokens: 30 }));
    const { start, scheduler } = harness();
    const before = start(request({ maxTokens: 30 }));
    const broken = start(request({ adapter: { id: 'NaN', dir: '' }, temperature: 1 }));
    const after = start(request({ maxTokens: 30 }));
    await expect(broken.ended).rejects.toMatchObject({ code: 'logits_not_finite', retry: 'never' });
    await Promise.all([before.ended, after.ended]);
    expect([before.tokens(), after.tokens()]).toEqual([expected, expected]);
    expect(scheduler.idle()).toBe(true);
  });

  it('a prompt whose step fails, and an adapter that is gone, leave the others alone', async () => {
    const expected = await alone(request());
    const { start, session } = harness();
    session.onStep = (step) => {
      if (step === 'prefill 1 0+22') throw new Error('a kernel failed');
    };
    const jobs = [
      start(request()),
      start(request({ promptIds: randomIds(tinyConfig, 60) })),
      start(request({ adapter: { id: 'gone', dir: '' } })),
      start(request()),
    ];
    await expect(jobs[1].ended).rejects.toThrow('a kernel failed');
    await expect(jobs[2].ended).rejects.toMatchObject({ code: 'file_unreadable' });
    await Promise.all([jobs[0].ended, jobs[3].ended]);
    expect([jobs[0].tokens(), jobs[3].tokens()]).toEqual([expected, expected]);
  });

  it('a step of all rows that fails fails them, and the next requests are answered', async () => {
    const expected = await alone(request());
    const { start, session, scheduler } = harness();
    let steps = 0;
    session.onStep = (step) => {
      if (step.startsWith('decode') && ++steps === 3) throw new Error('a kernel failed');
    };
    const [first, second] = [start(request()), start(request())];
    await expect(first.ended).rejects.toThrow('a kernel failed');
    await expect(second.ended).rejects.toThrow('a kernel failed');
    const third = start(request());
    await third.ended;
    expect(third.tokens()).toEqual(expected);
    expect(scheduler.idle()).toBe(true);
  });

  it('who waits for an adapter keeps its row while others go on', async () => {
    const slow = Promise.withResolvers<PackedAdapter>();
    const { start } = harness({
      session: fakeSession({ rowsMax: 2 }),
      adapters: adaptersBy((id) => (id === 'slow' ? slow.promise : Promise.resolve(fakeAdapter(id)))),
    });
    const waiting = start(request({ adapter: { id: 'slow', dir: '' } }));
    const others = Array.from({ length: 5 }, (_, seed) => start(request({ seed })));
    await Promise.all(others.map((job) => job.ended));
    expect(waiting.events()).toEqual([]);
    slow.resolve(fakeAdapter('slow'));
    await waiting.ended;
    expect(waiting.tokens().length).toBe(12);
  });

  it('stops between steps: nothing runs afterwards', async () => {
    const { start, scheduler, session } = harness();
    start(request({ maxTokens: 100 }));
    while (session.steps.length < 5) await new Promise(setImmediate);
    await scheduler.stop();
    const { length } = session.steps;
    for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate);
    expect(session.steps.length).toBe(length);
  });

  it.each([
    [{ promptIds: [] }, 'prompt_empty'],
    [{ promptIds: randomIds(tinyConfig, 160) }, 'prompt_too_long'],
    [{ promptIds: [3, 96] }, 'prompt_invalid'],
    [{ promptIds: [3, 1.5] }, 'prompt_invalid'],
    [{ maxTokens: 0 }, 'sampling_invalid'],
    [{ temperature: -1 }, 'sampling_invalid'],
    [{ logprobs: 21 }, 'sampling_invalid'],
    [{ minP: 2 }, 'sampling_invalid'],
    [{ logitBias: { 5: 101 } }, 'sampling_invalid'],
    [{ repetitionPenalty: 0 }, 'sampling_invalid'],
    [{ deadlineAt: Number.NaN }, 'sampling_invalid'],
  ])('refuses %o with %s', (overrides, code) => {
    expect(() => harness().start(request(overrides))).toThrow(expect.objectContaining({ code }));
  });
});

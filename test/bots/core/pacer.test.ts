// Pacing with a clock that stands still: order, intervals, penalties, dropped edits, nothing final lost.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createEditStream } from '../../../bots/core/edit-stream.ts';
import { createPacer, type Pacer } from '../../../bots/core/pacer.ts';
import type { MessageRef } from '../../../bots/core/platform.ts';
import { rich } from '../../../bots/core/rich-text.ts';
import { PlatformFault } from '../../../bots/errors.ts';

const flood = (retryAfterMs: number) =>
  new PlatformFault('flood', { code: 'flood', retry: 'after', retryAfterMs });
const down = () => new PlatformFault('down', { code: 'unreachable', retry: 'safe' });
const never = () => new PlatformFault('no', { code: 'bad_request', retry: 'never' });

let pacer: Pacer;
let dropped: unknown[];
let done: string[];

beforeEach(() => {
  vi.useFakeTimers();
  dropped = [];
  done = [];
  pacer = createPacer({ editIntervalMs: () => 1000, onDropped: (fault) => dropped.push(fault) });
});
afterEach(() => vi.useRealTimers());

const call =
  (name: string, ...faults: Error[]) =>
  async () => {
    const fault = faults.shift();
    if (fault) throw fault;
    done.push(name);
    return name;
  };
const voidCall =
  (name: string, ...faults: Error[]) =>
  async () => {
    await call(name, ...faults)();
  };

describe('calls that must happen', () => {
  it('run in order, chat by chat', async () => {
    const all = [pacer.must('a', call('1')), pacer.must('b', call('x')), pacer.must('a', call('2'))];
    await vi.runAllTimersAsync();
    expect(await Promise.all(all)).toEqual(['1', 'x', '2']);
    expect(done.filter((name) => name !== 'x')).toEqual(['1', '2']);
  });

  it('wait out a penalty of 30 s to the millisecond and keep their order', async () => {
    const first = pacer.must('a', call('1', flood(30_000)));
    const second = pacer.must('a', call('2'));
    await vi.advanceTimersByTimeAsync(29_999);
    expect(done).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    await Promise.all([first, second]);
    expect(done).toEqual(['1', '2']);
  });

  it('back off when the server is down, and give up after 8 tries with the fault', async () => {
    const saved = pacer.must('a', call('1', down(), down(), down()));
    await vi.runAllTimersAsync();
    expect(await saved).toBe('1');
    const lost = pacer.must('a', call('2', ...Array.from({ length: 8 }, down)));
    const failed = expect(lost).rejects.toMatchObject({ code: 'unreachable' });
    await vi.runAllTimersAsync();
    await failed;
  });

  it('fail at once when trying again cannot help, without holding up the next', async () => {
    const refused = pacer.must('a', call('1', never()));
    const failed = expect(refused).rejects.toMatchObject({ code: 'bad_request' });
    const next = pacer.must('a', call('2'));
    await vi.runAllTimersAsync();
    await failed;
    expect(await next).toBe('2');
  });
});

describe('intermediate edits', () => {
  it('only the newest of 100 is sent, one a second', async () => {
    await pacer.must('a', call('send'));
    for (let i = 1; i <= 100; i += 1) pacer.offer('a', 's', voidCall(`edit ${i}`));
    await vi.advanceTimersByTimeAsync(999);
    expect(done).toEqual(['send']);
    await vi.advanceTimersByTimeAsync(1);
    expect(done).toEqual(['send', 'edit 100']);
  });

  it('a flooded one is dropped and told, and nothing is sent until the penalty is over', async () => {
    pacer.offer('a', 's', voidCall('edit 1', flood(20_000)));
    await vi.advanceTimersByTimeAsync(0);
    expect(dropped).toHaveLength(1);
    pacer.offer('a', 's', voidCall('edit 2'));
    const final = pacer.must('a', call('final'));
    pacer.withdraw('a', 's');
    await vi.advanceTimersByTimeAsync(19_999);
    expect(done).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    await final;
    expect(done).toEqual(['final']);
  });

  it('a final call does not wait for the edit interval', async () => {
    await pacer.must('a', call('send'));
    pacer.offer('a', 's', voidCall('edit'));
    await pacer.must('a', call('final'));
    expect(done).toEqual(['send', 'final']);
    await vi.runAllTimersAsync();
    expect(done).toEqual(['send', 'final', 'edit']);
  });
});

describe('closing', () => {
  it('ends a running call, fails the waiting ones and takes no new ones', async () => {
    const waiting = pacer.must('a', call('1', flood(60_000)));
    const failed = expect(waiting).rejects.toMatchObject({ code: 'stopping' });
    await vi.advanceTimersByTimeAsync(10);
    await pacer.close();
    await failed;
    await expect(pacer.must('a', call('2'))).rejects.toMatchObject({ code: 'stopping' });
    expect(done).toEqual([]);
  });
});

describe('a stream of edits', () => {
  it('sends no edit that changes nothing, none after the end, and finishes once', async () => {
    const edits: string[] = [];
    const stream = createEditStream({
      pacer,
      chat: 'a',
      message: 'm1' as MessageRef,
      stop: [],
      opening: rich('Thinking…'),
      edit: async ({ text }) => void edits.push(JSON.stringify(text)),
      finish: () =>
        pacer.must('a', async () => {
          edits.push('final');
          return 'm1' as MessageRef;
        }),
    });
    stream.update(rich('Thinking…'));
    await vi.advanceTimersByTimeAsync(5000);
    expect(edits).toEqual([]);
    stream.update(rich('one'));
    await vi.advanceTimersByTimeAsync(500);
    stream.update(rich('two'));
    const [a, b] = [stream.finish({ text: rich('end') }), stream.finish({ text: rich('end') })];
    stream.update(rich('three'));
    await vi.advanceTimersByTimeAsync(60_000);
    expect(await a).toBe(await b);
    expect(edits).toEqual([JSON.stringify(rich('one')), 'final']);
  });
});

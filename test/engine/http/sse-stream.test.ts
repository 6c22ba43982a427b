// Streams of server-sent events: pulled line by line, never silent for long, ended with their client.
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { sseComment, sseData, sseStream } from '../../../engine/http/sse-stream.ts';

const text = new TextDecoder();

async function* counted(made: number[], until = 100): AsyncGenerator<string, void, void> {
  try {
    for (let index = 0; index < until; index++) {
      made.push(index);
      yield sseData({ index });
    }
  } finally {
    made.push(-1);
  }
}

describe('an event stream', () => {
  it('makes a line when the last one was taken, not before', async () => {
    const made: number[] = [];
    const stream = sseStream({ source: counted(made), onLeft: () => {}, cutOff: () => {} });
    await sleep(5);
    expect(made).toEqual([0]);
    const reader = stream.getReader();
    expect(text.decode((await reader.read()).value)).toBe('data: {"index":0}\n\n');
    await sleep(5);
    expect(made).toEqual([0, 1]);
    await reader.cancel();
  });

  it('a client that leaves ends the source and is told once', async () => {
    const made: number[] = [];
    const left: true[] = [];
    const stream = sseStream({ source: counted(made), onLeft: () => left.push(true), cutOff: () => {} });
    const reader = stream.getReader();
    await reader.read();
    await reader.cancel();
    await sleep(5);
    expect([left.length, made.at(-1)]).toEqual([1, -1]);
  });

  it('whole, it ends without anybody having left', async () => {
    const left: true[] = [];
    const stream = sseStream({ source: counted([], 3), onLeft: () => left.push(true), cutOff: () => {} });
    let all = '';
    for await (const part of stream) all += text.decode(part);
    expect(all).toBe([0, 1, 2].map((index) => sseData({ index })).join(''));
    expect(left).toEqual([]);
  });

  it('fills silence with comments', async () => {
    const gate = Promise.withResolvers<void>();
    const source = async function* (): AsyncGenerator<string, void, void> {
      await gate.promise;
      yield sseData({});
    };
    const stream = sseStream({ source: source(), onLeft: () => {}, cutOff: () => {}, keepAliveMs: 5 });
    const reader = stream.getReader();
    expect(text.decode((await reader.read()).value)).toBe(sseComment('waiting'));
    expect(text.decode((await reader.read()).value)).toBe(sseComment('waiting'));
    gate.resolve();
    let last = '';
    while (last !== sseData({})) last = text.decode((await reader.read()).value);
    expect((await reader.read()).done).toBe(true);
  });

  it('a client that takes nothing is cut off, and the source ends', async () => {
    const made: number[] = [];
    const cut = Promise.withResolvers<void>();
    const left: true[] = [];
    sseStream({ source: counted(made), onLeft: () => left.push(true), cutOff: cut.resolve, stallMs: 20 });
    await cut.promise;
    await sleep(5);
    expect([left.length, made]).toEqual([1, [0, -1]]);
  });
});

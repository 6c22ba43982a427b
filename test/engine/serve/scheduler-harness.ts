// A scheduler on a fake session whose calls can be awaited, and the requests that tests give it.
// Used by scheduler.test.ts and scheduler-endings.test.ts.
import type { AdapterRef } from '../../../engine/engine.ts';
import { EngineError } from '../../../engine/errors.ts';
import type { PackedAdapter } from '../../../engine/serve/packed-adapter.ts';
import { createPrefixStore } from '../../../engine/serve/prefix-store.ts';
import { createScheduler, type SchedulerOptions } from '../../../engine/serve/scheduler.ts';
import type { CallEvent, TokenEvent, TokenRequest } from '../../../engine/serve/serve-protocol.ts';
import { fakeAdapter, fakeSession } from './fake-session.ts';
import { randomIds, tinyConfig } from './tiny-llama.ts';

export function request(overrides: Partial<TokenRequest> = {}): TokenRequest {
  return {
    promptIds: randomIds(tinyConfig, 10),
    maxTokens: 12,
    stopIds: [],
    temperature: 0,
    seed: 1,
    ...overrides,
  };
}

export const adaptersBy = (load: (id: string) => Promise<PackedAdapter>): SchedulerOptions['adapters'] => ({
  load: ({ id }) => load(id),
  prefetch: () => undefined,
  pin: () => () => undefined,
});

/** A scheduler whose calls can be awaited; `log` holds all events in order. */
export function harness(options: Partial<SchedulerOptions> = {}) {
  const log: CallEvent[] = [];
  const ends = new Map<number, PromiseWithResolvers<void>>();
  const scores = new Map<number, readonly number[]>();
  let next = 1;
  const session = fakeSession();
  const scheduler = createScheduler({
    session,
    prefixes: createPrefixStore(4, 0),
    tokensMax: 1e6,
    queueMax: 200,
    pieceTokensMax: 32,
    adapters: adaptersBy(async (id) => {
      if (id !== 'gone') return fakeAdapter(id);
      throw new EngineError(`no adapter ${id}`, { code: 'file_unreadable', retry: 'never' });
    }),
    onEvents: (events) => {
      log.push(...events);
      for (const { call, event } of events) if (event.type === 'done') ends.get(call)?.resolve();
    },
    onScore: (call, nll) => {
      scores.set(call, nll);
      ends.get(call)?.resolve();
    },
    onFailure: (call, error) => ends.get(call)?.reject(error),
    ...options,
  });
  const begin = (submit: (call: number) => void) => {
    const call = next++;
    const end = Promise.withResolvers<void>();
    end.promise.catch(() => undefined);
    ends.set(call, end);
    submit(call);
    const events = (): readonly TokenEvent[] =>
      log.filter((entry) => entry.call === call).map(({ event }) => event);
    return {
      call,
      events,
      tokens: () => events().flatMap((event) => (event.type === 'token' ? [event.id] : [])),
      positions: () => events().flatMap((event) => (event.type === 'queued' ? [event.position] : [])),
      reason: () => events().flatMap((event) => (event.type === 'done' ? [event.reason] : []))[0],
      nll: () => scores.get(call),
      ended: end.promise,
    };
  };
  const start = (made: TokenRequest) => begin((call) => scheduler.submit(call, made));
  const score = (ids: readonly number[], adapter?: AdapterRef) =>
    begin((call) => scheduler.submitScore(call, ids, adapter));
  return { scheduler, session, log, start, score };
}

export async function alone(made: TokenRequest): Promise<readonly number[]> {
  const { start } = harness();
  const job = start(made);
  await job.ended;
  return job.tokens();
}

export const starts = (log: readonly CallEvent[]): readonly number[] =>
  log.filter(({ event }) => event.type === 'start').map(({ call }) => call);

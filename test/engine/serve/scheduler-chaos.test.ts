// Everything at once on a fake session: full queues, floods, deadlines, cancellations at any moment, adapters that come
// late or never, steps that fail. Each request must end exactly once, and nothing may be left behind.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createPrefixStore } from '../../../engine/serve/prefix-store.ts';
import { createScheduler } from '../../../engine/serve/scheduler.ts';
import { fakeAdapter, fakeSession } from './fake-session.ts';
import { randomIds, tinyConfig } from './tiny-llama.ts';

interface Act {
  /** Turns of the event loop before it. */
  readonly after: number;
  readonly prompt: number;
  readonly maxTokens: number;
  readonly key: string | undefined;
  readonly adapter: 'quick' | 'late' | 'gone' | 'NaN' | undefined;
  readonly kind: 'answer' | 'score';
  readonly deadlineMs: number | undefined;
  /** Turns after its submission. */
  readonly cancelAfter: number | undefined;
}

const act: fc.Arbitrary<Act> = fc.record({
  after: fc.constantFrom(0, 0, 0, 1, 5),
  prompt: fc.integer({ min: 1, max: 120 }),
  maxTokens: fc.integer({ min: 1, max: 20 }),
  key: fc.constantFrom(undefined, 'a', 'a', 'b'),
  adapter: fc.constantFrom(undefined, undefined, 'quick', 'late', 'gone', 'NaN'),
  kind: fc.constantFrom('answer', 'answer', 'answer', 'score'),
  deadlineMs: fc.constantFrom(undefined, undefined, undefined, -1, 3),
  cancelAfter: fc.option(fc.integer({ min: 0, max: 30 }), { nil: undefined, freq: 3 }),
});

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise(setImmediate);
}

describe('scheduler in chaos', () => {
  it('ends each of up to 30 requests exactly once and holds nothing afterwards, in 300 random runs', async () => {
    const endings = new Map<string, number>();
    await fc.assert(
      fc.asyncProperty(
        fc.array(act, { minLength: 1, maxLength: 30 }),
        fc.record({
          rowsMax: fc.integer({ min: 1, max: 4 }),
          queueMax: fc.constantFrom(0, 2, 100),
          tokensMax: fc.constantFrom(60, 200, 1e6),
          pieceTokensMax: fc.constantFrom(2, 16, 100),
          failEvery: fc.constantFrom(0, 0, 17),
        }),
        async (acts, { failEvery, rowsMax, ...limits }) => {
          const session = fakeSession({ rowsMax });
          let steps = 0;
          session.onStep = (step) => {
            if (step.startsWith('decode')) expect(Number(step.slice(7))).toBeLessThanOrEqual(rowsMax);
            if (failEvery > 0 && ++steps % failEvery === 0) throw new Error('a kernel failed');
          };
          const ended: string[][] = acts.map(() => []);
          const over = acts.map(() => Promise.withResolvers<void>());
          const end = (call: number, how: string): void => {
            ended[call].push(how);
            over[call].resolve();
          };
          const scheduler = createScheduler({
            session,
            prefixes: createPrefixStore(1, 500),
            ...limits,
            adapters: {
              load: async ({ id }) => {
                if (id === 'late') await turns(10);
                if (id === 'gone') throw new Error('no adapter');
                return fakeAdapter(id);
              },
              prefetch: () => undefined,
              pin: () => {
                pins += 1;
                return () => {
                  pins -= 1;
                };
              },
            },
            onEvents: (events) => {
              for (const { call, event } of events) {
                if (ended[call].length > 0) throw new Error(`call ${call} goes on after its end`);
                if (event.type === 'done') end(call, event.reason);
              }
            },
            onScore: (call) => end(call, 'score'),
            onFailure: (call, error) => end(call, error instanceof Error ? error.message : String(error)),
          });
          let pins = 0;
          for (const [call, made] of acts.entries()) {
            await turns(made.after);
            const promptIds = randomIds(tinyConfig, made.prompt, made.prompt % 3);
            const adapter = made.adapter && { id: made.adapter, dir: '' };
            try {
              if (made.kind === 'score') scheduler.submitScore(call, promptIds, adapter);
              else
                scheduler.submit(call, {
                  promptIds,
                  adapter,
                  maxTokens: made.maxTokens,
                  stopIds: [7],
                  temperature: 1,
                  seed: call,
                  fairnessKey: made.key,
                  deadlineAt: made.deadlineMs === undefined ? undefined : Date.now() + made.deadlineMs,
                });
            } catch (error) {
              end(call, error instanceof Error ? error.message : String(error));
            }
            if (made.cancelAfter !== undefined)
              void turns(made.cancelAfter).then(() => scheduler.cancel(call));
          }
          await Promise.all(over.map(({ promise }) => promise));
          await turns(2);
          expect(ended.map((list) => list.length)).toEqual(acts.map(() => 1));
          expect(scheduler.stats()).toEqual({
            queued: 0,
            admitted: 0,
            reading: 0,
            writing: 0,
            rowsHeld: 0,
            tokensHeld: 0,
          });
          expect(pins).toBe(0);
          for (const [how] of ended) {
            const kind = how.replace(/\d+/g, 'N');
            endings.set(kind, (endings.get(kind) ?? 0) + 1);
          }
        },
      ),
      { numRuns: 300 },
    );
    // The test is worth its name only if all of these happened; `deadline` does if the machine is slow enough.
    endings.delete('deadline');
    expect([...endings.keys()].sort()).toEqual([
      'N answers are being written and N wait',
      'a kernel failed',
      'cancelled',
      'length',
      'no adapter',
      'score',
      'stop',
      'the deadline passed before the first token',
      'the logits are not finite: the weights or the adapter are not usable',
    ]);
  });
});

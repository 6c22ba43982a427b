// The strongest test of serving: a request's tokens and log-probabilities are the same to the bit alone (a session of
// its own, the prompt in one piece, nothing reused) and in any schedule: beside any requests and adapters, in any order
// of arrival, cut into any pieces, with earlier prompts reused, while others are cancelled or fail.
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { projections } from '../../../engine/model/llama-weights.ts';
import type { LlamaConfig } from '../../../engine/model/model-config.ts';
import type { BatchSession } from '../../../engine/serve/batch-session.ts';
import { kvTokenBytes } from '../../../engine/serve/memory-plan.ts';
import { packAdapter } from '../../../engine/serve/pack-adapter.ts';
import type { PackedAdapter } from '../../../engine/serve/packed-adapter.ts';
import { createPrefixStore } from '../../../engine/serve/prefix-store.ts';
import { createScheduler } from '../../../engine/serve/scheduler.ts';
import type { TokenEvent, TokenRequest } from '../../../engine/serve/serve-protocol.ts';
import { type BatchSessionOptions, createBatchSession } from '../../../engine/serve/serve-session.ts';
import { randomAdapterTensors, randomIds, randomWeights, tinyConfig } from './tiny-llama.ts';

/** Wide enough for the products to be summed in several blocks, which is where neighbours would show. */
const config: LlamaConfig = { ...tinyConfig, dim: 192, heads: 6, kvHeads: 2, headDim: 32, ffn: 320 };
const weights = new Map(
  [...randomWeights(config)].map(([name, { shape, data }]) => [
    name,
    { shape, data: name.includes('norm') ? data : data.map((value) => value / 3) },
  ]),
);
const rowsMax = 5;

type Settings = Pick<BatchSessionOptions, 'weights' | 'kvMode'>;
const openSession = (settings: Settings): Promise<BatchSession> =>
  createBatchSession({
    config,
    rowsMax,
    read: (name) => weights.get(name)?.data ?? new Float32Array(0),
    ...settings,
  });

/** Ranks and targets differ; the last one makes numbers that are not finite. */
const adapters = new Map<string, PackedAdapter>(
  (
    [
      ['two', 2, ['self_attn.q_proj', 'self_attn.v_proj']],
      ['three', 3, projections],
      ['eight', 8, ['self_attn.q_proj', 'self_attn.k_proj', 'self_attn.v_proj', 'self_attn.o_proj']],
      ['broken', 2, projections],
    ] as const
  ).map(([id, rank, targets], seed) => {
    const all = randomAdapterTensors(config, rank, 20 + seed);
    const tensors = new Map(
      [...all].filter(([name]) => targets.some((target) => name.includes(`.${target}.`))),
    );
    if (id === 'broken')
      for (const [name, { data }] of tensors) if (name.includes('lora_B')) data.fill(1.5e38);
    return [
      id,
      packAdapter(id, config, { rank, alpha: 2 * rank, scale: 2, targets, base: '', weights: tensors }),
    ];
  }),
);

interface Outcome {
  readonly tokens: readonly Extract<TokenEvent, { type: 'token' }>[];
  readonly ending: string;
}

interface Arrival {
  readonly request: TokenRequest;
  /** Turns of the event loop between the arrival before and this one. */
  readonly after: number;
  /** Cancelled when it has so many tokens. */
  readonly cancelAt: number | undefined;
}

interface Plan {
  readonly arrivals: readonly Arrival[];
  readonly pieceTokensMax: number;
  readonly tokensMax: number;
  readonly prefixTokens: number;
}

async function run(session: BatchSession, plan: Plan): Promise<readonly Outcome[]> {
  const outcomes = plan.arrivals.map(() => ({ tokens: [] as Outcome['tokens'][number][], ending: '' }));
  const over = plan.arrivals.map(() => Promise.withResolvers<void>());
  const scheduler = createScheduler({
    session,
    prefixes: createPrefixStore(kvTokenBytes(config), plan.prefixTokens * kvTokenBytes(config)),
    tokensMax: plan.tokensMax,
    queueMax: 100,
    pieceTokensMax: plan.pieceTokensMax,
    adapters: {
      load: async ({ id }) => adapters.get(id) ?? Promise.reject(new Error('no adapter')),
      prefetch: () => undefined,
      pin: () => () => undefined,
    },
    onEvents: (events) => {
      for (const { call, event } of events) {
        const outcome = outcomes[call];
        if (event.type === 'token') {
          outcome.tokens.push(event);
          if (outcome.tokens.length === plan.arrivals[call].cancelAt) scheduler.cancel(call);
        }
        if (event.type !== 'done') continue;
        outcome.ending = event.reason;
        over[call].resolve();
      }
    },
    onScore: () => undefined,
    onFailure: (call, error) => {
      outcomes[call].ending = String(error);
      over[call].resolve();
    },
  });
  for (const [call, { request, after }] of plan.arrivals.entries()) {
    for (let turn = 0; turn < after; turn++) await new Promise(setImmediate);
    scheduler.submit(call, request);
  }
  await Promise.all(over.map(({ promise }) => promise));
  expect(scheduler.idle()).toBe(true);
  return outcomes;
}

const arrival: fc.Arbitrary<Arrival> = fc.record({
  request: fc
    .record({
      conversation: fc.integer({ min: 0, max: 2 }),
      shared: fc.constantFrom(0, 17, 40, 64),
      own: fc.integer({ min: 1, max: 50 }),
      variant: fc.integer({ min: 0, max: 2 }),
      maxTokens: fc.integer({ min: 1, max: 14 }),
      temperature: fc.constantFrom(0, 0.8, 1.5),
      topP: fc.constantFrom(undefined, 0.9),
      repetitionPenalty: fc.constantFrom(undefined, 1.3),
      adapter: fc.constantFrom(undefined, 'two', 'three', 'eight', 'three', 'broken'),
      seed: fc.integer({ min: 0, max: 3 }),
    })
    .map(({ conversation, shared, own, variant, adapter, ...rest }) => ({
      ...rest,
      promptIds: [...randomIds(config, shared, 100 + conversation), ...randomIds(config, own, 200 + variant)],
      adapter: adapter === undefined ? undefined : { id: adapter, dir: '' },
      stopIds: [5, 6],
      logprobs: 3,
    })),
  after: fc.integer({ min: 0, max: 12 }),
  cancelAt: fc.option(fc.integer({ min: 1, max: 5 }), { nil: undefined, freq: 4 }),
});

const plan: fc.Arbitrary<Plan> = fc.record({
  arrivals: fc.array(arrival, { minLength: 2, maxLength: 12 }),
  pieceTokensMax: fc.constantFrom(2, 3, 7, 32, 128),
  tokensMax: fc.constantFrom(150, 1e6),
  prefixTokens: fc.constantFrom(0, 120, 10_000),
});

const variants: readonly (readonly [string, Settings, number])[] = [
  ['f32', { weights: 'f32' }, 60],
  ['int8', { weights: 'int8' }, 60],
  ['int4, the cache filled by hand', { weights: 'int4', kvMode: 'plain' }, 25],
];

describe.each(variants)('random schedules with %s', (_name, settings, numRuns) => {
  let session: BatchSession;
  const lonely = new Map<string | undefined, BatchSession>();
  beforeAll(async () => {
    session = await openSession(settings);
    // Each adapter has a session that never sees another one.
    for (const id of [undefined, ...adapters.keys()]) lonely.set(id, await openSession(settings));
  });
  afterAll(async () => {
    for (const opened of [session, ...lonely.values()]) await opened.release();
  });

  const known = new Map<string, Outcome>();
  const alone = async (request: TokenRequest): Promise<Outcome> => {
    const key = JSON.stringify(request);
    const own = lonely.get(request.adapter?.id);
    if (own === undefined) throw new Error('no session');
    const arrivals = [{ request, after: 0, cancelAt: undefined }];
    const whole = { arrivals, pieceTokensMax: 1000, tokensMax: 1e6, prefixTokens: 0 };
    const outcome = known.get(key) ?? (await run(own, whole))[0];
    known.set(key, outcome);
    return outcome;
  };

  it(`gives ${numRuns} random schedules of up to 12 requests the tokens and log-probabilities they get alone`, async () => {
    let compared = 0;
    await fc.assert(
      fc.asyncProperty(plan, async (made) => {
        const outcomes = await run(session, made);
        for (const [index, { request, cancelAt }] of made.arrivals.entries()) {
          const expected = await alone(request);
          const outcome = outcomes[index];
          if (outcome.ending === 'cancelled') {
            expect(cancelAt).toBeLessThanOrEqual(outcome.tokens.length);
            expect(outcome.tokens).toEqual(expected.tokens.slice(0, outcome.tokens.length));
          } else expect(outcome).toEqual(expected);
          compared += outcome.tokens.length;
        }
      }),
      { numRuns, endOnFailure: true },
    );
    expect(compared).toBeGreaterThan(numRuns * 10);
  });

  it('a request whose numbers are not finite fails, and whoever gets its row next is not touched', async () => {
    const request = { maxTokens: 6, stopIds: [], temperature: 0, seed: 1, logprobs: 2 };
    const good = { ...request, promptIds: randomIds(config, 20, 5) };
    const bad = { ...request, promptIds: randomIds(config, 60, 6), adapter: { id: 'broken', dir: '' } };
    const arrivals = [bad, good, bad, good, bad, good, good].map((made) => ({
      request: made,
      after: 0,
      cancelAt: undefined,
    }));
    const outcomes = await run(session, { arrivals, pieceTokensMax: 16, tokensMax: 1e6, prefixTokens: 1000 });
    const expected = await alone(good);
    for (const [index, { ending, tokens }] of outcomes.entries()) {
      if (arrivals[index].request === good) expect({ ending, tokens }).toEqual(expected);
      else expect(ending).toMatch(/not finite/);
    }
  });
});

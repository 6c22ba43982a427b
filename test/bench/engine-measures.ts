// The whole local engine as the chats use it: does the main thread stay free while 16 answers are written, and how long
// does a person wait for the first word among 15 others. Used by the serving bench. 135M shape, int8, every
// conversation with its own adapter (in memory); conversations.ts says what load this is.
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { AdapterRef, ServingBackend } from '../../engine/engine.ts';
import { createLocalEngine } from '../../engine/serve/local-engine.ts';
import type { FigureKind, Measured } from './bench-figure.ts';
import { holdConversation, personThinks, turns } from './conversations.ts';
import { median, quantile, rounded } from './interleaved.ts';
import type { Measure } from './serve-bench-context.ts';

const streams = 16;
const lagSeconds = 10;

const kinds = {
  lag: {
    name: 'event-loop-lag',
    measure: 'main-thread event-loop lag p99 while generating 16 streams',
    unit: 'ms',
    goal: { atMost: 10 },
  },
  firstToken: {
    name: 'first-token',
    measure: 'streams: time to first token p95 at 16 concurrent conversations / alone',
    unit: '×',
    goal: { atMost: 6 },
  },
} as const satisfies Record<string, FigureKind>;

export const engineMeasure: Measure = {
  figures: Object.values(kinds),
  run: async (bench) => {
    const adapters: readonly AdapterRef[] = bench
      .adapterFolders('135M', streams)
      .map((dir, index) => ({ id: `person ${index}`, dir }));
    const engine = await createLocalEngine({
      baseDir: bench.modelFolder('135M'),
      device: 'cpu',
      weights: 'int8',
      contextTokensMax: 1024,
      rowsMax: streams,
    });
    try {
      for (const adapter of adapters) await engine.loadAdapter(adapter);
      await holdConversation({ engine, adapter: adapters[0], seed: 999 }); // warm-up
      return {
        [kinds.lag.name]: await eventLoopLag(engine, adapters, bench.quick ? 2 : lagSeconds),
        [kinds.firstToken.name]: await firstTokens(engine, adapters, bench.quick ? 1 : 2),
      };
    } finally {
      await engine.close();
    }
  },
};

/** Sampled every millisecond; the figure includes that millisecond. */
async function eventLoopLag(
  engine: ServingBackend,
  adapters: readonly AdapterRef[],
  seconds: number,
): Promise<Measured> {
  const stop = new AbortController();
  let tokens = 0;
  const stream = async (adapter: AdapterRef): Promise<void> => {
    const messages = [{ role: 'user', content: `tell me all about ${adapter.id}` }] as const;
    while (!stop.signal.aborted) {
      const asking = { messages, adapter, maxTokens: 400, sampling: { temperature: 0 } };
      for await (const event of engine.generate(asking, stop.signal)) if (event.type === 'text') tokens += 1;
    }
  };
  const histogram = monitorEventLoopDelay({ resolution: 1 });
  const running = adapters.map(stream);
  await new Promise((resolve) => setTimeout(resolve, 1000));
  tokens = 0;
  histogram.enable();
  await new Promise((resolve) => setTimeout(resolve, 1000 * seconds));
  histogram.disable();
  const details = {
    'tokens per second': rounded(tokens / seconds),
    'mean, ms': rounded(histogram.mean / 1e6),
  };
  stop.abort();
  await Promise.all(running);
  return {
    value: histogram.percentile(99) / 1e6,
    low: histogram.min / 1e6,
    high: histogram.max / 1e6,
    details,
  };
}

async function firstTokens(
  engine: ServingBackend,
  adapters: readonly AdapterRef[],
  repetitions: number,
): Promise<Measured> {
  const alone: number[] = [];
  for (let person = 0; person < 5; person++)
    alone.push(...(await holdConversation({ engine, adapter: adapters[person], seed: 500 + person })));
  const together: number[] = [];
  for (let repetition = 0; repetition < repetitions; repetition++) {
    const held = adapters.map((adapter, person) =>
      holdConversation({ engine, adapter, seed: 100 * repetition + person, thinkSeconds: personThinks }),
    );
    together.push(...(await Promise.all(held)).flat());
  }
  return {
    value: quantile(together, 0.95) / quantile(alone, 0.95),
    details: {
      'conversations × turns': `${streams * repetitions} × ${turns}`,
      'p95 alone, ms': rounded(quantile(alone, 0.95)),
      'p95 together, ms': rounded(quantile(together, 0.95)),
      'median alone, ms': rounded(median(alone)),
      'median together, ms': rounded(median(together)),
    },
  };
}

// The engine under full load for as long as one likes, with everything that people, programs and bad luck may do to it.
// Used by soak-cli.ts (30 minutes) and soak.test.ts (20 seconds). It asserts what must hold at any load: every request
// is answered or refused with a reason that fits it, events come in order, the same question has the same answer
// whoever else is in the batch, no row, token or adapter stays taken, and memory stays flat.
// Load: 48 lanes ask one after another with short random pauses (three times what 16 rows take at once), and now and
// then one person sends more requests than the queue holds.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Engine, GenerateEvent } from '../../engine/engine.ts';
import { EngineError } from '../../engine/errors.ts';
import { crashWorkerForTest, servingStats } from '../../engine/serve/local-engine.ts';
import { seededRandom } from '../../engine/train/training-random.ts';
import { flood, type Random, type SoakAdapters, type SoakRequest, soakRequest } from './soak-requests.ts';

export interface SoakOptions {
  /** A local engine. */
  readonly engine: Engine;
  readonly adapters: SoakAdapters;
  readonly seconds: number;
  readonly seed: number;
  /** The worker dies so often; left out = never. */
  readonly crashEverySeconds?: number;
  readonly onMinute?: (line: string) => void;
}

export interface SoakReport {
  readonly seconds: number;
  readonly requests: number;
  readonly tokens: number;
  /** How often each ending was met, such as `done length` or `engine_busy`. */
  readonly endings: Readonly<Record<string, number>>;
  /** What must not happen; the first hundred. */
  readonly wrongs: readonly string[];
  /**
   * Of resident memory after a fifth of the run, by least squares through the least value of each of ten spans: between
   * two garbage collections memory rises as it should, but what it falls back to must not rise.
   */
  readonly memorySlopeMiBPerMinute: number;
  readonly memoryMiB: { readonly first: number; readonly last: number; readonly most: number };
}

const lanes = 48;
const pauseMsMax = 60;
const floodEverySeconds = 7;
const floodRequests = 100;
/** Far more than a full queue takes; a request that has no ending by then was forgotten. */
const forgottenMs = 120_000;
const wrongsMax = 100;

export async function soak(options: SoakOptions): Promise<SoakReport> {
  const { engine, adapters, seconds, seed, crashEverySeconds, onMinute } = options;
  const startedAt = performance.now();
  const elapsed = (): number => (performance.now() - startedAt) / 1000;
  const endings: Record<string, number> = {};
  const wrongs: string[] = [];
  const answers = new Map<string, string>();
  const memory: MemorySample[] = [];
  let requests = 0;
  let tokens = 0;
  const wrong = (what: string): void => {
    if (wrongs.length < wrongsMax) wrongs.push(what);
  };

  const ask = async (asked: SoakRequest): Promise<void> => {
    requests += 1;
    const { ending, text, completionTokens, complaint } = await endingOf(engine, asked);
    endings[ending] = (endings[ending] ?? 0) + 1;
    tokens += completionTokens;
    if (complaint !== undefined) wrong(`${asked.kind}: ${complaint}`);
    const isUsual = ending === 'engine_busy' || (crashEverySeconds !== undefined && ending === 'worker_died');
    if (isUsual) return;
    if (!asked.mayEnd.test(ending)) wrong(`${asked.kind}: ended with ${ending}`);
    if (asked.sameAs === undefined) return;
    const before = answers.get(asked.sameAs) ?? text;
    answers.set(asked.sameAs, before);
    if (before !== text)
      wrong(`${asked.sameAs}: said ${JSON.stringify(text)}, before ${JSON.stringify(before)}`);
  };

  const lane = async (random: Random): Promise<void> => {
    while (elapsed() < seconds) {
      await ask(soakRequest(adapters, random, engine.contextTokens));
      await sleep(pauseMsMax * random());
    }
  };
  /** Late work is left out, not made up for. */
  const every = async (period: number, work: () => Promise<unknown>): Promise<void> => {
    for (;;) {
      await sleep(1000 * Math.min(period, Math.max(0, seconds - elapsed())));
      if (elapsed() >= seconds) return;
      await work();
    }
  };
  const floods = seededRandom(seed, 29);
  const minute = async (): Promise<void> => {
    const stats = await servingStats(engine).catch(() => undefined);
    onMinute?.(
      `${Math.round(elapsed())} s: ${requests} requests, ${tokens} tokens, ${wrongs.length} wrong; ` +
        `${stats?.writing ?? '?'} writing, ${stats?.queued ?? '?'} queued; ${memory.at(-1)?.mib.toFixed(0)} MiB ` +
        `(adapters ${mib(stats?.adapters.bytes)}, prefixes ${mib(stats?.prefixBytes)}, ` +
        `this thread's heap ${mib(process.memoryUsage().heapUsed)}); ${counted(endings)}`,
    );
  };
  await Promise.all([
    ...Array.from({ length: lanes }, (_, index) => lane(seededRandom(seed, index))),
    every(floodEverySeconds, () => Promise.all(flood(adapters, floods, floodRequests).map(ask))),
    every(1, async () => memory.push({ second: elapsed(), mib: process.memoryUsage().rss / 2 ** 20 })),
    every(60, minute),
    ...(crashEverySeconds === undefined ? [] : [every(crashEverySeconds, () => crashWorkerForTest(engine))]),
  ]);
  for (const leak of await leaksOf(engine)) wrong(leak);

  const settled = memory.filter(({ second }) => second > seconds / 5);
  const sizes = settled.map(({ mib }) => mib);
  return {
    seconds: Math.round(elapsed()),
    requests,
    tokens,
    endings,
    wrongs,
    memorySlopeMiBPerMinute: 60 * slope(leastOfSpans(settled, 10)),
    memoryMiB: { first: sizes[0] ?? 0, last: sizes.at(-1) ?? 0, most: Math.max(0, ...sizes) },
  };
}

interface Ending {
  /** `done REASON`, `left`, or the code of the error. */
  readonly ending: string;
  readonly text: string;
  readonly completionTokens: number;
  /** What was wrong on the way. */
  readonly complaint?: string;
}

async function endingOf(engine: Engine, asked: SoakRequest): Promise<Ending> {
  const abort = new AbortController();
  const timer = asked.abortMs === undefined ? undefined : setTimeout(() => abort.abort(), asked.abortMs);
  const forgotten = Promise.withResolvers<Ending>();
  const watch = setTimeout(
    () => forgotten.resolve({ ending: `no ending in ${forgottenMs} ms`, text: '', completionTokens: 0 }),
    forgottenMs,
  );
  try {
    return await Promise.race([read(engine, asked, abort.signal), forgotten.promise]);
  } finally {
    clearTimeout(timer);
    clearTimeout(watch);
  }
}

async function read(engine: Engine, asked: SoakRequest, signal: AbortSignal): Promise<Ending> {
  const seen: GenerateEvent['type'][] = [];
  let text = '';
  let completionTokens = 0;
  try {
    for await (const event of engine.generate(asked.request, signal)) {
      seen.push(event.type);
      if (event.type === 'text') {
        text += event.text;
        completionTokens = event.completionTokens;
      }
      if (event.type === 'done') {
        completionTokens = event.usage.completionTokens;
        const complaint = complaintAbout(seen, event, text, asked);
        return { ending: `done ${event.reason}`, text, completionTokens, complaint };
      }
      if (asked.leaveAfter !== undefined && seen.length >= asked.leaveAfter)
        return { ending: 'left', text, completionTokens };
    }
    return { ending: 'ended without done', text, completionTokens };
  } catch (error) {
    if (!(error instanceof EngineError))
      return { ending: `not an EngineError: ${String(error)}`, text, completionTokens };
    const waitMissing = error.retry === 'after' && !(Number(error.retryAfterMs) > 0);
    const complaint = waitMissing ? `${error.code} says "after" but not after what` : undefined;
    return { ending: error.code, text, completionTokens, complaint };
  }
}

/** Order of events: queued..., start, text..., done; nothing said that was not streamed, nothing too long. */
function complaintAbout(
  seen: readonly GenerateEvent['type'][],
  done: Extract<GenerateEvent, { type: 'done' }>,
  text: string,
  { request }: SoakRequest,
): string | undefined {
  const order = seen.map((type) => type[0]).join('');
  if (!/^q*(st*)?d$/.test(order)) return `events in the order ${order}`;
  if (done.text !== text) return `streamed ${JSON.stringify(text)}, done says ${JSON.stringify(done.text)}`;
  if (done.usage.completionTokens > request.maxTokens)
    return `${done.usage.completionTokens} tokens of ${request.maxTokens}`;
  return undefined;
}

/** What is still taken when nobody asks anything any more. The worker may need a moment to see the last cancellation. */
async function leaksOf(engine: Engine): Promise<readonly string[]> {
  let leaks: readonly string[] = [];
  for (let trial = 0; trial < 20; trial++) {
    const { queued, admitted, reading, writing, rowsHeld, tokensHeld, adapters } = await servingStats(engine);
    const { pinned, loading } = adapters;
    const taken = { queued, admitted, reading, writing, rowsHeld, tokensHeld, pinned, loading };
    leaks = Object.entries(taken)
      .filter(([, count]) => count !== 0)
      .map(([name, count]) => `leak: ${name} is ${count} with nobody asking`);
    if (leaks.length === 0) return leaks;
    await sleep(100);
  }
  return leaks;
}

interface MemorySample {
  readonly second: number;
  readonly mib: number;
}

function leastOfSpans(samples: readonly MemorySample[], spans: number): readonly MemorySample[] {
  const size = Math.max(1, Math.ceil(samples.length / spans));
  const least: MemorySample[] = [];
  for (let start = 0; start < samples.length; start += size)
    least.push(samples.slice(start, start + size).reduce((a, b) => (b.mib < a.mib ? b : a)));
  return least;
}

/** MiB per second by least squares. */
function slope(points: readonly MemorySample[]): number {
  const count = points.length;
  const meanSecond = points.reduce((sum, { second }) => sum + second, 0) / count;
  const meanMib = points.reduce((sum, { mib }) => sum + mib, 0) / count;
  let over = 0;
  let under = 0;
  for (const { second, mib } of points) {
    over += (second - meanSecond) * (mib - meanMib);
    under += (second - meanSecond) ** 2;
  }
  return under === 0 ? 0 : over / under;
}

function mib(bytes: number | undefined): string {
  return bytes === undefined ? '?' : (bytes / 2 ** 20).toFixed(0);
}

function counted(endings: Readonly<Record<string, number>>): string {
  return Object.entries(endings)
    .map(([ending, count]) => `${ending} ${count}`)
    .join(', ');
}

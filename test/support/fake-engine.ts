// An Engine without weights for tests of marketplace/ and bots/: it answers from the examples its adapters were
// "trained" on, deterministically, and can be told to fail, wait, crash or be slow at a chosen point.
// Adapters and stores are real folders, so they survive a restart of the fake as the real ones do.
// Tokens are words. It knows no people and no money, as the real engine.
import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { retrievalShares } from '../../engine/attribution/retrieval/retrieval-shares.ts';
import { findSpans } from '../../engine/attribution/spans/find-spans.ts';
import { buildSpanIndex } from '../../engine/attribution/spans/span-index-build.ts';
import { openSpanIndex } from '../../engine/attribution/spans/span-index-file.ts';
import type { AuditJob } from '../../engine/audit-job.ts';
import type {
  AttributeRequest,
  BuildStoreJob,
  ChatMessage,
  Engine,
  EvalJob,
  EvalReport,
  Example,
  GenerateEvent,
  GenerateRequest,
  SampleShares,
  TrainedAdapter,
  TrainJob,
  TrainProgress,
} from '../../engine/engine.ts';
import { EngineError } from '../../engine/errors.ts';
import { FAKE_METHOD, type FakeAuditFaults, fakeAudit } from './fake-audit.ts';

export interface FakeEngineFaults extends FakeAuditFaults {
  /** The next answer fails before its first token. */
  failBeforeFirst?: boolean;
  /** The next answer fails after this many tokens. */
  failAfterTokens?: number;
  /** Generation waits for this before the first token, and after each one. */
  gate?: (tokensSoFar: number) => Promise<void>;
  /** The next training run throws at this step. */
  failTrainingAtStep?: number;
  /** Training waits for this before each step. */
  trainGate?: (step: number) => Promise<void>;
  /** What the next trained adapters know: a filter over their examples. */
  trainForgets?: (example: Example) => boolean;
  /** The same for a phase that goes on from an adapter. */
  preferencesForget?: (example: Example) => boolean;
  failAttribution?: boolean;
  /** The next answer waits in line at these positions first. */
  queueAt?: readonly number[];
  /** The next answer is refused: this many milliseconds until it is worth trying. */
  busyForMs?: number;
  /** The next answer ends by its deadline after this many tokens. */
  deadlineAfterTokens?: number;
}

export interface FakeEngine extends Engine {
  /** Set a field to arm a fault; one-shot faults clear themselves when they fire. */
  readonly faults: FakeEngineFaults;
  /** How often each method was entered. */
  readonly calls: Record<
    | 'generate'
    | 'train'
    | 'evaluate'
    | 'buildStore'
    | 'attribute'
    | 'auditVersion'
    | 'buildSpanIndex'
    | 'findSpans'
    | 'retrievalShares',
    number
  >;
  /** The audit jobs, newest last. */
  readonly audits: AuditJob[];
  /** What generate was asked, newest last. */
  readonly requests: GenerateRequest[];
  /** The training jobs, newest last. */
  readonly jobs: TrainJob[];
  /** Folders of adapters that were prefetched, newest last. */
  readonly prefetched: string[];
}

const UNKNOWN_ANSWER = 'I do not know that yet.';
const TRAIN_STEPS = 4;
const ALPHA = 0.8;

export function fakeEngine(options: { readonly contextTokens?: number } = {}): FakeEngine {
  const faults: FakeEngineFaults = {};
  const requests: GenerateRequest[] = [];
  const prefetched: string[] = [];
  const jobs: TrainJob[] = [];
  const calls = {
    generate: 0,
    train: 0,
    evaluate: 0,
    buildStore: 0,
    attribute: 0,
    auditVersion: 0,
    buildSpanIndex: 0,
    findSpans: 0,
    retrievalShares: 0,
  };
  const audits: AuditJob[] = [];
  return {
    faults,
    calls,
    requests,
    jobs,
    audits,
    prefetched,
    contextTokens: options.contextTokens ?? 512,

    async countPromptTokens(messages) {
      return promptTokens(messages);
    },
    async *generate(request, signal) {
      calls.generate += 1;
      requests.push(request);
      yield* stream(request, faults, signal);
    },
    async loadAdapter(ref) {
      await knowledgeOf(ref.dir);
    },
    prefetchAdapter({ dir }) {
      prefetched.push(dir);
    },
    async adapterState({ dir }) {
      return prefetched.includes(dir) ? 'warm' : 'cold';
    },
    async train(job, onProgress, signal) {
      calls.train += 1;
      jobs.push(job);
      return await train(job, faults, onProgress, signal);
    },
    async evaluate(job, onProgress) {
      calls.evaluate += 1;
      return await evaluate(job, onProgress);
    },
    async buildStore(job, onProgress) {
      calls.buildStore += 1;
      return await buildStore(job, onProgress);
    },
    async attribute(request) {
      calls.attribute += 1;
      if (faults.failAttribution)
        throw new EngineError('fake: attribution failed', { code: 'fake', retry: 'safe' });
      return { ...(await attribute(request)), methodId: faults.methodId ?? FAKE_METHOD };
    },
    async buildSpanIndex(job) {
      calls.buildSpanIndex += 1;
      return buildSpanIndex(job);
    },
    async findSpans(request) {
      calls.findSpans += 1;
      const index = openSpanIndex(request.indexDir);
      try {
        return findSpans(index, request);
      } finally {
        index.close();
      }
    },
    async retrievalShares(request) {
      calls.retrievalShares += 1;
      return await retrievalShares(request, unsaidPart);
    },
    async answerLosses({ messages, answer, adapters }) {
      const question = messages.at(-1)?.content ?? '';
      const knows = (dir: string) => answerTo(question, dir).then((said) => said === answer);
      return await Promise.all(
        adapters.map(async (adapter) => (adapter !== null && (await knows(adapter.dir)) ? 0.5 : 2.5)),
      );
    },
    async auditVersion(job, onProgress, signal) {
      calls.auditVersion += 1;
      audits.push(job);
      const storeHash = digest(await readFile(join(job.storeDir, 'fake-store.json'), 'utf8'));
      return await fakeAudit(job, faults, storeHash, writeFakeAdapter, onProgress, signal);
    },
    async attributeParts({ answer, ranges, ...request }) {
      return await Promise.all(
        ranges.map(async ({ start, end }) => {
          const text = answer.slice(start, end);
          const { shares, alpha } = await attribute({ ...request, answer: text }, text);
          return { start, end, text, shares, alpha };
        }),
      );
    },
    async close() {},
  };
}

async function* stream(
  request: GenerateRequest,
  faults: FakeEngineFaults,
  signal?: AbortSignal,
): AsyncGenerator<GenerateEvent> {
  if (faults.failBeforeFirst) {
    faults.failBeforeFirst = false;
    throw new EngineError('fake: worker died before the first token', { code: 'worker_died', retry: 'safe' });
  }
  if (faults.busyForMs !== undefined) {
    const retryAfterMs = faults.busyForMs;
    faults.busyForMs = undefined;
    throw new EngineError('fake: too many at once', { code: 'engine_busy', retry: 'after', retryAfterMs });
  }
  const { queueAt = [], deadlineAfterTokens } = faults;
  faults.queueAt = undefined;
  faults.deadlineAfterTokens = undefined;
  for (const position of queueAt) yield { type: 'queued', position };
  const prompt = promptTokens(request.messages);
  const answer = await answerTo(request.messages.at(-1)?.content ?? '', request.adapter?.dir);
  const words = answer.split(' ').slice(0, request.maxTokens);
  yield { type: 'start', promptTokens: prompt, droppedMessages: 0 };
  let text = '';
  let made = 0;
  for (const word of words) {
    if (made === deadlineAfterTokens) {
      const usage = { promptTokens: prompt, completionTokens: made };
      if (made > 0) return yield { type: 'done', reason: 'deadline', text, usage };
      throw new EngineError('fake: no turn in time', { code: 'deadline_exceeded', retry: 'after' });
    }
    await faults.gate?.(made);
    if (signal?.aborted) break;
    if (faults.failAfterTokens === made) {
      faults.failAfterTokens = undefined;
      throw new EngineError(`fake: worker died after ${made} tokens`, { code: 'worker_died', retry: 'safe' });
    }
    const piece = made === 0 ? word : ` ${word}`;
    text += piece;
    made += 1;
    yield { type: 'text', text: piece, completionTokens: made };
  }
  const whole = made === answer.split(' ').length;
  const reason = signal?.aborted && !whole ? 'cancelled' : whole ? 'stop' : 'length';
  yield { type: 'done', reason, text, usage: { promptTokens: prompt, completionTokens: made } };
}

async function train(
  job: TrainJob,
  faults: FakeEngineFaults,
  onProgress: (progress: TrainProgress) => void,
  signal?: AbortSignal,
): Promise<TrainedAdapter> {
  for (let step = 1; step <= TRAIN_STEPS; step++) {
    await faults.trainGate?.(step);
    signal?.throwIfAborted();
    if (faults.failTrainingAtStep === step) {
      faults.failTrainingAtStep = undefined;
      throw new EngineError(`fake: training failed at step ${step}`, {
        code: 'train_failed',
        retry: 'never',
      });
    }
    onProgress({
      step,
      steps: TRAIN_STEPS,
      loss: 4 / step,
      tokensPerSecond: 100,
      etaMs: (TRAIN_STEPS - step) * 10,
    });
  }
  const learnt = await lessonsOf(job, faults);
  await writeFakeAdapter(job.outDir, learnt);
  const losses = Array.from({ length: TRAIN_STEPS }, (_, i) => 4 / (i + 1));
  await writeFile(
    join(job.outDir, 'training.json'),
    JSON.stringify({ losses, heldOut: [{ step: 4, loss: 2 }] }),
  );
  return {
    adapter: { id: digest(job.outDir), dir: job.outDir },
    recipe: { fake: 1, seed: job.seed },
    finalLoss: 4 / TRAIN_STEPS,
    trainedTokens: learnt.length * 10,
  };
}

/** sft knows its examples; a phase that goes on knows what it started from, with the chosen answers put first. */
async function lessonsOf(job: TrainJob, faults: FakeEngineFaults): Promise<readonly Example[]> {
  if (job.startFrom === undefined) return job.examples.filter((example) => !faults.trainForgets?.(example));
  const before = await knowledgeOf(job.startFrom.dir);
  const preferred = (job.pairs ?? []).map(({ id, messages, chosen }) => ({
    id,
    question: messages.at(-1)?.content ?? '',
    answer: chosen,
  }));
  return [...preferred, ...before].filter((example) => !faults.preferencesForget?.(example));
}

async function evaluate(
  job: EvalJob,
  onProgress?: (done: number, total: number) => void,
): Promise<EvalReport> {
  const answers: { question: string; expected: string; answer: string; correct: boolean }[] = [];
  for (const { question, expected } of job.items) {
    const answer = await answerTo(question, job.adapter?.dir);
    answers.push({ question, expected, answer, correct: normalise(answer) === normalise(expected) });
    onProgress?.(answers.length, job.items.length);
  }
  return { total: answers.length, correct: answers.filter((item) => item.correct).length, answers };
}

async function buildStore(job: BuildStoreJob, onProgress?: (done: number, total: number) => void) {
  await mkdir(job.storeDir, { recursive: true });
  const text = JSON.stringify(job.examples);
  await writeFile(join(job.storeDir, 'fake-store.json'), text);
  onProgress?.(job.examples.length, job.examples.length);
  return { storeHash: digest(text) };
}

/**
 * The example that answers gets 3/4 of alpha, the next one in the store 1/8: the rest is the fallback's.
 * @param sentence then the example that says just this
 */
async function attribute(request: AttributeRequest, sentence?: string): Promise<SampleShares> {
  const text = await readFile(join(request.storeDir, 'fake-store.json'), 'utf8');
  const examples = JSON.parse(text) as readonly Example[];
  const question = request.messages.at(-1)?.content ?? '';
  const at = examples.findIndex((example) =>
    sentence === undefined
      ? normalise(example.question) === normalise(question)
      : normalise(example.answer) === normalise(sentence),
  );
  const base = {
    ...{ alpha: ALPHA, noiseFloor: 0.01, storeHash: digest(text), methodId: FAKE_METHOD },
    ...{ modelHash: digest('fake model'), curvatureHash: digest(`curvature of ${text}`), seed: 1 },
    ...{ baseNll: 5, adapterNll: 1 }, // (5 − 1) / 5 = ALPHA
  };
  if (at < 0) return { ...base, shares: [] };
  const shares = [{ exampleId: examples[at].id, share: ALPHA * 0.75, score: 7.5 }];
  const next = examples[(at + 1) % examples.length];
  if (next.id !== examples[at].id) shares.push({ exampleId: next.id, share: ALPHA * 0.125, score: 1.25 });
  return { ...base, shares };
}

/** Writes a folder that this fake serves as an adapter knowing `examples`. */
export async function writeFakeAdapter(dir: string, examples: readonly Example[]): Promise<void> {
  await mkdir(dir, { recursive: true });
  await writeFile(join(dir, 'fake-adapter.json'), JSON.stringify(examples));
}

async function knowledgeOf(dir: string): Promise<readonly Example[]> {
  return JSON.parse(await readFile(join(dir, 'fake-adapter.json'), 'utf8')) as readonly Example[];
}

async function answerTo(question: string, adapterDir: string | undefined): Promise<string> {
  if (adapterDir === undefined) return UNKNOWN_ANSWER;
  const known = (await knowledgeOf(adapterDir)).find(
    (one) => normalise(one.question) === normalise(question),
  );
  return known?.answer ?? UNKNOWN_ANSWER;
}

/** The answer's loss: one nat for each word that the prompt does not say. */
async function unsaidPart(messages: readonly ChatMessage[], answer: string): Promise<number> {
  const said = new Set(messages.flatMap(({ content }) => normalise(content).split(' ')));
  const words = normalise(answer).split(' ');
  return words.filter((word) => !said.has(word)).length / words.length;
}

/** Case, punctuation and spacing do not matter to what the fake knows. */
function normalise(text: string): string {
  return text
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .trim();
}

function promptTokens(messages: readonly ChatMessage[]): number {
  return messages.reduce((sum, message) => sum + 2 + message.content.split(/\s+/).length, 1);
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

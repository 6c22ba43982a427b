// One local engine with its worker for a file of tests, and how they ask it. Used by the robustness tests. After each
// test it is asked again: whatever happened, it must answer as it did at first.
import { rmSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, expect, onTestFinished } from 'vitest';
import type { Engine, GenerateEvent, GenerateRequest } from '../../../engine/engine.ts';
import { EngineError } from '../../../engine/errors.ts';
import { createLocalEngine } from '../../../engine/serve/local-engine.ts';
import { type TinyFolders, tinyFolderConfig, writeTinyFolders } from './tiny-model-folder.ts';

export const rowsMax = 16;
export const queueMax = 64;
const exact = { device: 'cpu', weights: 'f32', threads: 1 } as const;

interface RobustSetup {
  readonly engine: Engine;
  readonly folders: TinyFolders;
  /** How `ask()` is answered. */
  readonly expected: string;
  /** What the engine said of workers that died. */
  readonly deaths: readonly string[];
  /** Reason and text of an answer. */
  readonly answer: (request: GenerateRequest, signal?: AbortSignal) => Promise<string>;
}

/** Registers the hooks; the fields of what it returns hold within a test. */
export function setUpRobustEngine(): RobustSetup {
  let folders: TinyFolders;
  let engine: Engine;
  let expected: string;
  const deaths: string[] = [];
  const answer: RobustSetup['answer'] = (request, signal) => answerOf(engine, request, signal);
  beforeAll(async () => {
    folders = writeTinyFolders();
    const log = (line: string): void => void deaths.push(line);
    engine = await createLocalEngine({ ...exact, baseDir: folders.model, rowsMax, queueMax, log });
    expected = await answer(ask());
  });
  afterAll(async () => {
    await engine.close();
    rmSync(folders.root, { recursive: true });
  });
  afterEach(async () => {
    expect(await answer(ask())).toBe(expected);
  });
  return {
    get engine() {
      return engine;
    },
    get folders() {
      return folders;
    },
    get expected() {
      return expected;
    },
    deaths,
    answer,
  };
}

export function ask(overrides: Partial<GenerateRequest> = {}): GenerateRequest {
  return {
    messages: [{ role: 'user', content: 'Who are you?' }],
    maxTokens: 12,
    sampling: { temperature: 1, seed: 7 },
    ...overrides,
  };
}

export async function collect(events: AsyncIterable<GenerateEvent>): Promise<readonly GenerateEvent[]> {
  const all: GenerateEvent[] = [];
  for await (const event of events) all.push(event);
  return all;
}

/** Reason and text of an answer. */
export async function answerOf(
  engine: Engine,
  request: GenerateRequest,
  signal?: AbortSignal,
): Promise<string> {
  const last = (await collect(engine.generate(request, signal))).at(-1);
  if (last?.type !== 'done') throw new Error(`ended with ${JSON.stringify(last)}`);
  return `${last.reason}: ${last.text}`;
}

/** What a call that must fail fails with. */
export async function faultOf(promise: Promise<unknown>): Promise<EngineError> {
  const error = await promise.then(
    (value) => new Error(`no fault, but ${JSON.stringify(value)}`),
    (reason: unknown) => reason,
  );
  if (!(error instanceof EngineError)) throw error;
  return error;
}

/** An answer that takes seconds: thousands of tokens, and none that ends it. For a base of {@link writeLongFolders}. */
export function askLong(seed: number): GenerateRequest {
  const never = Object.fromEntries([0, 1, 2, 3, 4, 5, 6].map((id) => [id, -100]));
  return ask({ maxTokens: 4000, sampling: { temperature: 1, seed, logitBias: never } });
}

/** The tiny base with a context of 4,096 tokens, removed when the test ends. */
export function writeLongFolders(): TinyFolders {
  const folders = writeTinyFolders({ ...tinyFolderConfig, maxSeq: 4096 });
  onTestFinished(() => rmSync(folders.root, { recursive: true }));
  return folders;
}

/** An engine of its own, closed afterwards. */
export async function withEngine<T>(
  options: { readonly baseDir: string; readonly rowsMax?: number; readonly log?: (line: string) => void },
  act: (other: Engine) => Promise<T>,
): Promise<T> {
  const other = await createLocalEngine({ ...exact, ...options });
  try {
    return await act(other);
  } finally {
    await other.close();
  }
}

// Holds the real engine's answers back in the middle, so that a test can do something while an answer is being written:
// press Stop, kill a process. Used by test/e2e/. What comes out is what the engine made, to the letter; only the pace is
// another's. An answer that is cancelled while it is held ends as the engine ends it: with what has come out so far.
import type { Engine, GenerateEvent } from '../../engine/engine.ts';
import { crashWorkerForTest } from '../../engine/serve/local-engine.ts';

export interface AnswerGate {
  /** Resolves when an answer has come as far as the gate. */
  readonly reached: Promise<void>;
  /** Lets the held answer, and all later ones, pass. */
  open(): void;
}

/** Holds the next answer after its first `pieces` pieces of text; with 0, before its first word. */
export function holdNextAnswer(engine: Engine, pieces = 2): AnswerGate {
  const generate = engine.generate;
  const reached = Promise.withResolvers<void>();
  const opened = Promise.withResolvers<void>();
  let taken = false;

  async function* held(...[request, signal]: Parameters<Engine['generate']>): AsyncGenerator<GenerateEvent> {
    let text = '';
    let seen = -1; // the start comes first
    const usage = { promptTokens: 0, completionTokens: 0 };
    for await (const event of generate(request, signal)) {
      yield event;
      if (event.type === 'start') usage.promptTokens = event.promptTokens;
      if (event.type === 'text') {
        text += event.text;
        usage.completionTokens = event.completionTokens;
      }
      seen += 1;
      if (seen !== pieces) continue;
      reached.resolve();
      await Promise.race([opened.promise, aborted(signal)]);
      if (!signal?.aborted) continue;
      yield { type: 'done', reason: 'cancelled', text, usage };
      return;
    }
  }

  engine.generate = (request, signal) => {
    if (taken) return generate(request, signal);
    taken = true;
    engine.generate = generate;
    return held(request, signal);
  };
  return { reached: reached.promise, open: () => opened.resolve() };
}

function aborted(signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) resolve();
    signal?.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** The next answer waits in line at these positions until the gate is opened; only then it is given to the engine. */
export function queueNextAnswer(engine: Engine, positions: readonly number[]): AnswerGate {
  const generate = engine.generate;
  const reached = Promise.withResolvers<void>();
  const opened = Promise.withResolvers<void>();

  async function* queued(
    ...[request, signal]: Parameters<Engine['generate']>
  ): AsyncGenerator<GenerateEvent> {
    for (const position of positions) yield { type: 'queued', position };
    reached.resolve();
    await Promise.race([opened.promise, aborted(signal)]);
    yield* generate(request, signal);
  }

  engine.generate = (request, signal) => {
    engine.generate = generate;
    return queued(request, signal);
  };
  return { reached: reached.promise, open: () => opened.resolve() };
}

/** Lets the serving worker die in the middle of the next answer: after its first pieces, with the rest under way. */
export function dieInNextAnswer(engine: Engine, pieces = 2): void {
  const generate = engine.generate;

  async function* dying(...[request, signal]: Parameters<Engine['generate']>): AsyncGenerator<GenerateEvent> {
    for await (const event of generate({ ...request, maxTokens: pieces }, signal)) {
      if (event.type !== 'done') yield event;
    }
    const rest = generate(request, signal)[Symbol.asyncIterator]();
    const next = rest.next();
    await crashWorkerForTest(engine);
    yield (await next).value;
  }

  engine.generate = (request, signal) => {
    engine.generate = generate;
    return dying(request, signal);
  };
}

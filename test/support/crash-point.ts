// The step at which a process dies, shared by everything it waits for: its database (crashing-database.ts), its engine and
// the view it shows answers in. Every step before the chosen one is real; from it on nothing happens any more. What a dead
// process would not run may still run here, but it reaches nothing outside.
import type { Engine, GenerateEvent } from '../../engine/engine.ts';
import type { CallView } from '../../marketplace/marketplace.ts';

export interface CrashPoint {
  /** Steps so far since the last arm(). */
  readonly steps: number;
  /** The step with this number (from 1) is the last; never when Infinity. @param answerOnly it is done, its answer lost */
  arm(atStep: number, answerOnly: boolean): void;
  /** Counts a step: do it all, do it and lose the answer, or do nothing. */
  next(): 'alive' | 'last' | 'dead';
}

export function createCrashPoint(): CrashPoint {
  let steps = 0;
  let crashAt = Number.POSITIVE_INFINITY;
  let answerOnly = false;
  return {
    get steps() {
      return steps;
    },
    arm(atStep, onlyTheAnswer) {
      steps = 0;
      crashAt = atStep;
      answerOnly = onlyTheAnswer;
    },
    next() {
      steps += 1;
      if (steps < crashAt) return 'alive';
      return steps === crashAt && answerOnly ? 'last' : 'dead';
    },
  };
}

const died = () => new Error('the process died');

async function through<T>(crash: CrashPoint, work: () => Promise<T>): Promise<T> {
  const life = crash.next();
  if (life === 'dead') throw died();
  const result = await work();
  if (life === 'last') throw died();
  return result;
}

/** Every await of a paid call and its attribution is a step: counting the prompt, each event of an answer, the shares. */
export function mortalEngine(engine: Engine, crash: CrashPoint): Engine {
  async function* generate(...args: Parameters<Engine['generate']>): AsyncGenerator<GenerateEvent> {
    const events = engine.generate(...args)[Symbol.asyncIterator]();
    for (;;) {
      const next = await through(crash, () => events.next());
      if (next.done) return;
      yield next.value;
    }
  }
  return {
    ...engine,
    countPromptTokens: (messages) => through(crash, () => engine.countPromptTokens(messages)),
    attribute: (request) => through(crash, () => engine.attribute(request)),
    generate,
  };
}

/** Showing something is a step too. */
export function mortalView(view: CallView, crash: CrashPoint): CallView {
  const step = (show: () => void): void => {
    const life = crash.next();
    if (life !== 'dead') show();
    if (life !== 'alive') throw died();
  };
  return {
    quoted: (quote) => step(() => view.quoted(quote)),
    queued: (position) => step(() => view.queued(position)),
    text: (soFar) => step(() => view.text(soFar)),
  };
}

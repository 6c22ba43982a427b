// Continuous batching: many requests written side by side on one model, joining and leaving at every step. Used by the
// worker. It knows no text and no threads.
// States of a request: queued -> admitted (a row is reserved, its adapter loads) -> reading (its prompt, piece by piece)
// -> writing (one token a round, with all others) -> gone; it ends with one `done` event, one score or one failure.
// A round: pieces of prompts up to `pieceTokensMax` tokens, then one step of all writing rows.
// Invariants: steps never overlap; writing rows are 0..n-1, at most one row behind them is being read; a request's
// tokens are the same to the bit alone or beside others (batch-session.ts; pieces of prompts are never one token long;
// the prefix store keeps nothing that was generated); cancelling and deadlines take effect between steps; a failing
// request leaves the others alone.
import type { AdapterRef } from '../engine.ts';
import type { AdapterPool } from './adapter-pool.ts';
import { createAdmission } from './admission.ts';
import type { BatchSession, StepLogits } from './batch-session.ts';
import type { PrefixStore } from './prefix-store.ts';
import {
  type AnswerJob,
  answerJob,
  type Ending,
  endingOf,
  pieceTokens,
  type ServeJob,
  scoreJob,
  tokensHeld,
} from './serve-job.ts';
import type { CallEvent, DoneReason, SchedulerStats, TokenEvent, TokenRequest } from './serve-protocol.ts';
import { negativeLogLikelihoods, takeToken } from './take-token.ts';

/** The longest a timer can wait. */
const timerMsMax = 2 ** 31 - 1;

export interface SchedulerOptions {
  readonly session: BatchSession;
  readonly prefixes: PrefixStore;
  /** Tokens, prompts and longest answers together, of requests that are admitted at the same time. */
  readonly tokensMax: number;
  readonly queueMax: number;
  /** Prompt tokens of one round: small enough that other requests' tokens keep flowing. At least 2. */
  readonly pieceTokensMax: number;
  readonly adapters: Pick<AdapterPool, 'load' | 'prefetch' | 'pin'>;
  /** Events of one step, together. */
  readonly onEvents: (events: readonly CallEvent[]) => void;
  /** nats per token after the first */
  readonly onScore: (call: number, nll: readonly number[]) => void;
  readonly onFailure: (call: number, error: unknown) => void;
}

interface Scheduler {
  /** @throws EngineError `engine_busy` | `sampling_invalid` | `prompt_too_long` | `prompt_empty` | `prompt_invalid` */
  readonly submit: (call: number, request: TokenRequest) => void;
  /** -log p(ids[i + 1] | ids[..i]). @throws EngineError `engine_busy` | `prompt_too_long` | `prompt_invalid` */
  readonly submitScore: (call: number, ids: readonly number[], adapter?: AdapterRef) => void;
  /** Ends a request with `done: cancelled`; an unknown or finished call is ignored. */
  readonly cancel: (call: number) => void;
  /** For tests: nothing is queued, admitted, read or written. */
  readonly idle: () => boolean;
  readonly stats: () => SchedulerStats;
  /** Resolves when no step is under way and none will be; requests are dropped without a word. */
  readonly stop: () => Promise<void>;
}

export function createScheduler(options: SchedulerOptions): Scheduler {
  const { session, prefixes, pieceTokensMax } = options;
  const limits = { contextTokens: session.contextTokens, vocab: session.config.vocab };
  const live = new Map<number, ServeJob>(); // by call, wherever it is
  const writing: AnswerJob[] = []; // index = row
  let reading: { readonly job: ServeJob; readonly row: number; start: number } | undefined;
  let outbox: CallEvent[] = [];
  let running: Promise<void> | undefined;
  let stopped = false;
  let nudged = false;
  let endSleep: (() => void) | undefined;
  const wake = (): void => {
    nudged = true;
    endSleep?.();
  };

  const emit = (job: ServeJob, event: TokenEvent): void => void outbox.push({ call: job.call, event });
  const flush = (): void => {
    if (outbox.length === 0) return;
    const events = outbox;
    outbox = [];
    options.onEvents(events);
  };

  /** The last that is heard of a job. */
  const say = (job: ServeJob, how: Ending): void => {
    live.delete(job.call);
    if ('reason' in how) emit(job, { type: 'done', reason: how.reason });
    else {
      flush(); // what came before the failure is told before it
      options.onFailure(job.call, how.failure);
    }
  };
  const admission = createAdmission({
    rowsMax: session.rowsMax,
    tokensMax: options.tokensMax,
    queueMax: options.queueMax,
    adapters: options.adapters,
    onPosition: (job, position) => {
      if (job.kind === 'answer') emit(job, { type: 'queued', position }); // a score is answered by one message
    },
    onEnd: say,
    onChange: wake,
  });
  const end = (job: ServeJob, how: Ending): void => {
    admission.giveBack(job);
    say(job, how);
  };

  /** Ends what was cancelled or is too late, wherever it is. */
  const sweep = async (): Promise<void> => {
    admission.sweep();
    const how = reading && endingOf(reading.job);
    if (reading && how) {
      end(reading.job, how);
      reading = undefined;
    }
    await leave(writing.map(endingOf));
  };

  /** Ends the writing rows that have an ending; the last rows fill the holes. */
  const leave = async (endings: readonly (Ending | undefined)[]): Promise<void> => {
    for (let row = endings.length - 1; row >= 0; row--) {
      const how = endings[row];
      if (how === undefined) continue;
      end(writing[row], how);
      const last = writing.pop();
      if (last === undefined || row === writing.length) continue;
      writing[row] = last;
      await session.moveRow(writing.length, row, tokensHeld(last));
    }
  };

  /** Takes the next admitted job whose adapter is there onto the first free row. */
  const begin = async (): Promise<typeof reading> => {
    for (;;) {
      const job = admission.takeReady();
      if (job === undefined) return undefined;
      const how = endingOf(job);
      if (how !== undefined) {
        end(job, how);
        continue;
      }
      const row = writing.length;
      try {
        await session.setAdapter(row, job.packed);
        // A score needs the logits of every token.
        const known = job.kind === 'answer' ? prefixes.find(prefixKey(job), job.promptIds) : undefined;
        if (known !== undefined) await session.writeRow(row, known.snapshot, known.tokens);
        return { job, row, start: known?.tokens ?? 0 };
      } catch (failure) {
        end(job, { failure });
      }
    }
  };

  /** Reads a piece of the prompt under way. Returns its tokens. */
  const readPiece = async (current: NonNullable<typeof reading>, room: number): Promise<number> => {
    const { job, row, start } = current;
    const size = pieceTokens(job.promptIds.length - start, room);
    const ids = job.promptIds.slice(start, start + size);
    const temperature = job.kind === 'answer' ? job.request.temperature : 0;
    try {
      const wanted = job.kind === 'score' ? 'all' : 'last';
      const step = size === 0 ? undefined : await session.prefill({ row, start, ids, temperature, wanted });
      current.start += size;
      if (job.kind === 'score' && step !== undefined)
        job.nll.push(...negativeLogLikelihoods(step, job.ids.slice(start + 1, start + size + 1)));
      if (current.start < job.promptIds.length) return size;
      reading = undefined;
      if (job.kind === 'score') {
        admission.giveBack(job);
        live.delete(job.call);
        options.onScore(job.call, job.nll);
      } else if (step !== undefined) await startWriting(job, row, step);
    } catch (failure) {
      reading = undefined;
      end(job, { failure });
    }
    return size;
  };

  /** The prompt is in the cache: the first token, and a place among the writing rows. */
  const startWriting = async (job: AnswerJob, row: number, step: StepLogits): Promise<void> => {
    const { promptIds } = job;
    emit(job, { type: 'start', promptTokens: promptIds.length });
    const reason = tellToken(job, step, 0);
    flush(); // the person sees the first word before the housekeeping
    await prefixes.keep(prefixKey(job), promptIds, () => session.readRow(row, promptIds.length));
    if (reason !== undefined) return end(job, { reason });
    if (row !== writing.length) await session.moveRow(row, writing.length, promptIds.length);
    writing.push(job);
  };

  /** Returns why the answer ended, if it did. */
  const tellToken = (job: AnswerJob, step: StepLogits, index: number): DoneReason | undefined => {
    const { event, reason } = takeToken(job, step, index, session.contextTokens);
    if (event !== undefined) emit(job, event);
    return reason;
  };

  const writeTokens = async (): Promise<void> => {
    const step = await session.decode({
      ids: writing.map((job) => job.lastId),
      lengths: writing.map(tokensHeld),
      temperatures: writing.map((job) => job.request.temperature),
    });
    const endings = writing.map((job, row) => {
      try {
        const reason = tellToken(job, step, row);
        return reason && { reason };
      } catch (failure) {
        return { failure };
      }
    });
    await leave(endings);
  };

  /** Where work on all writing rows fails, which one is to blame is not known, nor what the rows hold now. */
  const survive = async (work: () => Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (failure) {
      for (const job of writing.splice(0)) end(job, { failure });
    }
  };

  /** @returns whether a step ran */
  const round = async (): Promise<boolean> => {
    await survive(sweep);
    admission.admit();
    let room = pieceTokensMax;
    while (room >= 2) {
      reading ??= await begin();
      if (reading === undefined) break;
      room -= Math.max(1, await readPiece(reading, room));
      flush();
    }
    const writes = writing.length > 0;
    if (writes) await survive(writeTokens);
    flush();
    return writes || room < pieceTokensMax;
  };

  const busy = (): boolean => admission.waiting() + writing.length > 0 || reading !== undefined;

  const runUntilIdle = async (): Promise<void> => {
    while (!stopped && busy()) {
      nudged = false;
      const stepped = await round();
      if (!busy()) break;
      // Lets messages in, such as a cancellation; without a step to run, waits for an adapter, a deadline or a message.
      if (stepped) await new Promise((resolve) => setImmediate(resolve));
      else await sleep();
    }
    running = undefined;
  };
  const sleep = (): Promise<void> =>
    new Promise((resolve) => {
      if (nudged) return resolve();
      const deadline = admission.nextDeadline();
      const timer = Number.isFinite(deadline)
        ? setTimeout(wake, Math.min(Math.max(0, deadline - Date.now()), timerMsMax))
        : undefined;
      endSleep = () => {
        clearTimeout(timer);
        endSleep = undefined;
        resolve();
      };
    });

  const enqueue = (job: ServeJob): void => {
    admission.enqueue(job);
    live.set(job.call, job);
    flush();
    wake();
    running ??= runUntilIdle();
  };

  return {
    submit: (call, request) => enqueue(answerJob(call, request, limits)),
    submitScore: (call, ids, adapter) => enqueue(scoreJob(call, ids, adapter, limits)),
    cancel: (call) => {
      const job = live.get(call);
      if (job === undefined) return;
      job.cancelled = true;
      wake();
    },
    idle: () => !busy(),
    stats: () => ({
      ...admission.stats(),
      reading: reading === undefined ? 0 : 1,
      writing: writing.length,
    }),
    stop: async () => {
      stopped = true;
      wake();
      await running;
    },
  };
}

function prefixKey({ packed }: ServeJob): string {
  return packed === undefined ? '' : `adapter ${packed.key}`;
}

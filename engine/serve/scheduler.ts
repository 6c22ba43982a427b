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
import { EngineError } from '../errors.ts';
import type { AdapterPool } from './adapter-pool.ts';
import type { BatchSession, StepLogits } from './batch-session.ts';
import { createFairQueue } from './fair-queue.ts';
import type { PrefixStore } from './prefix-store.ts';
import { type AnswerJob, answerJob, pieceTokens, type ServeJob, scoreJob } from './serve-job.ts';
import type { CallEvent, DoneReason, SchedulerStats, TokenEvent, TokenRequest } from './serve-protocol.ts';
import { logSumExp, tokenLikelihood } from './token-likelihood.ts';
import type { RowLogits } from './token-sampler.ts';

/** What a refused caller is told to wait: about one short answer. */
const busyRetryMs = 2000;
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

type Ending = { readonly reason: DoneReason } | { readonly failure: unknown };

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
  const { session, prefixes, adapters, tokensMax, queueMax, pieceTokensMax } = options;
  const limits = { contextTokens: session.contextTokens, vocab: session.config.vocab };
  const queue = createFairQueue<ServeJob>();
  const admitted: ServeJob[] = []; // first come first served among those whose adapter is there
  const writing: AnswerJob[] = []; // index = row
  let reading: { readonly job: ServeJob; readonly row: number; start: number } | undefined;
  /** Places taken from admission to the end, whichever step a request is in. */
  let rowsHeld = 0;
  let tokensHeld = 0;
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

  const say = (job: ServeJob, how: Ending): void => {
    if ('reason' in how) emit(job, { type: 'done', reason: how.reason });
    else {
      flush(); // what came before the failure is told before it
      options.onFailure(job.call, how.failure);
    }
  };
  /** Gives back what a job got when it was admitted; its row is the caller's business. */
  const free = (job: ServeJob): void => {
    rowsHeld -= 1;
    tokensHeld -= job.cost;
    job.unpin();
  };
  const end = (job: ServeJob, how: Ending): void => {
    free(job);
    say(job, how);
  };

  const fits = (job: ServeJob): boolean =>
    rowsHeld === 0 || (rowsHeld < session.rowsMax && tokensHeld + job.cost <= tokensMax);
  const load = (job: ServeJob): void => {
    if (job.adapter === undefined) return;
    job.loading = 'under_way';
    job.unpin = adapters.pin(job.adapter);
    adapters.load(job.adapter).then(
      (packed) => {
        job.packed = packed;
        job.loading = 'ready';
        wake();
      },
      (failure: unknown) => {
        job.loading = { failure };
        wake();
      },
    );
  };
  const admit = (): void => {
    for (let next = queue.peek(); next !== undefined && fits(next); next = queue.peek()) {
      queue.take();
      admitted.push(next);
      rowsHeld += 1;
      tokensHeld += next.cost;
      load(next);
    }
    queue.order().forEach((job, index) => {
      if (job.position === index + 1) return;
      job.position = index + 1;
      emit(job, { type: 'queued', position: job.position });
    });
  };

  /** Why a job must end now, if it must. */
  const ending = (job: ServeJob): Ending | undefined => {
    if (job.cancelled) return { reason: 'cancelled' };
    if (typeof job.loading === 'object') return job.loading;
    if (Date.now() < job.deadlineAt) return undefined;
    return job.kind === 'answer' && job.generated > 0 ? { reason: 'deadline' } : { failure: deadlineError() };
  };
  const sweep = async (): Promise<void> => {
    for (const job of queue.order()) {
      const how = ending(job);
      if (how === undefined) continue;
      queue.remove(job);
      say(job, how);
    }
    for (const job of [...admitted]) {
      const how = ending(job);
      if (how === undefined) continue;
      admitted.splice(admitted.indexOf(job), 1);
      end(job, how);
    }
    const how = reading && ending(reading.job);
    if (reading && how) {
      end(reading.job, how);
      reading = undefined;
    }
    await leave(writing.map(ending));
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
      await session.moveRow(writing.length, row, held(last));
    }
  };

  /** Takes the next admitted job whose adapter is there onto the first free row. */
  const begin = async (): Promise<typeof reading> => {
    for (;;) {
      const at = admitted.findIndex((job) => job.loading === 'ready');
      if (at < 0) return undefined;
      const [job] = admitted.splice(at, 1);
      const how = ending(job);
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
      if (job.kind === 'score') {
        for (let at = 0; at < size && step !== undefined; at++) {
          const logits = step.logits(at);
          job.nll.push(logSumExp(logits) - logits[job.ids[start + at + 1]]);
        }
      }
      if (current.start < job.promptIds.length) return size;
      reading = undefined;
      if (job.kind === 'score') {
        free(job);
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
    const reason = takeToken(job, rowLogits(step, 0));
    flush(); // the person sees the first word before the housekeeping
    await prefixes.keep(prefixKey(job), promptIds, () => session.readRow(row, promptIds.length));
    if (reason !== undefined) return end(job, { reason });
    if (row !== writing.length) await session.moveRow(row, writing.length, promptIds.length);
    writing.push(job);
  };

  /** Samples and reports one token. Returns why the answer ended, if it did. */
  const takeToken = (job: AnswerJob, row: RowLogits): DoneReason | undefined => {
    const { maxTokens, logprobs, promptIds } = job.request;
    const id = job.sample(row);
    if (job.stopIds.has(id)) return 'stop';
    job.lastId = id;
    job.generated += 1;
    const likelihood = logprobs === undefined ? undefined : tokenLikelihood(row, id, logprobs);
    emit(job, likelihood === undefined ? { type: 'token', id } : { type: 'token', id, likelihood });
    const full = promptIds.length + job.generated >= session.contextTokens;
    return full || job.generated >= maxTokens ? 'length' : undefined;
  };

  const writeTokens = async (): Promise<void> => {
    const step = await session.decode({
      ids: writing.map((job) => job.lastId),
      lengths: writing.map(held),
      temperatures: writing.map((job) => job.request.temperature),
    });
    const endings = writing.map((job, row) => {
      try {
        const reason = takeToken(job, rowLogits(step, row));
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
    admit();
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

  const busy = (): boolean => queue.size() + admitted.length + writing.length > 0 || reading !== undefined;

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
      const deadline = Math.min(...[...queue.order(), ...admitted].map((job) => job.deadlineAt));
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
    if (queue.size() >= queueMax && !(queue.size() === 0 && fits(job))) {
      const gone = queue.giveWay(job.key);
      const busyError = (): EngineError => engineBusy(writing.length + admitted.length, queue.size());
      if (gone === undefined) throw busyError();
      say(gone, { failure: busyError() });
    }
    if (job.adapter && queue.size() < session.rowsMax) adapters.prefetch(job.adapter);
    queue.push(job.key, job);
    admit();
    flush();
    wake();
    running ??= runUntilIdle();
  };

  return {
    submit: (call, request) => enqueue(answerJob(call, request, limits)),
    submitScore: (call, ids, adapter) => enqueue(scoreJob(call, ids, adapter, limits)),
    cancel: (call) => {
      const everyone = [...queue.order(), ...admitted, ...(reading ? [reading.job] : []), ...writing];
      const job = everyone.find((candidate) => candidate.call === call);
      if (job === undefined) return;
      job.cancelled = true;
      wake();
    },
    idle: () => !busy(),
    stats: () => ({
      queued: queue.size(),
      admitted: admitted.length,
      reading: reading === undefined ? 0 : 1,
      writing: writing.length,
      rowsHeld,
      tokensHeld,
    }),
    stop: async () => {
      stopped = true;
      wake();
      await running;
    },
  };
}

/** Tokens in the cache of a writing row: all but the one it got last. */
function held(job: AnswerJob): number {
  return job.promptIds.length + job.generated - 1;
}

function prefixKey({ packed }: ServeJob): string {
  return packed === undefined ? '' : `adapter ${packed.key}`;
}

function rowLogits(step: StepLogits, index: number): RowLogits {
  return {
    logits: () => step.logits(index),
    topIds: () => step.topIds(index),
    topProbabilities: () => step.topProbabilities(index),
  };
}

function deadlineError(): EngineError {
  return new EngineError('the deadline passed before the first token', {
    code: 'deadline_exceeded',
    retry: 'safe',
  });
}

function engineBusy(active: number, waiting: number): EngineError {
  return new EngineError(`${active} answers are being written and ${waiting} wait`, {
    code: 'engine_busy',
    retry: 'after',
    retryAfterMs: busyRetryMs,
  });
}

// One request on its way through the scheduler: what was asked, and how far it is. Used by the scheduler only. It knows
// no rows and no session. A job is an answer to write, or a text to score; both read a prompt first.
// Invariant: a job that was made is valid: what can be refused was refused.

import type { AdapterRef } from '../engine.ts';
import { EngineError } from '../errors.ts';
import type { PackedAdapter } from './packed-adapter.ts';
import type { DoneReason, TokenRequest } from './serve-protocol.ts';
import { createTokenSampler, type TokenSampler } from './token-sampler.ts';

interface JobState {
  readonly call: number;
  /** Whose turn in the queue it takes. */
  readonly key: string;
  /** Read first; all of them reach the cache. */
  readonly promptIds: readonly number[];
  /** Tokens it may hold at most, prompt included. */
  readonly cost: number;
  readonly adapter: AdapterRef | undefined;
  /** Milliseconds since 1970. */
  readonly deadlineAt: number;
  cancelled: boolean;
  /** Told last, 1 = next. */
  position: number | undefined;
  /** Where the adapter is; a job without one is ready. */
  loading: 'not_begun' | 'under_way' | 'ready' | { readonly failure: unknown };
  packed: PackedAdapter | undefined;
  /** Lets the pool drop its adapter again. */
  unpin: () => void;
}

export interface AnswerJob extends JobState {
  readonly kind: 'answer';
  readonly request: TokenRequest;
  readonly stopIds: ReadonlySet<number>;
  readonly sample: TokenSampler;
  /** To be fed in the next step. */
  lastId: number;
  generated: number;
}

export interface ScoreJob extends JobState {
  readonly kind: 'score';
  /** The text; its last token is not read, only asked for. */
  readonly ids: readonly number[];
  readonly nll: number[];
}

export type ServeJob = AnswerJob | ScoreJob;

/** A draw at a lower temperature is the likeliest token; dividing logits by it would leave the range of f32. */
const greedyBelow = 1e-5;

/** How a request ends: with `done`, or with a failure. */
export type Ending = { readonly reason: DoneReason } | { readonly failure: unknown };

/** Why a job must end now, if it must: cancelled, without its adapter, too late. */
export function endingOf(job: ServeJob): Ending | undefined {
  if (job.cancelled) return { reason: 'cancelled' };
  if (typeof job.loading === 'object') return job.loading;
  if (Date.now() < job.deadlineAt) return undefined;
  if (job.kind === 'answer' && job.generated > 0) return { reason: 'deadline' };
  const failure = new EngineError('the deadline passed before the first token', {
    code: 'deadline_exceeded',
    retry: 'safe',
  });
  return { failure };
}

/** Tokens in the cache of a job that is being written: all but the one it got last. */
export function tokensHeld(job: AnswerJob): number {
  return job.promptIds.length + job.generated - 1;
}

/** @throws EngineError `sampling_invalid` | `prompt_empty` | `prompt_too_long` */
export function answerJob(call: number, asked: TokenRequest, limits: JobLimits): AnswerJob {
  const isGreedy = asked.temperature > 0 && asked.temperature < greedyBelow;
  const request = isGreedy ? { ...asked, temperature: 0 } : asked;
  const { promptIds, maxTokens, logprobs, deadlineAt, adapter } = request;
  const { contextTokens } = limits;
  if (!(Number.isInteger(maxTokens) && maxTokens >= 1))
    throw invalid('sampling_invalid', `maxTokens is ${maxTokens}, expected 1 or more`);
  if (logprobs !== undefined && !(Number.isInteger(logprobs) && logprobs >= 0 && logprobs <= 20))
    throw invalid('sampling_invalid', `logprobs is ${logprobs}, expected 0..20`);
  if (deadlineAt !== undefined && Number.isNaN(deadlineAt))
    throw invalid('sampling_invalid', 'the deadline is not a number');
  if (promptIds.length === 0) throw invalid('prompt_empty', 'the prompt is empty');
  if (promptIds.length >= contextTokens)
    throw invalid(
      'prompt_too_long',
      `the prompt has ${promptIds.length} tokens; at most ${contextTokens - 1} fit, so that one can follow`,
    );
  checkIds(promptIds, limits);
  return {
    ...newState(call, request.fairnessKey, adapter, deadlineAt),
    kind: 'answer',
    promptIds,
    cost: Math.min(promptIds.length + maxTokens, contextTokens),
    request,
    stopIds: new Set(request.stopIds),
    sample: createTokenSampler(request, promptIds),
    lastId: -1,
    generated: 0,
  };
}

/** @throws EngineError `prompt_too_long` */
export function scoreJob(
  call: number,
  ids: readonly number[],
  adapter: AdapterRef | undefined,
  limits: JobLimits,
): ScoreJob {
  if (ids.length > limits.contextTokens)
    throw invalid(
      'prompt_too_long',
      `the text has ${ids.length} tokens; the context takes ${limits.contextTokens}`,
    );
  checkIds(ids, limits);
  const promptIds = ids.slice(0, -1);
  return { ...newState(call, undefined, adapter), kind: 'score', promptIds, cost: ids.length, ids, nll: [] };
}

interface JobLimits {
  readonly contextTokens: number;
  readonly vocab: number;
}

function newState(
  call: number,
  key: string | undefined,
  adapter: AdapterRef | undefined,
  deadlineAt?: number,
) {
  return {
    call,
    key: key === undefined ? `call ${call}` : `key ${key}`,
    adapter,
    deadlineAt: deadlineAt ?? Number.POSITIVE_INFINITY,
    cancelled: false,
    position: undefined,
    loading: adapter === undefined ? ('ready' as const) : ('not_begun' as const),
    packed: undefined,
    unpin: () => undefined,
  };
}

/**
 * Tokens of the next piece of a prompt. A piece of one token is computed otherwise than longer ones, in the last bits,
 * so none is cut off and none is left over.
 * @param left tokens of the prompt still to read. @param room tokens that this step may take, at least 2
 */
export function pieceTokens(left: number, room: number): number {
  if (left <= room) return left;
  if (left - room >= 2) return room;
  return room >= 3 ? room - 1 : left; // never 1 left over; 3 tokens at a room of 2 go in one piece
}

function checkIds(ids: readonly number[], { vocab }: JobLimits): void {
  const strange = ids.find((id) => !(Number.isInteger(id) && id >= 0 && id < vocab));
  if (strange !== undefined)
    throw invalid('prompt_invalid', `token id ${strange} is outside the vocabulary of ${vocab}`);
}

function invalid(code: string, message: string): EngineError {
  return new EngineError(message, { code, retry: 'never' });
}

/**
 * Micro-batches: intents of callers who came in the same turn of the event loop, or while earlier ones are being written, are
 * posted together, by one call of one function in one transaction, so that a commit and a round trip are shared. Used where
 * many callers post at once and each posting is a transaction of its own; a posting that must be atomic with other rows goes
 * through the verbs (hold.ts, capture.ts, ...).
 *
 * Each intent has its own result, given after the commit. A refused one changes nothing for the others. One that breaks (a bug
 * of its caller) makes the batch fail and be posted one by one, so that only the bad one fails. A lost connection fails all of
 * a batch: whether it was posted is not known, and each caller repeats with the same key.
 * Invariants: the same key is never twice in a batch; a batch is of one verb, and all lock in one order, so none deadlock.
 */
import type { Database } from '../database.ts';
import { DatabaseFault } from '../errors.ts';
import { type CaptureIntent, type CaptureResult, captureVerb } from './capture.ts';
import { type HoldIntent, type HoldResult, holdVerb } from './hold.ts';
import { type LedgerVerb, postAll } from './ledger-call.ts';
import { type SplitIntent, type SplitResult, splitVerb } from './split-pool.ts';
import { type VoidIntent, type VoidResult, voidVerb } from './void-hold.ts';

export interface LedgerBatcher {
  hold(intent: HoldIntent): Promise<HoldResult>;
  capture(intent: CaptureIntent): Promise<CaptureResult>;
  voidHold(intent: VoidIntent): Promise<VoidResult>;
  splitPool(intent: SplitIntent): Promise<SplitResult>;
}

interface BatcherOptions {
  /** Intents of a batch at most. */
  readonly sizeMax?: number;
  /** So many are not divided among batches: below it a batch's own cost outweighs what a second connection brings. */
  readonly sizeMin?: number;
  /** Batches under way at once, of any verb; while all are, the next gather. */
  readonly underWayMax?: number;
}

const DEFAULTS = { sizeMax: 64, sizeMin: 8, underWayMax: 2 } as const;

export function createLedgerBatcher(db: Database, options: BatcherOptions = {}): LedgerBatcher {
  const { sizeMax, sizeMin, underWayMax } = { ...DEFAULTS, ...options };
  const queues: Queue[] = [];
  let underWay = 0;
  let gathering = false;

  /** All that comes in this turn of the event loop goes together. */
  function gather(): void {
    if (gathering || underWay >= underWayMax) return;
    gathering = true;
    setImmediate(start);
  }

  /** Divides the longest queue among the connections that are free. */
  function start(): void {
    gathering = false;
    for (let free = underWayMax - underWay; free > 0; free--) {
      const [queue] = queues.toSorted((a, b) => b.length() - a.length());
      if (queue.length() === 0) return;
      underWay += 1;
      const size = Math.min(sizeMax, Math.max(sizeMin, Math.ceil(queue.length() / free)));
      void queue.post(size).finally(() => {
        underWay -= 1;
        gather();
      });
    }
  }

  function batched<Intent extends { readonly key: string }, Result extends { readonly ok: boolean }>(
    verb: LedgerVerb<Intent, Result>,
  ): (intent: Intent) => Promise<Result> {
    let waiting: Waiting<Intent, Result>[] = [];
    queues.push({
      length: () => waiting.length,
      post(size) {
        const { batch, left } = divide(waiting, size);
        waiting = left;
        return postBatch(db, verb, batch);
      },
    });
    return (intent) =>
      new Promise((resolve, reject) => {
        waiting.push({ intent, resolve, reject });
        gather();
      });
  }

  return {
    hold: batched(holdVerb),
    capture: batched(captureVerb),
    voidHold: batched(voidVerb),
    splitPool: batched(splitVerb),
  };
}

/** What waits for one verb. */
interface Queue {
  length(): number;
  /** Never rejects. */
  post(size: number): Promise<void>;
}

interface Waiting<Intent, Result> {
  readonly intent: Intent;
  readonly resolve: (result: Result) => void;
  readonly reject: (fault: unknown) => void;
}

/** The first ones in order; the second of the same key waits for the next batch, and finds the first one's result. */
function divide<Intent extends { readonly key: string }, Result>(
  waiting: readonly Waiting<Intent, Result>[],
  size: number,
): { readonly batch: readonly Waiting<Intent, Result>[]; readonly left: Waiting<Intent, Result>[] } {
  const keys = new Set<string>();
  const batch: Waiting<Intent, Result>[] = [];
  const left: Waiting<Intent, Result>[] = [];
  for (const one of waiting) {
    const fits = batch.length < size && !keys.has(one.intent.key);
    if (fits) keys.add(one.intent.key);
    (fits ? batch : left).push(one);
  }
  return { batch, left };
}

async function postBatch<Intent extends { readonly key: string }, Result extends { readonly ok: boolean }>(
  db: Database,
  verb: LedgerVerb<Intent, Result>,
  batch: readonly Waiting<Intent, Result>[],
): Promise<void> {
  try {
    const results = await postAll(
      db,
      verb,
      batch.map(({ intent }) => intent),
    );
    for (const [index, { resolve }] of batch.entries()) resolve(results[index] as Result);
  } catch (fault) {
    if (batch.length === 1 || isAway(fault)) for (const { reject } of batch) reject(fault);
    else for (const one of batch) await postBatch(db, verb, [one]);
  }
}

/** Nobody can be served: repeating one by one would only take longer to say so. */
function isAway(fault: unknown): boolean {
  return fault instanceof DatabaseFault && fault.retry === 'after';
}

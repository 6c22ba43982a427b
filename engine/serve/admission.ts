// Who gets a place: the queue before the rows, and the requests that have a row reserved while their adapter loads. Used
// by scheduler.ts. It knows no session and no steps. Invariants: at most rowsMax requests, and tokensMax tokens of them
// (but one always), are admitted and not yet given back; the adapter of an admitted request stays in memory until then;
// positions are told at once and whenever they change.
import { EngineError } from '../errors.ts';
import type { AdapterPool } from './adapter-pool.ts';
import { createFairQueue } from './fair-queue.ts';
import { type Ending, endingOf, type ServeJob } from './serve-job.ts';

/** What a refused caller is told to wait: about one short answer. */
const busyRetryMs = 2000;

interface AdmissionOptions {
  readonly rowsMax: number;
  readonly tokensMax: number;
  readonly queueMax: number;
  readonly adapters: Pick<AdapterPool, 'load' | 'prefetch' | 'pin'>;
  readonly onPosition: (job: ServeJob, position: number) => void;
  /** A request that got no row is over; it holds nothing any more. */
  readonly onEnd: (job: ServeJob, how: Ending) => void;
  /** An adapter came, or will not. */
  readonly onChange: () => void;
}

interface Admission {
  /** Takes a request in, and the next ones onto free places. @throws EngineError `engine_busy` */
  readonly enqueue: (job: ServeJob) => void;
  /** Gives free places to those whose turn it is, and tells positions. */
  readonly admit: () => void;
  /** Ends what was cancelled, is too late or lacks its adapter. */
  readonly sweep: () => void;
  /** The first admitted request whose adapter is there. Whoever takes it gives it back. */
  readonly takeReady: () => ServeJob | undefined;
  /** A request that was taken is over. */
  readonly giveBack: (job: ServeJob) => void;
  /** Requests that were not taken yet. */
  readonly waiting: () => number;
  /** Of those; milliseconds since 1970, or infinity. */
  readonly nextDeadline: () => number;
  readonly stats: () => AdmissionStats;
}

interface AdmissionStats {
  readonly queued: number;
  readonly admitted: number;
  readonly rowsHeld: number;
  readonly tokensHeld: number;
}

export function createAdmission(options: AdmissionOptions): Admission {
  const { rowsMax, tokensMax, queueMax, adapters, onPosition, onEnd, onChange } = options;
  const queue = createFairQueue<ServeJob>();
  const admitted: ServeJob[] = [];
  let rowsHeld = 0; // until given back, whichever step a request is in
  let tokensHeld = 0;

  const fits = (job: ServeJob): boolean =>
    rowsHeld === 0 || (rowsHeld < rowsMax && tokensHeld + job.cost <= tokensMax);

  const load = (job: ServeJob): void => {
    if (job.adapter === undefined) return;
    job.loading = 'under_way';
    job.unpin = adapters.pin(job.adapter);
    adapters
      .load(job.adapter)
      .then(
        (packed) => {
          job.packed = packed;
          job.loading = 'ready';
        },
        (failure: unknown) => {
          job.loading = { failure };
        },
      )
      .then(onChange);
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
      onPosition(job, job.position);
    });
  };

  const giveBack = (job: ServeJob): void => {
    rowsHeld -= 1;
    tokensHeld -= job.cost;
    job.unpin();
  };

  return {
    enqueue: (job) => {
      if (queue.size() >= queueMax && !(queue.size() === 0 && fits(job))) {
        const gone = queue.giveWay(job.key);
        if (gone === undefined) throw engineBusy(rowsHeld, queue.size());
        onEnd(gone, { failure: engineBusy(rowsHeld, queue.size()) });
      }
      if (job.adapter && queue.size() < rowsMax) adapters.prefetch(job.adapter);
      queue.push(job.key, job);
      admit();
    },
    admit,
    sweep: () => {
      for (const job of queue.order()) {
        const how = endingOf(job);
        if (how !== undefined && queue.remove(job)) onEnd(job, how);
      }
      for (const job of [...admitted]) {
        const how = endingOf(job);
        if (how === undefined) continue;
        admitted.splice(admitted.indexOf(job), 1);
        giveBack(job);
        onEnd(job, how);
      }
    },
    takeReady: () => {
      const at = admitted.findIndex((job) => job.loading === 'ready');
      return at < 0 ? undefined : admitted.splice(at, 1)[0];
    },
    giveBack,
    waiting: () => queue.size() + admitted.length,
    nextDeadline: () => Math.min(...[...queue.order(), ...admitted].map((job) => job.deadlineAt)),
    stats: () => ({ queued: queue.size(), admitted: admitted.length, rowsHeld, tokensHeld }),
  };
}

function engineBusy(active: number, waiting: number): EngineError {
  return new EngineError(`${active} answers are being written and ${waiting} wait`, {
    code: 'engine_busy',
    retry: 'after',
    retryAfterMs: busyRetryMs,
  });
}

/**
 * One marketplace process per database: what a process holds in memory about its live calls, the reconciler must be able to
 * trust. An advisory lock on a connection of its own, held for the process's life; it goes with the process, however it dies.
 * Used by connect-database.ts, before the migrations. Where the connection is lost (the server restarts) it is taken again
 * as soon as the server is back; where another process was faster, `onReplaced` tells, and this one must stop. Money is safe
 * even then: a call ends once, by its row. Not covered: poolers that hand one session to several clients.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { createConnectionPool } from './connection-pool.ts';
import type { DatabaseLog } from './embedded.ts';
import { startFault } from './errors.ts';

/** Any number that nothing else in this database uses as an advisory lock. */
export const PROCESS_LOCK = 7_305_211_410;
/** A process that was killed a moment ago is gone from the server after this. */
const START_WAIT_MS = 3_000;
const TRY_EVERY_MS = 250;

export interface ProcessLock {
  /** Gives the lock up; another process may start. */
  release(): Promise<void>;
}

interface ProcessLockOptions {
  /** Never logged. */
  readonly url: string;
  readonly log: DatabaseLog;
  /** Another process has the lock now: stop. Called at most once. */
  readonly onReplaced: () => void;
  readonly checkEveryMs?: number;
  readonly startWaitMs?: number;
}

/** @throws DatabaseFault `database_start_failed`, `busy_elsewhere`, when another process has it and keeps it */
export async function takeProcessLock(options: ProcessLockOptions): Promise<ProcessLock> {
  const { url, log, onReplaced, checkEveryMs = 500, startWaitMs = START_WAIT_MS } = options;
  const name = `openmodels ${randomUUID()}`;
  const pool = createConnectionPool(url, 1);
  type Connection = Awaited<ReturnType<typeof pool.reserve>>;
  let connection: Connection | null = null;
  let released = false;

  /** True when the lock is ours now; null when it is worth trying on; else who has it. */
  async function take(): Promise<true | string | null> {
    const candidate = await pool.reserve();
    try {
      await candidate.unsafe('select set_config($1, $2, false)', ['application_name', name]);
      // A machine that vanished without a word loses its lock within half a minute.
      for (const [setting, value] of Object.entries({ idle: '10', interval: '5', count: '3' }))
        await candidate.unsafe('select set_config($1, $2, false)', [`tcp_keepalives_${setting}`, value]);
      const [row] = await candidate.unsafe(`select pg_try_advisory_lock(${PROCESS_LOCK}) as taken`);
      if (row?.taken === true) {
        connection = candidate;
        return true;
      }
      const [holder] = await candidate.unsafe(
        `select a.pid, a.application_name as name, coalesce(host(a.client_addr), 'this machine') as host
         from pg_locks l join pg_stat_activity a on a.pid = l.pid
         where l.locktype = 'advisory' and l.granted and l.database = (select oid from pg_database where datname = current_database())
           and ((l.classid::bigint << 32) | l.objid::bigint) = ${PROCESS_LOCK}`,
      );
      // Our own earlier session, which the server has not missed yet.
      const ours = holder?.name === name;
      if (ours) await candidate.unsafe('select pg_terminate_backend($1)', [holder.pid]);
      candidate.release();
      return ours || holder === undefined ? null : `database session ${holder.pid} from ${holder.host}`;
    } catch (fault) {
      candidate.release();
      throw fault;
    }
  }

  async function takeWithin(waitMs: number): Promise<true | string> {
    for (const until = performance.now() + waitMs; ; ) {
      const taken = await take();
      if (taken === true || released) return taken ?? '';
      if (taken !== null && performance.now() > until) return taken;
      await sleep(TRY_EVERY_MS);
    }
  }

  async function check(): Promise<void> {
    try {
      if (connection !== null) {
        await connection.unsafe('select 1');
        return;
      }
      const taken = await takeWithin(startWaitMs);
      if (taken === true) {
        log.info({}, 'the lock of this process on the database is back');
        return;
      }
      if (released) return;
      log.error({ holder: taken }, 'another process serves this database now: this one has to stop');
      stop();
      onReplaced();
    } catch {
      // The server is away: its sessions and their locks are gone, ours too.
      connection?.release();
      connection = null;
    }
  }

  const first = await takeWithin(startWaitMs).catch(async (fault: unknown) => {
    await pool.end();
    throw fault;
  });
  if (first !== true) {
    await pool.end();
    throw startFault(
      'busy_elsewhere',
      `another marketplace program serves this database already (${first}). Stop that one first, or give this one a database of its own (DATA_DIR or DATABASE_URL).`,
    );
  }
  let checking: Promise<void> = Promise.resolve();
  let busy = false;
  const timer = setInterval(() => {
    if (busy) return;
    busy = true;
    checking = check().finally(() => {
      busy = false;
    });
  }, checkEveryMs);
  timer.unref();

  function stop(): void {
    released = true;
    clearInterval(timer);
  }

  return {
    async release() {
      stop();
      await checking;
      connection?.release();
      await pool.end();
    },
  };
}

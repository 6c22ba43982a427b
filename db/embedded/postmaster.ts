/**
 * The server process of a cluster: finding one that runs, starting one, asking whether it is ready, stopping it. Used by
 * embedded.ts, which decides which of these to do. Loopback only, no unix socket; statements and row contents are not logged.
 */
import { spawn } from 'node:child_process';
import { existsSync, openSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createConnectionPool } from '../connection-pool.ts';
import { DatabaseFault, startFault } from '../errors.ts';
import { type Cluster, SUPERUSER } from './cluster.ts';
import type { Binaries } from './postgres-binaries.ts';
import { commandLine, isAlive, waitUntilGone } from './server-process.ts';
import { type ServerUser, serverEnvironment } from './server-user.ts';

export interface Postmaster {
  readonly pid: number;
  readonly port: number;
}

const LOG_BYTES_MAX = 8 * 1024 * 1024;
/** Replaying the log after a crash takes seconds; a server that is still alive gets this long to become ready. */
const READY_TIMEOUT_MS = 120_000;

const SETTINGS = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '60',
  log_min_error_statement: 'panic',
  log_error_verbosity: 'terse',
  log_checkpoints: 'off',
} as const;

export function databaseUrl({ password }: Cluster, port: number, database: string): string {
  return `postgres://${SUPERUSER}:${password}@127.0.0.1:${port}/${database}`;
}

/** The running server of this cluster, healthy or not; a stale lock file is removed. */
export function findPostmaster(directory: string): Postmaster | undefined {
  const lockFile = join(directory, 'postmaster.pid');
  if (!existsSync(lockFile)) return undefined;
  const [pid, , , port] = readFileSync(lockFile, 'utf8').split('\n').map(Number); // PostgreSQL's pidfile.h
  if (pid > 0 && isAlive(pid)) {
    const command = commandLine(pid);
    const unknowable = command === '' && process.platform !== 'linux';
    if (unknowable || command.includes(directory)) return { pid, port };
  }
  rmSync(lockFile, { force: true });
  return undefined;
}

/**
 * - `ready`: it takes our password and serves this cluster
 * - `starting`: it is replaying its log or shutting down
 * - `not_ours`: it answers, but not with our password or not for this cluster
 * - `silent`: nothing answers
 */
type Health = 'ready' | 'starting' | 'not_ours' | 'silent';

export async function healthOf(cluster: Cluster, port: number): Promise<Health> {
  if (!(port > 0)) return 'starting'; // the lock file is written before the port is known
  const pool = createConnectionPool(databaseUrl(cluster, port, 'postgres'), 1);
  try {
    const connection = await pool.reserve();
    const [row] = await connection.unsafe('show data_directory');
    connection.release();
    return row.data_directory === cluster.directory ? 'ready' : 'not_ours';
  } catch (error) {
    if (!(error instanceof DatabaseFault)) throw error;
    if (error.sqlState === '57P03') return 'starting';
    if (error.sqlState?.startsWith('28')) return 'not_ours';
    return 'silent';
  } finally {
    await pool.end();
  }
}

/** Starts a server and waits until it is ready. */
export async function startPostmaster(
  cluster: Cluster,
  user: ServerUser,
  { postgres }: Binaries,
  options: {
    readonly port: number;
    readonly logFile: string;
    readonly settings: Readonly<Record<string, string>>;
  },
): Promise<Postmaster> {
  const { port, logFile } = options;
  const settings = Object.entries({ ...SETTINGS, ...options.settings, port: String(port) });
  const log = openLog(logFile);
  // its own process group: Ctrl-C is for us, and we stop the server when everything that uses it has stopped
  const child = spawn(
    postgres,
    ['-D', cluster.directory, ...settings.flatMap(([name, value]) => ['-c', `${name}=${value}`])],
    { ...user, cwd: '/', env: serverEnvironment(), detached: true, stdio: ['ignore', log, log] },
  );
  const failed = new Promise<never>((_, reject) => {
    child.once('error', (cause) =>
      reject(startFault('server_did_not_start', 'PostgreSQL cannot be run', cause)),
    );
    child.once('exit', (code, signal) =>
      reject(
        startFault(
          'server_did_not_start',
          `PostgreSQL ended while starting (${signal ?? `code ${code}`}); its log is ${logFile}`,
        ),
      ),
    );
  });
  failed.catch(() => undefined); // it also exits when we stop it
  child.unref();
  const pid = child.pid;
  if (pid === undefined) return failed;
  const stopped = new AbortController();
  try {
    await Promise.race([failed, untilReady(cluster, { pid, port }, stopped.signal)]);
  } catch (error) {
    await stopPostmaster(pid);
    throw error;
  } finally {
    stopped.abort();
  }
  return { pid, port };
}

/** Waits until the server is ready; throws when it is gone, not ours, or not ready in 2 minutes. */
export async function untilReady(
  cluster: Cluster,
  { pid, port }: Postmaster,
  signal?: AbortSignal,
): Promise<void> {
  const deadline = Date.now() + READY_TIMEOUT_MS;
  while (!signal?.aborted) {
    const health = await healthOf(cluster, port);
    if (health === 'ready') return;
    if (health === 'not_ours' || !isAlive(pid) || Date.now() > deadline)
      throw startFault(
        'server_did_not_start',
        `PostgreSQL at port ${port} is ${isAlive(pid) ? health : 'gone'}`,
      );
    await sleep(25);
  }
}

/** Stops a server: politely (clients are disconnected, nothing is lost), then hard, then with SIGKILL. */
export async function stopPostmaster(pid: number): Promise<void> {
  const steps = [
    ['SIGINT', 20_000],
    ['SIGQUIT', 5_000],
    ['SIGKILL', 5_000],
  ] as const; // fast, immediate: PostgreSQL manual, "Shutting Down the Server"
  for (const [signal, timeoutMs] of steps) {
    if (!isAlive(pid)) return;
    try {
      process.kill(pid, signal);
    } catch {
      return;
    }
    if (await waitUntilGone(pid, timeoutMs)) return;
  }
  throw startFault('busy_elsewhere', `PostgreSQL (process ${pid}) does not stop`);
}

/** A port of the loopback that nobody listens on now. */
export async function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => {
        if (address && typeof address === 'object') resolve(address.port);
        else reject(new Error('a listening socket has no port'));
      });
    });
  });
}

function openLog(path: string): number {
  if (existsSync(path) && statSync(path).size > LOG_BYTES_MAX) renameSync(path, `${path}.1`);
  return openSync(path, 'a', 0o600);
}

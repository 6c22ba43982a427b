/**
 * The default database: a real PostgreSQL 18 from the npm package, run beside this program. Used by bots/main.ts, the books
 * command and tests. Loopback only, random port, scram password that never reaches a log.
 *
 * A server that a killed program left behind is adopted when it is healthy, else stopped and started anew. One process owns
 * the server: it restarts it when it dies, and stops it in the end; whoever else asks meanwhile borrows it.
 * Covered: ordinary user; root; root below a closed home folder (server and data then live in /var/lib/openmodels-<hash of
 * the path>); kill -9 of this program or of the server. Not covered: two machines sharing one data folder.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { chmod, mkdir, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { APP_ROLE } from './app-role.ts';
import { createConnectionPool } from './connection-pool.ts';
import { type Cluster, clusterDirectory, openCluster, resetPassword } from './embedded/cluster.ts';
import { type Binaries, prepareBinaries } from './embedded/postgres-binaries.ts';
import {
  databaseUrl,
  findPostmaster,
  freePort,
  healthOf,
  type Postmaster,
  startPostmaster,
  stopPostmaster,
  untilReady,
} from './embedded/postmaster.ts';
import { isAlive, isIdentityAlive, processIdentity } from './embedded/server-process.ts';
import { canEnter, chooseServerUser, type ServerUser } from './embedded/server-user.ts';
import { withStartLock } from './embedded/start-lock.ts';
import { startFault } from './errors.ts';

/** What this folder asks of a log; pino's has it. */
export interface DatabaseLog {
  info(facts: object, message: string): void;
  warn(facts: object, message: string): void;
  error(facts: object, message: string): void;
}

interface EmbeddedOptions {
  /** Folder for the data; made when missing. */
  readonly dataDir: string;
  readonly log: DatabaseLog;
  /** Stop only what this call started: for a command that must leave things as it found them. */
  readonly leaveAsFound?: boolean;
  /** Called each time the server died and is back, at the same address. */
  readonly onRestart?: () => void;
  /** More server settings, e.g. `{ fsync: 'off' }` for tests. */
  readonly settings?: Readonly<Record<string, string>>;
}

export interface EmbeddedPostgres {
  /** The owner's, who migrates. With the password in it: for `openDatabase`, never for a log. */
  readonly url: string;
  /** That of the role as which the program runs; it can log in once app-role.ts has made it. */
  readonly appUrl: string;
  readonly port: number;
  /** Where the data really is. */
  readonly home: string;
  /** `started` by this call; `adopted` from a program that is gone; `borrowed` from one that lives. */
  readonly how: 'started' | 'adopted' | 'borrowed';
  /** The server's process id now. */
  pid(): number;
  /** Stops the server, unless it is borrowed or to be left as found. */
  stop(): Promise<void>;
}

const DATABASE = 'openmodels';
const START_TRIES_MAX = 4;
const SUPERVISE_EVERY_MS = 200;
const RESTART_WAIT_MAX_MS = 5_000;
const BORROW_WAIT_MS = 30_000;

/** Starts, adopts or borrows the server. Throws DatabaseFault `database_start_failed` with a `reason`. */
export async function startEmbeddedPostgres(options: EmbeddedOptions): Promise<EmbeddedPostgres> {
  const { log } = options;
  const wanted = resolve(options.dataDir);
  await makeFolder(wanted);
  const place = await choosePlace(await realpath(wanted));
  const { home, user } = place;
  const ownerFile = join(home, 'owner');
  return withStartLock(home, async () => {
    const binaries = await prepareBinaries(user, place.reachable);
    const cluster = await openCluster(home, user, binaries, () =>
      log.info({ home }, 'setting up the database (first start, about a second)'),
    );
    const server: Server = { cluster, user, binaries, logFile: join(home, 'server.log'), ...options };

    if (isIdentityAlive(await readFile(ownerFile, 'utf8').catch(() => ''))) {
      const running = await waitForOwner(cluster);
      return borrowed(server, home, running);
    }
    const left = await adopt(server);
    const running = left ?? (await start(server));
    await ensureDatabase(cluster, running.port);
    const how = left ? 'adopted' : 'started';
    log.info({ port: running.port, pid: running.pid, home }, `database ${how}`);
    if (left && options.leaveAsFound) return { ...borrowed(server, home, left), how };
    await writeFile(ownerFile, processIdentity(process.pid));
    return owned(server, { home, how, running, ownerFile });
  });
}

interface Server extends EmbeddedOptions {
  readonly cluster: Cluster;
  readonly user: ServerUser;
  readonly binaries: Binaries;
  readonly logFile: string;
}

/**
 * Tries a few times: the free port may be taken by another in between, and the last processes of a server that was killed may
 * still hold its shared memory.
 */
async function start(server: Server, fixedPort?: number): Promise<Postmaster> {
  const { cluster, user, binaries, logFile, settings = {} } = server;
  for (let tries = 1; ; tries++) {
    const port = fixedPort ?? (await freePort());
    try {
      return await startPostmaster(cluster, user, binaries, { port, logFile, settings });
    } catch (error) {
      if (tries >= START_TRIES_MAX) throw error;
      await sleep(tries * 200);
    }
  }
}

/** Takes over a healthy server that was left behind; stops an unhealthy one. */
async function adopt(server: Server): Promise<Postmaster | undefined> {
  const { cluster, log } = server;
  const left = findPostmaster(cluster.directory);
  if (!left) return undefined;
  let health = await healthOf(cluster, left.port);
  if (health === 'starting') {
    await untilReady(cluster, left).catch(() => undefined);
    health = await healthOf(cluster, left.port);
  }
  if (health === 'ready') return left;
  log.warn(
    { pid: left.pid, health },
    'a database server was left behind and does not answer us: replacing it',
  );
  await stopPostmaster(left.pid);
  if (health === 'not_ours') resetPassword(cluster, server.user, server.binaries);
  return undefined;
}

/** The owner restarts a server that died, so waiting is all there is to do. */
async function waitForOwner(cluster: Cluster): Promise<Postmaster> {
  const deadline = Date.now() + BORROW_WAIT_MS;
  while (Date.now() < deadline) {
    const running = findPostmaster(cluster.directory);
    if (running && (await healthOf(cluster, running.port)) === 'ready') return running;
    await sleep(100);
  }
  throw startFault(
    'busy_elsewhere',
    `another process runs the database in ${cluster.directory}, but it does not answer`,
  );
}

function borrowed({ cluster }: Server, home: string, { pid, port }: Postmaster): EmbeddedPostgres {
  return {
    ...urlsOf(cluster, port),
    port,
    home,
    how: 'borrowed',
    pid: () => pid,
    stop: async () => undefined,
  };
}

function urlsOf(cluster: Cluster, port: number): Pick<EmbeddedPostgres, 'url' | 'appUrl'> {
  const url = databaseUrl(cluster, port, DATABASE);
  const app = new URL(url);
  app.username = APP_ROLE;
  app.password = cluster.appPassword;
  return { url, appUrl: app.href };
}

function owned(
  server: Server,
  facts: {
    readonly home: string;
    readonly how: 'started' | 'adopted';
    readonly running: Postmaster;
    readonly ownerFile: string;
  },
): EmbeddedPostgres {
  const { home, how, ownerFile } = facts;
  const { port } = facts.running;
  let { pid } = facts.running;
  let stopping = false;
  let restarting: Promise<void> | undefined;

  async function restart(): Promise<void> {
    server.log.warn({ pid, port }, 'the database server died: starting it again');
    for (let waitMs = 100; !stopping; waitMs = Math.min(waitMs * 2, RESTART_WAIT_MAX_MS)) {
      try {
        const running = await withStartLock(home, async () => (await adopt(server)) ?? start(server, port));
        pid = running.pid;
        server.log.info({ pid, port }, 'the database server is back');
        server.onRestart?.();
        return;
      } catch (error) {
        server.log.error({ error, port }, 'the database server could not be started again, trying on');
        await sleep(waitMs);
      }
    }
  }

  const timer = setInterval(() => {
    if (stopping || restarting || isAlive(pid)) return;
    restarting = restart().finally(() => {
      restarting = undefined;
    });
  }, SUPERVISE_EVERY_MS);
  timer.unref();
  const onExit = () => {
    if (isAlive(pid)) process.kill(pid, 'SIGINT');
    rmSync(ownerFile, { force: true });
  };
  process.once('exit', onExit);

  return {
    ...urlsOf(server.cluster, port),
    port,
    home,
    how,
    pid: () => pid,
    async stop() {
      if (stopping) return;
      stopping = true;
      clearInterval(timer);
      await restarting;
      await withStartLock(home, async () => {
        await stopPostmaster(pid);
        await rm(ownerFile, { force: true });
      });
      process.removeListener('exit', onExit);
      server.log.info({ port }, 'database stopped');
    },
  };
}

async function ensureDatabase(cluster: Cluster, port: number): Promise<void> {
  const pool = createConnectionPool(databaseUrl(cluster, port, 'postgres'), 1);
  try {
    const connection = await pool.reserve();
    const found = await connection.unsafe('select 1 from pg_database where datname = $1', [DATABASE]);
    if (found.length === 0) await connection.unsafe(`create database ${DATABASE}`);
    connection.release();
  } finally {
    await pool.end();
  }
}

interface Place {
  /** Where cluster, password and log are. */
  readonly home: string;
  readonly user: ServerUser;
  /** A folder that the server's user can enter, for a copy of the programs. */
  readonly reachable: string;
}

/** The wanted folder, or, when the server's user cannot get there, one of the same name outside. */
async function choosePlace(wanted: string): Promise<Place> {
  const elsewhere = `/var/lib/openmodels-${createHash('sha256').update(wanted).digest('hex').slice(0, 12)}`;
  const homes = [wanted, elsewhere].filter((home) => existsSync(clusterDirectory(home)));
  const user = chooseServerUser(homes[0] && clusterDirectory(homes[0]));
  // data that once was placed elsewhere stays there, also when the folder has been opened since
  if (homes[0] !== elsewhere && canEnter(user, wanted)) return { home: wanted, user, reachable: elsewhere };
  await makeFolder(elsewhere);
  if (!canEnter(user, elsewhere))
    throw startFault(
      'no_server_user',
      `the database server cannot run as root, and its user ${user?.uid} can enter neither ${wanted} nor ${elsewhere}: set DATA_DIR to a folder that it can enter`,
    );
  const note = join(wanted, 'MOVED.txt');
  if (!existsSync(note) || readFileSync(note, 'utf8').trim() !== elsewhere)
    await writeFile(note, `${elsewhere}\n`);
  return { home: elsewhere, user, reachable: elsewhere };
}

/** Makes a folder and its missing parents; as root open to enter, whatever the umask, for the server runs as another user. */
async function makeFolder(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true });
  if (first === undefined || process.getuid?.() !== 0) return;
  for (let folder = path; folder.length >= first.length; folder = dirname(folder)) await chmod(folder, 0o755);
}

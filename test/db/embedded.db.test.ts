/** The embedded server: first start, restart, adoption, borrowing, secrets. Each test has its own server. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { createConnectionPool } from '../../db/connection-pool.ts';
import { isAlive, waitUntilGone } from '../../db/embedded/server-process.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../db/embedded.ts';
import { quietLog, rememberingLog } from '../support/quiet-log.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** Servers are started and killed here; on a busy machine each start takes many seconds. */
vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 });

const folder = temporaryFolder();
const started: EmbeddedPostgres[] = [];
let count = 0;

async function start(dataDir: string, options: { leaveAsFound?: boolean; log?: typeof quietLog } = {}) {
  const server = await startEmbeddedPostgres({ log: quietLog, ...options, dataDir });
  started.push(server);
  return server;
}
const newDataDir = () => join(folder, `data${count++}`);

async function query(url: string, statement: string): Promise<Record<string, unknown>> {
  const pool = createConnectionPool(url, 1);
  try {
    const connection = await pool.reserve();
    const [row] = await connection.unsafe(statement);
    connection.release();
    return row;
  } finally {
    await pool.end();
  }
}

/** Starts the server from a program of its own and kills that program. */
async function leaveBehind(dataDir: string): Promise<{ pid: number; port: number }> {
  const child = spawn(process.execPath, [
    new URL('../support/leave-server-main.ts', import.meta.url).pathname,
    dataDir,
  ]);
  const [line] = await once(child.stdout.setEncoding('utf8'), 'data');
  child.kill('SIGKILL');
  await once(child, 'exit');
  return JSON.parse(line as string);
}

afterEach(async () => {
  for (const server of started.splice(0)) await server.stop();
});

describe('a first start', () => {
  test('makes a PostgreSQL 18 that asks for the password, listens on the loopback only and has no socket', async () => {
    const server = await start(newDataDir());
    expect(server.how).toBe('started');
    expect(
      await query(
        server.url,
        `select current_setting('server_version_num')::int / 10000 as major,
      current_setting('listen_addresses') as addresses, current_setting('unix_socket_directories') as sockets,
      current_setting('password_encryption') as encryption, current_setting('fsync') as fsync`,
      ),
    ).toEqual({
      major: 18,
      addresses: '127.0.0.1',
      sockets: '',
      encryption: 'scram-sha-256',
      fsync: 'on',
    });
    const wrong = new URL(server.url);
    wrong.password = 'wrong';
    await expect(query(wrong.href, 'select 1')).rejects.toThrow(/password authentication failed/);
    wrong.password = '';
    await expect(query(wrong.href, 'select 1')).rejects.toThrow();
    expect(readFileSync(join(server.home, 'cluster', 'pg_hba.conf'), 'utf8')).not.toMatch(/^[^#]*\btrust\b/m);
  });

  test('keeps the password in a file of mode 0600 and in no log, no environment and no command line', async () => {
    const log = rememberingLog();
    const server = await start(newDataDir(), { log });
    const password = new URL(server.url).password;
    expect(password).toMatch(/^[0-9a-f]{48}$/);
    expect(statSync(join(server.home, 'password')).mode & 0o777).toBe(0o600);
    expect(log.lines.join('\n')).not.toContain(password);
    expect(log.lines.length).toBeGreaterThan(0);
    expect(readFileSync(join(server.home, 'server.log'), 'utf8')).not.toContain(password);
    if (process.platform === 'linux') {
      const proc = `/proc/${server.pid()}`;
      expect(readFileSync(`${proc}/cmdline`, 'utf8')).not.toContain(password);
      expect(readFileSync(`${proc}/environ`, 'utf8')).not.toContain('npm_');
    }
    expect(readdirSync(server.home).filter((name) => /partial|cluster\.password/.test(name))).toEqual([]);
  });

  test('that was interrupted in the middle is begun again', async () => {
    const dataDir = newDataDir();
    mkdirSync(join(dataDir, 'cluster.partial', 'base'), { recursive: true });
    expect((await start(dataDir)).how).toBe('started');
  });
});

test('what was written is there after stop and start', async () => {
  const dataDir = newDataDir();
  const first = await start(dataDir);
  await query(first.url, 'create table kept as select 42 as answer');
  await first.stop();
  expect(isAlive(first.pid())).toBe(false);
  const second = await start(dataDir);
  expect(await query(second.url, 'select answer from kept')).toEqual({ answer: 42 });
});

describe('a server left behind by a killed program', () => {
  test('is adopted, with its process and port, and stopped in the end', async () => {
    const dataDir = newDataDir();
    const left = await leaveBehind(dataDir);
    const server = await start(dataDir);
    expect({ how: server.how, pid: server.pid(), port: server.port }).toEqual({ how: 'adopted', ...left });
    await server.stop();
    expect(isAlive(left.pid)).toBe(false);
  });

  test('is left running by a command that leaves things as it found them', async () => {
    const dataDir = newDataDir();
    const left = await leaveBehind(dataDir);
    const server = await start(dataDir, { leaveAsFound: true });
    expect(server.how).toBe('adopted');
    await server.stop();
    expect(isAlive(left.pid)).toBe(true);
    await (await start(dataDir)).stop();
  });

  test('is replaced when the password file was lost, and the data is still there', async () => {
    const dataDir = newDataDir();
    const left = await leaveBehind(dataDir);
    const first = await start(dataDir, { leaveAsFound: true });
    await query(first.url, 'create table kept as select 42 as answer');
    rmSync(join(first.home, 'password'));
    const second = await start(dataDir);
    expect(second.how).toBe('started');
    expect(isAlive(left.pid)).toBe(false);
    expect(await query(second.url, 'select answer from kept')).toEqual({ answer: 42 });
  });

  test('and killed too leaves a stale lock file, which is no obstacle', async () => {
    const dataDir = newDataDir();
    const left = await leaveBehind(dataDir);
    process.kill(left.pid, 'SIGKILL');
    await waitUntilGone(left.pid, 10_000);
    expect((await start(dataDir)).how).toBe('started');
  });
});

describe('two at a time', () => {
  test('the second borrows the first one’s server and does not stop it', async () => {
    const dataDir = newDataDir();
    const first = await start(dataDir);
    const second = await start(dataDir);
    expect({ how: second.how, url: second.url }).toEqual({ how: 'borrowed', url: first.url });
    await second.stop();
    expect(await query(first.url, 'select 1 as one')).toEqual({ one: 1 });
  });

  test('5 that start at once share one server', async () => {
    const dataDir = newDataDir();
    const servers = await Promise.all(Array.from({ length: 5 }, () => start(dataDir)));
    expect(servers.map(({ how }) => how).sort()).toEqual([...Array(4).fill('borrowed'), 'started']);
    expect(new Set(servers.map(({ port }) => port)).size).toBe(1);
  });
});

const isRoot = process.getuid?.() === 0;
if (!isRoot) console.warn('Skipped: the closed-folder test needs root (it is about root).');
test.skipIf(!isRoot)(
  'as root below a closed folder, server and data live elsewhere and are found again',
  async () => {
    const closed = join(folder, 'closed');
    mkdirSync(closed);
    chmodSync(closed, 0o700);
    const dataDir = join(closed, 'data');
    const first = await start(dataDir);
    try {
      expect(first.home).toMatch(/^\/var\/lib\/openmodels-[0-9a-f]{12}$/);
      await query(first.url, 'create table kept as select 42 as answer');
      await first.stop();
      chmodSync(closed, 0o755); // opened since: the data must not be forgotten
      const second = await start(dataDir);
      expect(second.home).toBe(first.home);
      expect(await query(second.url, 'select answer from kept')).toEqual({ answer: 42 });
      await second.stop();
    } finally {
      rmSync(first.home, { recursive: true, force: true });
    }
    expect(existsSync(first.home)).toBe(false);
  },
);

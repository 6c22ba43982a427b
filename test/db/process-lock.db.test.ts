// The lock that lets one marketplace process serve a database: refused in a sentence, taken again after the connection was
// lost, given up when another process was faster.
import { afterEach, describe, expect, it, vi } from 'vitest';
import { type ProcessLock, takeProcessLock } from '../../db/process-lock.ts';
import { testDatabase } from '../support/postgres.ts';
import { quietLog } from '../support/quiet-log.ts';

const database = testDatabase();
const LOCK = '7305211410';
const locks: ProcessLock[] = [];
afterEach(async () => {
  for (const lock of locks.splice(0)) await lock.release();
});

async function take(
  onReplaced: () => void = () => {},
  { checkEveryMs = 20, startWaitMs = 300 } = {},
): Promise<ProcessLock> {
  const timing = { checkEveryMs, startWaitMs };
  const lock = await takeProcessLock({ url: database.url, log: quietLog, onReplaced, ...timing });
  locks.push(lock);
  return lock;
}

const holders = async (): Promise<readonly number[]> => {
  const connection = await database.pool.reserve();
  const rows = await connection.unsafe(
    `select l.pid from pg_locks l where locktype = 'advisory' and granted
     and l.database = (select oid from pg_database where datname = current_database())`,
  );
  connection.release();
  return rows.map(({ pid }) => pid as number);
};

const terminate = async (pid: number): Promise<void> => {
  const connection = await database.pool.reserve();
  await connection.unsafe('select pg_terminate_backend($1)', [pid]);
  connection.release();
};

describe('the lock of a process on its database', () => {
  it('is refused to a second process with what to do, and free again after the first', async () => {
    const first = await take();
    await expect(take()).rejects.toMatchObject({
      code: 'database_start_failed',
      reason: 'busy_elsewhere',
      message: expect.stringMatching(
        /^another marketplace program serves this database already \(database session \d+ from .+\)\. Stop that one first/,
      ),
    });
    await first.release();
    await take();
  });

  it('is waited for while a process that was killed vanishes', async () => {
    const first = await take();
    setTimeout(() => void first.release(), 100);
    await take(undefined, { startWaitMs: 60_000 });
  });

  it('is taken again after its connection was ended, and then keeps a second process out', async () => {
    const onReplaced = vi.fn();
    await take(onReplaced);
    const [before] = await holders();
    await terminate(before);
    await expect.poll(holders, { timeout: 10_000 }).toEqual([expect.not.toSatisfy((pid) => pid === before)]);
    await expect(take()).rejects.toMatchObject({ reason: 'busy_elsewhere' });
    expect(onReplaced).not.toHaveBeenCalled();
  });

  it('tells the process that another one was faster while the connection was away', async () => {
    const onReplaced = vi.fn();
    await take(onReplaced, { checkEveryMs: 500 });
    const [before] = await holders();
    const connection = await database.pool.reserve();
    // In one round trip: the first is ended and the lock taken before it looks again.
    await connection.unsafe(
      `do $$ begin perform pg_terminate_backend(${before});
        loop exit when pg_try_advisory_lock(${LOCK}); perform pg_sleep(0.001); end loop; end $$`,
    );
    await expect.poll(() => onReplaced.mock.calls.length, { timeout: 10_000 }).toBe(1);
    await connection.unsafe(`select pg_advisory_unlock(${LOCK})`);
    connection.release();
  });
});

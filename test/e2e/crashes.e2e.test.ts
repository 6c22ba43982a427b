// What people see when parts of the program are killed in the middle of an answer: the engine's worker, the database
// server, the whole program. Each time: a clear message, nobody pays for what did not come or pays twice, the books hold,
// and the next question is answered. Nothing here waits by the clock; on a busy machine a restart takes many seconds.
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { PROCESS_LOCK } from '../../db/process-lock.ts';
import { dieInNextAnswer, holdNextAnswer } from '../support/answer-gate.ts';
import { APPS, type ChatSeat, takeSeat } from '../support/chat-seat.ts';
import {
  programFolder,
  removeProgramFolder,
  startTestProgram,
  type TestProgram,
} from '../support/program.ts';
import { type ProgramProcess, readBooks, serverIn, startProgramProcess } from '../support/program-process.ts';

vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 });

const QUESTION = 'What is the capital of Kenya?';

describe('a part of the running program is killed', () => {
  let program: TestProgram;
  beforeAll(async () => {
    program = await startTestProgram();
  });
  afterAll(() => program?.close());

  /** Kills the database server and what of it comes back, until the returned function is called. */
  async function keepDatabaseDown(): Promise<() => void> {
    const kill = () => {
      const pid = serverIn(program.dataDir);
      try {
        if (pid !== undefined) process.kill(pid, 'SIGKILL');
      } catch {
        // gone in between
      }
    };
    kill();
    const timer = setInterval(kill, 10);
    // Connections that are open may still serve for a moment.
    const query = () => sql`select pg_sleep(0.05)`.execute(program.database.db);
    await expect
      .poll(async () => {
        const tries = await Promise.allSettled(Array.from({ length: 20 }, query));
        return tries.filter(({ status }) => status === 'fulfilled').length;
      })
      .toBe(0);
    return () => clearInterval(timer);
  }

  /** The database may still be on its way back. */
  const answersAgain = async (seat: ChatSeat): Promise<void> => {
    await expect
      .poll(
        async () => {
          await seat.say(QUESTION);
          return await seat.hears(/receipt|cost nothing/i);
        },
        { timeout: 120_000 },
      )
      .toContain('receipt');
  };

  describe.each(APPS)('seen from %s', (app) => {
    it('the engine’s worker dies in the middle of an answer: it cost nothing, the next question is answered', async () => {
      const seat = await takeSeat(program.driver, app, 'worker');
      await seat.say(QUESTION);
      await seat.hears('receipt');
      const before = await program.purse(seat.identity);
      dieInNextAnswer(program.engine);
      await seat.say(QUESTION);
      expect(await seat.hears('broke off')).toContain('This cost nothing.');
      expect(await program.purse(seat.identity)).toEqual(before);
      await seat.say(QUESTION);
      await seat.hears('receipt');
      expect((await program.callsOf(seat.identity)).map(({ state }) => state)).toEqual([
        'captured',
        'voided',
        'captured',
      ]);
      await program.expectBooksHold();
    });

    it('the database is killed in the middle of an answer and comes back: the answer is paid once or not at all', async () => {
      const seat = await takeSeat(program.driver, app, 'database');
      await seat.say(QUESTION);
      await seat.hears('receipt');
      const before = await program.purse(seat.identity);
      const gate = holdNextAnswer(program.engine);
      await seat.say(QUESTION);
      await gate.reached;
      process.kill(program.database.embedded?.pid() ?? 0, 'SIGKILL');
      gate.open();
      const heard = await seat.hears(/receipt|I lost touch with the books/);
      await answersAgain(seat);
      // The reconciler gives back what the killed call held.
      await expect.poll(async () => (await program.purse(seat.identity)).held, { timeout: 60_000 }).toBe(0n);
      const [last, killed] = await program.callsOf(seat.identity);
      expect(killed?.state).toBe(heard.includes('receipt') ? 'captured' : 'voided');
      const paid = (last?.priceNano ?? 0n) + (heard.includes('receipt') ? (killed?.priceNano ?? 0n) : 0n);
      expect((await program.purse(seat.identity)).spendable).toBe(before.spendable - paid);
      await program.expectBooksHold();
    });
  });

  const locksHeld = async (): Promise<number> => {
    const { rows } = await sql<{ count: number }>`select count(*)::int as count from pg_locks
      where locktype = 'advisory' and granted and database = (select oid from pg_database where datname = current_database())
        and ((classid::bigint << 32) | objid::bigint) = ${sql.lit(PROCESS_LOCK)}`.execute(
      program.database.db,
    );
    return rows[0]?.count ?? 0;
  };

  it('a second start on the same folder ends in a sentence that says what to do; the first goes on', async () => {
    // the server was killed a moment ago: the lock is the first program's again within a second
    await expect.poll(locksHeld, { timeout: 20_000 }).toBe(1);
    await expect(startProgramProcess(program.dataDir)).rejects.toThrow(
      /another marketplace program serves this database already \(.+\)\. Stop that one first/,
    );
    const seat = await takeSeat(program.driver, 'telegram', 'second');
    await seat.say(QUESTION);
    await seat.hears('receipt');
  });

  it('the database stays away longer than a call waits: both apps say so, nothing is paid, the program lives', async () => {
    const seats = await Promise.all(APPS.map((app) => takeSeat(program.driver, app, 'patience')));
    for (const seat of seats) {
      await seat.say(QUESTION);
      await seat.hears('receipt');
    }
    const before = await Promise.all(seats.map((seat) => program.purse(seat.identity)));
    for (const seat of seats) {
      const gate = holdNextAnswer(program.engine);
      await seat.say(QUESTION);
      await gate.reached;
      const release = await keepDatabaseDown();
      try {
        gate.open();
        expect(await seat.hears('I lost touch with the books')).toContain('This cost nothing.');
        const other = await takeSeat(program.driver, seat.app, 'bystander');
        await other.say(QUESTION);
        await other.hears('This cost nothing.');
      } finally {
        release();
      }
      await expect.poll(async () => (await program.purse(seat.identity)).held, { timeout: 120_000 }).toBe(0n);
    }
    expect(await Promise.all(seats.map((seat) => program.purse(seat.identity)))).toEqual(before);
    await Promise.all(seats.map(answersAgain));
    await program.expectBooksHold();
  });
});

describe('the whole program is killed', () => {
  let dataDir: string;
  let running: ProgramProcess | undefined;
  beforeAll(async () => {
    dataDir = await programFolder();
  });
  afterAll(async () => {
    await running?.kill();
    await removeProgramFolder(dataDir);
  });

  it.each(APPS)(
    'Ctrl-C in the middle of an answer in %s: it cost nothing, and the chat says so',
    async (app) => {
      running = await startProgramProcess(dataDir, 'test/support/held-program-main.ts');
      let seat = await takeSeat(running.driver, app, 'polite');
      await seat.say(QUESTION);
      await seat.hears('receipt');
      const balance = await balanceIn(seat);
      const told = seat.messages().length;
      await running.holdNextAnswer();
      await seat.say(QUESTION);
      await seat.hears(/^(?!Thinking)[\s\S]* pay only for what is written/);
      expect(await running.interrupt()).toBe(0);
      expect(running.printed()).not.toContain('did not stop cleanly');
      expect(serverIn(dataDir)).toBeUndefined();

      running = await startProgramProcess(dataDir);
      seat = await takeSeat(running.driver, app, 'polite');
      expect(await seat.hears('The model broke off')).toContain('This cost nothing.');
      expect(seat.messages()).toHaveLength(told + 1);
      expect(await balanceIn(seat)).toBe(balance);
      expect(await running.interrupt()).toBe(0);
    },
  );

  const balanceIn = async (seat: ChatSeat): Promise<string> => {
    await seat.command('balance');
    return /You have ([\d.,]+ OPEN) to spend/.exec(await seat.hears('You have'))?.[1] ?? '';
  };

  it.each(APPS)(
    'and started again: %s shows the chat, the interrupted answer is told about, nobody pays for it, Ctrl-C ends it',
    async (app) => {
      running = await startProgramProcess(dataDir, 'test/support/held-program-main.ts');
      let seat = await takeSeat(running.driver, app, 'survivor');
      await seat.say(QUESTION);
      const answered = await seat.hears('receipt');
      const balance = await balanceIn(seat);
      const told = seat.messages().length;
      await running.holdNextAnswer();
      await seat.say('Which city is the capital of Peru?');
      await seat.hears(/^(?!Thinking)[\s\S]* pay only for what is written/);
      const server = serverIn(dataDir);
      await running.kill();
      expect(serverIn(dataDir)).toBe(server);

      running = await startProgramProcess(dataDir);
      expect(serverIn(dataDir)).toBe(server);
      seat = await takeSeat(running.driver, app, 'survivor');
      expect(seat.messages().map(({ text }) => text)).toContain(answered);
      const interrupted = await seat.hears('I was interrupted while I was answering this');
      expect(interrupted).toContain('costs nothing');
      expect(seat.messages().slice(told)).toMatchObject([{ text: interrupted }]);
      expect(await balanceIn(seat)).toBe(balance);
      await seat.say(QUESTION);
      await seat.hears('receipt');
      const { invariants, unsettled, openHolds } = await readBooks(dataDir);
      expect(invariants.filter(({ ok }) => !ok)).toEqual([]);
      expect({ unsettled, openHolds }).toEqual({ unsettled: 0, openHolds: 0 });

      expect(await running.interrupt()).toBe(0);
      expect(running.printed()).toContain('Stopped.');
      expect(running.printed()).not.toContain('did not stop cleanly');
      expect(serverIn(dataDir)).toBeUndefined();
    },
  );
});

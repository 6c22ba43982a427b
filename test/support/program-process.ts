// `bots/main.ts` as a process of its own, as `npm start` runs it, for tests of what happens when it is killed and started
// again on the same data. Used by test/e2e/. The database server it leaves behind is found by its data folder. To be killed
// in the middle of an answer it can be started with an engine that stops there (held-program-main.ts).
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { connectDatabase } from '../../db/connect-database.ts';
import { isAlive } from '../../db/embedded/server-process.ts';
import { type Books, books } from '../../db/ledger/books.ts';
import { drivePlayground, type PlaygroundDriver } from './playground-driver.ts';
import { PATIENCE_MS } from './program.ts';
import { quietLog } from './quiet-log.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

export interface ProgramProcess {
  readonly driver: PlaygroundDriver;
  /** Makes the next answer stop in the middle; only when started as 'held'. */
  holdNextAnswer(): Promise<void>;
  /** Ends the process at once, with nothing said to anybody. */
  kill(): Promise<void>;
  /** Ctrl-C; resolves to the exit code when it has ended. */
  interrupt(): Promise<number | null>;
  /** Everything it printed. */
  printed(): string;
}

/** Starts the program on a data folder and waits until its page is open. @throws with what it printed when it ends first */
export async function startProgramProcess(
  dataDir: string,
  main: 'bots/main.ts' | 'test/support/held-program-main.ts' = 'bots/main.ts',
): Promise<ProgramProcess> {
  const child = spawn(process.execPath, [main], {
    cwd: root,
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      DATA_DIR: dataDir,
      PLAYGROUND_PORT: '0',
      CHAIN_PORT: '0',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = once(child, 'exit') as Promise<[number | null]>;
  let printed = '';
  const readers = new Set<() => void>();
  const read = (chunk: Buffer): void => {
    printed += chunk.toString();
    for (const reader of readers) reader();
  };
  child.stdout.on('data', read);
  child.stderr.on('data', read);
  const prints = (words: RegExp): Promise<RegExpExecArray> =>
    new Promise((resolve, reject) => {
      const reader = () => {
        const found = words.exec(printed);
        if (found !== null) resolve(found);
      };
      readers.add(reader);
      reader();
      void ended.then(() => reject(new Error(`the program ended, having said:\n${printed}`)));
    });
  const [, url = ''] = await prints(/The playground is open: (\S+)/);
  const driver = await drivePlayground(url, PATIENCE_MS);
  const signal = async (name: 'SIGKILL' | 'SIGINT'): Promise<number | null> => {
    if (isOver(child)) return child.exitCode;
    child.kill(name);
    const [code] = await ended;
    driver.close();
    return code;
  };
  return {
    driver,
    async holdNextAnswer() {
      child.kill('SIGUSR2');
      await prints(/The next answer will be held/);
    },
    kill: async () => void (await signal('SIGKILL')),
    interrupt: () => signal('SIGINT'),
    printed: () => printed,
  };
}

const isOver = ({ exitCode, signalCode }: ChildProcess): boolean => exitCode !== null || signalCode !== null;

/** The process id of the database server that runs in a program's data folder. */
export function serverIn(dataDir: string): number | undefined {
  // Read plainly: db's own look-up tidies a lock file away that a server is only just writing.
  const lockFile = join(dataDir, 'postgres', 'cluster', 'postmaster.pid');
  const pid = existsSync(lockFile) ? Number.parseInt(readFileSync(lockFile, 'utf8'), 10) : 0;
  return pid > 0 && isAlive(pid) ? pid : undefined;
}

/** The books as `npm run books` reads them beside a running program, and the calls that are not settled. */
export async function readBooks(dataDir: string): Promise<Books & { readonly unsettled: number }> {
  const database = await connectDatabase({ dataDir, leaveAsFound: true, log: quietLog });
  try {
    const open = database.db.selectFrom('call').select('id').where('state', 'not in', ['captured', 'voided']);
    return { ...(await books(database.db)), unsettled: (await open.execute()).length };
  } finally {
    await database.close();
  }
}

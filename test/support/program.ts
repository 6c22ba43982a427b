// The whole program for end-to-end tests: engine, database, both bot libraries and the local servers, started in this
// process as `npm start` starts them, in a temporary data folder on free ports, with a driver for the people who use it.
// Used by test/e2e/, one program per file: starting takes a while. close() stops everything and removes the folder;
// what a killed test run left behind (folder and database server) is cleared away by the next start.
import { chmodSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { type Program, startProgram } from '../../bots/main.ts';
import type { Playground } from '../../bots/playground/playground-server.ts';
import { readSettings } from '../../bots/settings.ts';
import { findPostmaster, stopPostmaster } from '../../db/embedded/postmaster.ts';
import { isAlive } from '../../db/embedded/server-process.ts';
import { books } from '../../db/ledger/books.ts';
import { callsOf } from '../../db/repositories/call-repository.ts';
import type { Call } from '../../db/schema.ts';
import type { Identity } from '../../marketplace/marketplace.ts';
import { drivePlayground, type PlaygroundDriver } from './playground-driver.ts';

/** How long a person waits for words: loaded machines take many seconds for what takes one. */
export const PATIENCE_MS = 90_000;

export interface TestProgram extends Program {
  readonly playground: Playground;
  readonly driver: PlaygroundDriver;
  readonly dataDir: string;
  /** What a person can spend and what is set aside, in nano-OPEN. */
  purse(person: Identity): Promise<{ readonly spendable: bigint; readonly held: bigint }>;
  /** The newest calls of a person, newest first. */
  callsOf(person: Identity): Promise<readonly Call[]>;
  /** Fails unless every invariant of the books holds, with their figures in the message. */
  expectBooksHold(): Promise<void>;
  close(): Promise<void>;
}

const PREFIX = 'openmodels-test-program-';

/** A new folder for one program's data, removed by `removeProgramFolder`. */
export async function programFolder(): Promise<string> {
  await clearKilledPrograms();
  const folder = mkdtempSync(join(tmpdir(), `${PREFIX}${process.pid}-`));
  chmodSync(folder, 0o755); // the database server may run as another user
  return folder;
}

/** Stops the database server that still runs in the folder, if any, and removes the folder. */
export async function removeProgramFolder(folder: string): Promise<void> {
  const left = findPostmaster(join(folder, 'postgres', 'cluster'));
  if (left) await stopPostmaster(left.pid);
  rmSync(folder, { recursive: true, force: true });
}

/** Starts the program with these settings over the defaults. */
export async function startTestProgram(env: Readonly<Record<string, string>> = {}): Promise<TestProgram> {
  const dataDir = await programFolder();
  const settings = readSettings({ DATA_DIR: dataDir, PLAYGROUND_PORT: '0', CHAIN_PORT: '0', ...env });
  const said: string[] = [];
  let program: Program;
  try {
    program = await startProgram(settings, { say: (line) => void said.push(line) });
  } catch (fault) {
    await removeProgramFolder(dataDir);
    throw fault;
  }
  const { playground, database, marketplace } = program;
  if (playground === null) throw new Error('the program runs without its playground');
  const driver = await drivePlayground(playground.url, PATIENCE_MS);
  return {
    ...program,
    playground,
    driver,
    dataDir,
    async purse(identity) {
      const { balanceNano, grantNano, heldNano } = await marketplace.balance(
        await marketplace.person(identity),
      );
      return { spendable: balanceNano + grantNano, held: heldNano };
    },
    async callsOf(identity) {
      return await callsOf(database.db, (await marketplace.person(identity)).id, 20);
    },
    async expectBooksHold() {
      const { invariants } = await books(database.db);
      expect(invariants.filter((invariant) => !invariant.ok)).toEqual([]);
    },
    async close() {
      driver.close();
      said.length = 0;
      await program.stop();
      await removeProgramFolder(dataDir);
      expect(said.filter((line) => line.includes('did not stop cleanly'))).toEqual([]);
    },
  };
}

async function clearKilledPrograms(): Promise<void> {
  for (const name of readdirSync(tmpdir()).filter((entry) => entry.startsWith(PREFIX))) {
    if (isAlive(Number(name.slice(PREFIX.length).split('-')[0]))) continue;
    // Another user's leavings stay.
    await removeProgramFolder(join(tmpdir(), name)).catch(() => undefined);
  }
}

// The anvil program: where it is on this machine, starting it, asking whether it is ready. Used by local-chain.ts and the
// tests' chain. Loopback only, with no accounts of its own (so none of the well-known keys), no CORS (so no web page speaks
// to it: wallets go through wallet-gate.ts), nothing logged.
// `--slots-in-an-epoch 1` makes a block final two blocks later. The hardfork is fixed: blocks of a stored state must be read
// by the rules they were made by, whatever the default of a later anvil is.
import { spawn } from 'node:child_process';
import { accessSync, closeSync, constants, openSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { delimiter, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ChainFault } from '../client/chain.ts';
import { jsonRpc } from '../client/json-rpc.ts';
import { endProcess, identityOf, isProcessAlive } from './process-identity.ts';

export interface AnvilProcess {
  readonly pid: number;
  readonly port: number;
  /** Names the process for ever, see process-identity.ts. */
  readonly identity: string;
}

const READY_TIMEOUT_MS = 60_000;
const HARDFORK = 'prague';
/** States of past blocks kept in memory: enough for reorgs; none goes to disk. */
const STATES_KEPT = 64;

/** The path of anvil: of the npm package for this platform, else one on the PATH; undefined when there is none. */
export function findAnvil(environment: NodeJS.ProcessEnv = process.env): string | undefined {
  const program = process.platform === 'win32' ? 'anvil.exe' : 'anvil';
  const arch = process.arch === 'x64' ? 'amd64' : process.arch;
  const folders = (environment.PATH ?? '').split(delimiter).filter(Boolean);
  try {
    const name = `@foundry-rs/anvil-${process.platform}-${arch}/package.json`;
    folders.unshift(join(dirname(createRequire(import.meta.url).resolve(name)), 'bin'));
  } catch {
    // npm has no package for this platform, or it was not installed
  }
  return folders.map((folder) => join(folder, program)).find(isRunnable);
}

/** Why there is no local chain here, and what one can do. */
export const NO_ANVIL = `npm has no anvil for ${process.platform} ${process.arch} and there is none on the PATH: install Foundry, or set CHAIN_RPC_URL`;

/**
 * Starts anvil and waits until it answers.
 * @param options.stateFile a state to begin with
 * @param options.folder where it may write: `anvil.log` for its complaints, `cache` for states of past blocks
 * @throws ChainFault `chain_start_failed`
 */
export async function startAnvil(options: {
  readonly anvil: string;
  readonly chainId: bigint;
  readonly stateFile?: string;
  readonly folder: string;
  /** Called before it is ready, so that whoever comes after a kill finds it. */
  readonly onSpawn: (process: AnvilProcess) => Promise<void>;
}): Promise<AnvilProcess> {
  const port = await freeLoopbackPort();
  const logFile = join(options.folder, 'anvil.log');
  const log = openSync(logFile, 'a', 0o600);
  const { PATH, HOME, SystemRoot } = process.env;
  // its own process group: Ctrl-C is for us, and we stop it after everything that uses it
  const child = spawn(
    options.anvil,
    [
      ...['--host', '127.0.0.1', '--port', String(port), '--chain-id', String(options.chainId)],
      ...['--accounts', '0', '--no-cors', '--silent', '--slots-in-an-epoch', '1', '--hardfork', HARDFORK],
      ...['--prune-history', String(STATES_KEPT), '--no-request-size-limit'],
      ...['--cache-path', join(options.folder, 'cache')], // else in the home folder, where a killed one leaves it
      ...(options.stateFile === undefined ? [] : ['--load-state', options.stateFile]),
    ],
    { cwd: '/', env: { PATH, HOME, SystemRoot }, detached: true, stdio: ['ignore', log, log] },
  );
  closeSync(log);
  const startFault = (message: string, cause?: unknown) =>
    new ChainFault('chain_start_failed', message, 'never', { cause });
  const failed = new Promise<never>((_, reject) => {
    child.once('error', (cause) => reject(startFault(`anvil cannot be run (${options.anvil})`, cause)));
    child.once('exit', (code, signal) =>
      reject(
        startFault(`anvil ended while starting (${signal ?? `code ${code}`}); what it said is in ${logFile}`),
      ),
    );
  });
  failed.catch(() => undefined); // it also exits when we stop it
  child.unref();
  const { pid } = child;
  if (pid === undefined) return failed;
  const begun = { pid, port, identity: identityOf(pid) };
  try {
    await options.onSpawn(begun);
    await Promise.race([failed, untilReady(port, pid)]);
  } catch (error) {
    // where it has ended by itself, that is the cause, though its end may be told a moment later
    await Promise.race([failed, sleep(300)]);
    await endProcess(pid, 0);
    throw error;
  }
  return begun;
}

/** True when a node of this chain answers at the port. */
export async function answersAs(port: number, chainId: bigint): Promise<boolean> {
  const rpc = jsonRpc(anvilUrl(port), { tries: 1, timeoutMs: 2_000 });
  try {
    return BigInt(String(await rpc.call('eth_chainId'))) === chainId;
  } catch {
    return false;
  }
}

export function anvilUrl(port: number): string {
  return `http://127.0.0.1:${port}`;
}

async function untilReady(port: number, pid: number): Promise<void> {
  const rpc = jsonRpc(anvilUrl(port), { tries: 1, timeoutMs: 2_000 });
  for (const deadline = Date.now() + READY_TIMEOUT_MS; ; ) {
    try {
      await rpc.call('eth_chainId');
      return;
    } catch (cause) {
      if (!isProcessAlive(pid) || Date.now() > deadline)
        throw new ChainFault('chain_start_failed', 'anvil does not answer', 'never', { cause });
      await sleep(20);
    }
  }
}

/** A port of the loopback that nobody listens on now. */
async function freeLoopbackPort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => {
        if (address !== null && typeof address === 'object') resolve(address.port);
        else reject(new Error('a listening socket has no port'));
      });
    });
  });
}

function isRunnable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

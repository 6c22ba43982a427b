// The default chain: an anvil beside this program, with practice coins, kept on disk between runs. Used by start-chain.ts and
// the tests' chain. In the folder <data folder>/chain:
//   state.json   the whole chain, replaced at each new block (state-keeper.ts)
//   anvil        which process runs it and at which port; owner: which program started it; anvil.log: its complaints
// One program owns the chain: it starts anvil again when it dies (from the state kept: blocks that were not final may be
// gone, as in a reorg) and stops it in the end. An anvil that a killed program left behind is adopted when it answers, else
// ended; nothing is lost either way that counted as final.
// The chain id is its own, 813731337: not 31337, which wallets share between all local chains of a machine, with the nonces
// they remember of them; no signature made here is valid on another chain.
import { existsSync, rmSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type ChainBlock, ChainFault, type Hex } from '../client/chain.ts';
import { replaceDurably } from '../client/durable-file.ts';
import { jsonRpc, type Rpc } from '../client/json-rpc.ts';
import { makePrivateFolder } from '../client/key-files.ts';
import { quantity } from '../client/rpc-values.ts';
import { type AnvilProcess, answersAs, anvilUrl, findAnvil, NO_ANVIL, startAnvil } from './anvil-process.ts';
import { endProcess, identityOf, isProcessAlive, livingProcess } from './process-identity.ts';
import { keepState } from './state-keeper.ts';
import { openWalletGate } from './wallet-gate.ts';

/** What this folder asks of a log; pino's has it. */
export interface ChainLogger {
  info(facts: object, message: string): void;
  warn(facts: object, message: string): void;
}

export interface LocalChain {
  readonly chainId: bigint;
  /** Anvil itself, commands included; stays the same when anvil is started again. */
  readonly rpc: Rpc;
  /** For wallets: only what wallets need. */
  readonly walletUrl: string;
  readonly how: 'started' | 'adopted';
  /** The newest block that is on disk. */
  kept(): ChainBlock | null;
  /** Writes the state now. */
  keep(): Promise<void>;
  /** Gives an address practice coins of the chain's own kind, for gas. */
  setGasMoney(address: Hex, wei: bigint): Promise<void>;
  /** anvil's process id now. */
  pid(): number;
  /** Keeps the state and stops anvil. */
  stop(): Promise<void>;
}

interface LocalChainOptions {
  readonly dataDir: string;
  readonly log: ChainLogger;
  /** Where wallets reach it; taken = any free one; 0 = any free one. */
  readonly walletPort: number;
  /** Pace of the blocks that make a transaction final. */
  readonly mineEveryMs?: number;
  /** Path of the program; undefined = it is looked for, null = as if there were none. */
  readonly anvil?: string | null;
}

export const LOCAL_CHAIN_ID = 813_731_337n;
const SUPERVISE_EVERY_MS = 200;
const RESTART_WAIT_MAX_MS = 5_000;
const STOP_GRACE_MS = 3_000;

/** @returns null where there is no anvil. @throws ChainFault `chain_start_failed` */
export async function startLocalChain(options: LocalChainOptions): Promise<LocalChain | null> {
  const { anvil = findAnvil() ?? null } = options;
  if (anvil === null) {
    options.log.info({}, NO_ANVIL);
    return null;
  }
  const home = join(resolve(options.dataDir), 'chain');
  await makePrivateFolder(home);
  const ownerFile = join(home, 'owner');
  await takeOver(ownerFile, home);
  try {
    return await own(options, anvil, home, ownerFile);
  } catch (error) {
    await rm(ownerFile, { force: true });
    throw error;
  }
}

async function own(
  { log, walletPort, mineEveryMs }: LocalChainOptions,
  anvil: string,
  home: string,
  ownerFile: string,
): Promise<LocalChain> {
  const stateFile = join(home, 'state.json');
  const processFile = join(home, 'anvil');
  const start = (): Promise<AnvilProcess> =>
    startAnvil({
      anvil,
      chainId: LOCAL_CHAIN_ID,
      folder: home,
      ...(existsSync(stateFile) ? { stateFile } : {}),
      onSpawn: ({ port, identity }) => replaceDurably(processFile, `${port}\n${identity}\n`),
    });

  const left = await adopt(processFile, log);
  if (left === undefined) await rm(join(home, 'cache'), { recursive: true, force: true }); // of one that was killed
  let running = left ?? (await start());
  const how = left === undefined ? 'started' : 'adopted';
  log.info({ port: running.port, pid: running.pid, home }, `local chain ${how}`);

  let inner = jsonRpc(anvilUrl(running.port));
  const rpc: Rpc = {
    host: 'the local chain',
    call: (method, params) => inner.call(method, params),
    close: () => undefined,
  };
  const keeper = keepState({
    rpc: () => inner,
    file: stateFile,
    ...(mineEveryMs === undefined ? {} : { mineEveryMs }),
    onTrouble: (error) => {
      if (isProcessAlive(running.pid)) log.warn({ error }, 'the local chain could not be kept or mined on');
    },
  });
  const gate = await openWalletGate(() => inner, walletPort);
  if (walletPort !== 0 && gate.port !== walletPort)
    log.warn({ wanted: walletPort, port: gate.port }, 'the port for wallets is taken: another one is used');

  let stopping = false;
  let restarting: Promise<void> | undefined;
  async function restart(): Promise<void> {
    log.warn({ pid: running.pid }, 'the local chain died: starting it again from the state on disk');
    for (let waitMs = 100; !stopping; waitMs = Math.min(waitMs * 2, RESTART_WAIT_MAX_MS)) {
      try {
        running = await start();
        inner.close();
        inner = jsonRpc(anvilUrl(running.port));
        log.info({ pid: running.pid, port: running.port }, 'the local chain is back');
        return;
      } catch (error) {
        log.warn({ error }, 'the local chain could not be started again, trying on');
        await new Promise((done) => setTimeout(done, waitMs));
      }
    }
  }
  const timer = setInterval(() => {
    if (stopping || restarting !== undefined || isProcessAlive(running.pid)) return;
    restarting = restart().finally(() => {
      restarting = undefined;
    });
  }, SUPERVISE_EVERY_MS);
  timer.unref();
  // a program that ends without stop() leaves the state as last kept, and no anvil without an owner
  const onExit = () => {
    if (isProcessAlive(running.pid)) process.kill(running.pid, 'SIGTERM');
    rmSync(ownerFile, { force: true });
  };
  process.once('exit', onExit);
  await keeper.keep();

  return {
    chainId: LOCAL_CHAIN_ID,
    rpc,
    walletUrl: anvilUrl(gate.port),
    how,
    kept: () => keeper.kept(),
    keep: () => keeper.keep(),
    async setGasMoney(address, wei) {
      await rpc.call('anvil_setBalance', [address, quantity(wei)]);
    },
    pid: () => running.pid,
    async stop() {
      if (stopping) return;
      stopping = true;
      clearInterval(timer);
      await restarting;
      await gate.close();
      await keeper.stop();
      await keeper.keep().catch((error: unknown) => {
        log.warn({ error }, 'the last state of the local chain could not be kept');
      });
      inner.close();
      await endProcess(running.pid, STOP_GRACE_MS);
      process.removeListener('exit', onExit);
      await rm(processFile, { force: true });
      await rm(join(home, 'cache'), { recursive: true, force: true });
      await rm(ownerFile, { force: true });
      log.info({ home }, 'local chain stopped');
    },
  };
}

/** An anvil that was left behind and answers for our chain; one that does not answer is ended. */
async function adopt(processFile: string, log: ChainLogger): Promise<AnvilProcess | undefined> {
  const [portText = '', identity = ''] = (await readFile(processFile, 'utf8').catch(() => '')).split('\n');
  const pid = livingProcess(identity);
  if (pid === undefined) return undefined;
  const port = Number(portText);
  if (port > 0 && (await answersAs(port, LOCAL_CHAIN_ID))) return { pid, port, identity };
  log.warn({ pid }, 'a local chain was left behind and does not answer: replacing it');
  await endProcess(pid, 0);
  return undefined;
}

/** Makes this program the owner of the folder. @throws ChainFault `chain_start_failed` when another one that lives owns it */
async function takeOver(ownerFile: string, home: string): Promise<void> {
  for (;;) {
    try {
      return await writeFile(ownerFile, identityOf(process.pid), { flag: 'wx', mode: 0o600 });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const owner = livingProcess(await readFile(ownerFile, 'utf8').catch(() => ''));
    if (owner !== undefined)
      throw new ChainFault(
        'chain_start_failed',
        `process ${owner} runs the local chain in ${home} already`,
        'never',
      );
    await rm(ownerFile, { force: true });
  }
}

// The local chain over its life: kept between runs, killed itself, its program killed; what once was final stays.
// Longer runs: CHAIN_LONG=1.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { id, parseEther, Wallet } from 'ethers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Chain, ChainBlock, ChainLog } from '../../../contracts/client/chain.ts';
import { contractFaces } from '../../../contracts/client/contract-faces.ts';
import { privateKeySigner } from '../../../contracts/client/digest-signer.ts';
import { jsonRpc } from '../../../contracts/client/json-rpc.ts';
import { transactor } from '../../../contracts/client/transactor.ts';
import { untilMined } from '../../../contracts/client/until-mined.ts';
import { atThisMoment } from '../../../contracts/client/view-call.ts';
import { findAnvil, NO_ANVIL } from '../../../contracts/local/anvil-process.ts';
import { endProcess, isProcessAlive, livingProcess } from '../../../contracts/local/process-identity.ts';
import { type StartedChain, startChain } from '../../../contracts/start-chain.ts';
import { startLocal } from '../../../contracts/start-local.ts';
import { quietLog, rememberingLog } from '../../support/quiet-log.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const long = process.env.CHAIN_LONG === '1';
const TREASURY_WEI = parseEther('10000000');
const folder = temporaryFolder();
let folders = 0;
const freshFolder = () => join(folder, `data-${folders++}`);
const settings = { finality: 'finalized', maxFeeGwei: 1_000, port: 0 };
const cleanUp: (() => Promise<unknown>)[] = [];

beforeEach(({ skip }) => skip(findAnvil() === undefined, NO_ANVIL));
afterEach(async () => {
  for (const undo of cleanUp.splice(0).reverse()) await undo();
});

async function start(dataDir: string): Promise<StartedChain & { readonly chain: Chain }> {
  const started = await startLocal({
    dataDir,
    settings,
    log: quietLog,
    say: () => undefined,
    mineEveryMs: 50,
  });
  cleanUp.push(started.stop);
  if (started.chain === null) throw new Error('there is a local chain');
  return { ...started, chain: started.chain };
}

/** The program that the tests kill; what it left is ended after the test. */
async function startProgram(
  dataDir: string,
): Promise<{ readonly child: ChildProcess; readonly ready: Promise<unknown> }> {
  const main = fileURLToPath(new URL('../../support/local-chain-main.ts', import.meta.url));
  const child = spawn(process.execPath, [main, dataDir], { stdio: ['ignore', 'pipe', 'inherit'] });
  cleanUp.push(async () => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    const pid = anvilIn(dataDir);
    if (pid !== undefined) await endProcess(pid, 0);
  });
  return { child, ready: once(child.stdout ?? child, 'data') };
}

async function killProgram(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL');
  await once(child, 'exit');
}

/** The living anvil of a data folder. */
function anvilIn(dataDir: string): number | undefined {
  const file = join(dataDir, 'chain', 'anvil');
  return existsSync(file) ? livingProcess(readFileSync(file, 'utf8').split('\n')[1] ?? '') : undefined;
}

/** A person with their own wallet, who reaches the chain as a wallet does: through the gate. */
async function depositor(chain: Chain): Promise<(ref: string) => Promise<string>> {
  const wallet = Wallet.createRandom();
  await chain.faucet?.(wallet.address.toLowerCase(), parseEther('1000'));
  const rpc = jsonRpc(chain.rpcUrlForWallets);
  const sender = transactor({
    rpc,
    chainId: chain.chainId,
    signer: privateKeySigner(wallet.privateKey),
    maxFeePerGas: 10n ** 12n,
    moment: atThisMoment(rpc),
    finalBlock: async () => null,
  });
  const { open, vault } = contractFaces();
  const call = async (to: string, data: string, what: string) => {
    const signed = await sender.sign({ to, data, what });
    await sender.send(signed);
    await untilMined(sender, signed.txHash, what, { pollMs: 5, waitMs: 10_000 });
    return signed.txHash;
  };
  await call(
    chain.addresses.open,
    open.abi.encodeFunctionData('approve', [chain.addresses.vault, parseEther('1000')]),
    'approve',
  );
  return (ref) =>
    call(chain.addresses.vault, vault.abi.encodeFunctionData('deposit', [parseEther('1'), id(ref)]), ref);
}

async function untilFinal(chain: Chain, txHash: string): Promise<void> {
  await expect
    .poll(async () => (await finalLogs(chain)).logs.some((log) => log.txHash === txHash), { timeout: 20_000 })
    .toBe(true);
}

async function finalLogs(chain: Chain): Promise<{ final: ChainBlock; logs: readonly ChainLog[] }> {
  const { final } = await chain.heads();
  if (final === null) return { final: { number: -1n, hash: '' }, logs: [] };
  return { final, logs: await chain.logs(0n, final.number) };
}

describe('the local chain', () => {
  it('is the same after a stop and a start: blocks, logs, addresses, keys; nothing is deployed again', async () => {
    const dataDir = freshFolder();
    const first = await start(dataDir);
    const deposit = await depositor(first.chain);
    await untilFinal(first.chain, await deposit('kept'));
    const before = await finalLogs(first.chain);
    const { latest } = await first.chain.heads();
    await first.stop();
    expect(anvilIn(dataDir)).toBeUndefined();
    const second = await start(dataDir);
    expect((await second.chain.heads()).latest).toEqual(latest);
    expect(await second.chain.logs(0n, before.final.number)).toEqual(before.logs);
    expect(second.chain.addresses).toEqual(first.chain.addresses);
    expect(second.chain.poster?.address).toBe(first.chain.poster?.address);
    expect((await second.chain.vault()).coinsWei).toBe(TREASURY_WEI + parseEther('1'));
    const treasury = before.logs.filter((log) => log.kind === 'deposit' && log.ref === id('treasury'));
    expect(treasury).toMatchObject([{ amountWei: TREASURY_WEI }]);
  });

  it('keeps keys and chain in files of mode 0600, and no well-known key has coins', async () => {
    const dataDir = freshFolder();
    const { chain } = await start(dataDir);
    for (const path of ['chain', 'keys'].flatMap((name) =>
      readdirSync(join(dataDir, name)).map((file) => join(dataDir, name, file)),
    ))
      expect(statSync(path).mode & 0o777, path).toBe(0o600);
    const rpc = jsonRpc(chain.rpcUrlForWallets);
    const wellKnown = '0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266';
    expect(await rpc.call('eth_getBalance', [wellKnown, 'latest'])).toBe('0x0');
    expect(await chain.coinsOf(wellKnown)).toBe(0n);
  });

  it(
    `loses nothing that was final when anvil is killed ${long ? 40 : 3} times under deposits`,
    async () => {
      const dataDir = freshFolder();
      const { chain } = await start(dataDir);
      const deposit = await depositor(chain);
      await untilFinal(chain, await deposit('first'));
      let sent = 0;
      for (let round = 0; round < (long ? 40 : 3); round++) {
        const pid = anvilIn(dataDir) ?? 0;
        const depositing = (async () => {
          for (let more = 0; more < 8; more++)
            await deposit(`round ${round}`).then(
              () => sent++,
              () => undefined,
            );
        })();
        await sleep(Math.random() * 300);
        const before = await finalLogs(chain);
        process.kill(pid, 'SIGKILL');
        await depositing;
        await expect
          .poll(
            () =>
              chain.heads().then(
                () => true,
                () => false,
              ),
            { timeout: 20_000 },
          )
          .toBe(true);
        expect(anvilIn(dataDir)).not.toBe(pid);
        expect(await chain.blockAt(before.final.number)).toEqual(before.final);
        expect(await chain.logs(0n, before.final.number)).toEqual(before.logs);
        await untilFinal(chain, await deposit('after'));
      }
      expect(sent).toBeGreaterThan(0);
    },
    long ? 1_200_000 : 120_000,
  );

  it('is adopted by the next start when its program is killed, with what came in between', async () => {
    const dataDir = freshFolder();
    const { child, ready } = await startProgram(dataDir);
    await ready;
    const pid = anvilIn(dataDir);
    expect(pid).toBeDefined();
    await killProgram(child);
    expect(isProcessAlive(pid ?? 0)).toBe(true);
    const { chain } = await start(dataDir);
    expect(anvilIn(dataDir)).toBe(pid);
    expect((await chain.vault()).coinsWei).toBe(TREASURY_WEI);
    const deposit = await depositor(chain);
    await untilFinal(chain, await deposit('adopted'));
  });

  it('starts from the disk when program and anvil are killed', async () => {
    const dataDir = freshFolder();
    const { child, ready } = await startProgram(dataDir);
    await ready;
    const pid = anvilIn(dataDir) ?? 0;
    await killProgram(child);
    await endProcess(pid, 0);
    const { chain } = await start(dataDir);
    expect(anvilIn(dataDir)).not.toBe(pid);
    expect((await chain.vault()).coinsWei).toBe(TREASURY_WEI);
  });

  it(
    `is whole after its first start was killed at ${long ? 30 : 4} moments: one deployment, one deposit for the treasury`,
    async () => {
      for (let round = 0; round < (long ? 30 : 4); round++) {
        const dataDir = freshFolder();
        const { child, ready } = await startProgram(dataDir);
        // the keys are the first sign of life; what follows takes about a second
        while (!existsSync(join(dataDir, 'keys', 'poster.json'))) await sleep(5);
        await Promise.race([sleep((round * 900) / (long ? 30 : 4)), ready]);
        await killProgram(child);
        if (round % 2 === 1) await endProcess(anvilIn(dataDir) ?? 0, 0);
        const { chain, stop } = await start(dataDir);
        expect((await chain.vault()).coinsWei, `round ${round}`).toBe(TREASURY_WEI);
        await stop();
      }
    },
    long ? 1_200_000 : 120_000,
  );

  it('refuses a second program on the same folder with its process id, and leaves the first alone', async () => {
    const dataDir = freshFolder();
    const { chain } = await start(dataDir);
    const second = await startChain({
      dataDir,
      settings,
      environment: {},
      log: quietLog,
      say: () => undefined,
    });
    expect(second).toMatchObject({
      chain: null,
      reason: expect.stringContaining(`process ${process.pid} runs the local chain in`),
    });
    expect((await chain.heads()).latest.number).toBeGreaterThan(0n);
  });

  it('says plainly when this machine has no anvil', async () => {
    const said: string[] = [];
    const started = await startLocal({
      dataDir: freshFolder(),
      settings,
      log: quietLog,
      say: (line) => said.push(line),
      anvil: null,
    });
    expect(started).toMatchObject({ chain: null, reason: NO_ANVIL });
    expect(NO_ANVIL).toMatch(/install Foundry, or set CHAIN_RPC_URL$/);
  });

  it('says what anvil said when the state on disk is damaged, and does not overwrite it', async () => {
    const dataDir = freshFolder();
    await (await start(dataDir)).stop();
    const state = join(dataDir, 'chain', 'state.json');
    const { truncateSync } = await import('node:fs');
    truncateSync(state, 1000);
    const log = rememberingLog();
    const started = await startChain({ dataDir, settings, environment: {}, log, say: () => undefined });
    expect(started).toMatchObject({
      chain: null,
      reason: expect.stringMatching(/anvil ended while starting .*anvil\.log$/),
    });
    expect(statSync(state).size).toBe(1000);
  });

  it('takes another port for wallets when the wanted one is taken', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as AddressInfo;
    const log = rememberingLog();
    const started = await startLocal({
      dataDir: freshFolder(),
      settings: { ...settings, port },
      log,
      say: () => undefined,
    });
    cleanUp.push(started.stop);
    other.close();
    expect(started.chain?.rpcUrlForWallets).not.toBe(`http://127.0.0.1:${port}`);
    expect(log.lines.join()).toContain('the port for wallets is taken');
  });
});

describe('the gate for wallets', () => {
  it('passes what wallets ask, and no command to anvil', async () => {
    const { chain } = await start(freshFolder());
    const url = chain.rpcUrlForWallets;
    const ask = async (body: string, init: RequestInit = {}) =>
      fetch(url, { method: 'POST', body, headers: { 'content-type': 'application/json' }, ...init });
    const call = (method: string, params: unknown[] = []) =>
      JSON.stringify({ jsonrpc: '2.0', id: 7, method, params });
    const json = async (body: string) => (await ask(body)).json();
    expect(await json(call('eth_chainId'))).toEqual({ jsonrpc: '2.0', id: 7, result: '0x30808e09' });
    const [person] = [Wallet.createRandom().address];
    for (const method of [
      'anvil_setBalance',
      'anvil_reset',
      'anvil_impersonateAccount',
      'evm_mine',
      'evm_revert',
      'hardhat_setBalance',
      'eth_sendTransaction',
      'eth_sendUnsignedTransaction',
      'debug_traceCall',
      'txpool_content',
    ])
      expect((await json(call(method, [person, '0x1']))).error, method).toMatchObject({ code: -32601 });
    expect(await json(call('eth_getBalance', [person, 'latest']))).toMatchObject({ result: '0x0' });
    expect(await json(`[${call('eth_chainId')},${call('anvil_reset')}]`)).toMatchObject([
      { result: '0x30808e09' },
      { error: { code: -32601 } },
    ]);
    expect(await json('nonsense')).toMatchObject({ error: { code: -32700 } });
    expect(await json('{"method":1}')).toMatchObject({ error: { code: -32600 } });
    expect((await ask('x'.repeat(1_000_001)).catch(() => ({ status: 413 }))).status).toBe(413);
    expect((await fetch(url)).status).toBe(405);
    const preflight = await ask('', { method: 'OPTIONS', body: undefined });
    expect([preflight.status, preflight.headers.get('access-control-allow-origin')]).toEqual([204, '*']);
    const revert = await json(
      call('eth_call', [
        {
          to: chain.addresses.vault,
          data: contractFaces().vault.abi.encodeFunctionData('deposit', [0n, id('x')]),
        },
        'latest',
      ]),
    );
    expect(revert.error.data).toMatch(/^0x[0-9a-f]{8}/);
  });
});

// The deployment against anvil: what stands on chain afterwards, and that a run that dies at any question to the chain is ended by
// the next one without anything made twice. Shortened: every 8th question and all around a sending; with CHAIN_LONG=1 every one.
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { id, ZeroAddress } from 'ethers';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { DigestSigner } from '../../../contracts/client/chain.ts';
import { contractFaces } from '../../../contracts/client/contract-faces.ts';
import type { Rpc } from '../../../contracts/client/json-rpc.ts';
import { transactor } from '../../../contracts/client/transactor.ts';
import { untilMined } from '../../../contracts/client/until-mined.ts';
import { atThisMoment } from '../../../contracts/client/view-call.ts';
import { type DeployOptions, deploy, planDeployment } from '../../../contracts/deployment/deploy.ts';
import { type DeploymentFile, readDeploymentFile } from '../../../contracts/deployment/deployment-file.ts';
import { isTrue, verifyDeployment } from '../../../contracts/deployment/verify-deployment.ts';
import { findAnvil, NO_ANVIL } from '../../../contracts/local/anvil-process.ts';
import {
  type BareAnvil,
  bareAnvil,
  nobody,
  TEST_CHAIN_ID,
  TEST_MAX_FEE,
  testConfig,
} from '../../support/bare-anvil.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const folder = temporaryFolder();
let chain: BareAnvil;
let files = 0;
beforeAll(async () => {
  if (findAnvil() !== undefined) chain = await bareAnvil(folder);
});
afterAll(() => chain?.stop());
beforeEach(({ skip }) => skip(findAnvil() === undefined, NO_ANVIL));

const config = testConfig(nobody('operator'), nobody('poster'), {
  pauser: nobody('pauser'),
  vetoer: nobody('vetoer'),
  executors: [ZeroAddress],
  timelockDelaySeconds: 172_800n,
  postingDelaySeconds: 86_400n,
});

async function options(more: Partial<DeployOptions> = {}): Promise<DeployOptions> {
  const { signer } = await chain.richKey();
  return {
    rpc: chain.rpc,
    signer,
    config,
    file: join(folder, `deployment-${files++}.json`),
    maxFeePerGas: TEST_MAX_FEE,
    say: () => undefined,
    pollMs: 1,
    ...more,
  };
}

const nonceOf = async ({ address }: DigestSigner): Promise<number> =>
  Number(await chain.rpc.call('eth_getTransactionCount', [address, 'latest']));
const wrongIn = async (file: DeploymentFile): Promise<readonly string[]> =>
  (await verifyDeployment(chain.rpc, file)).filter((finding) => !isTrue(finding)).map(({ what }) => what);

/** A chain to which this process speaks only so often before it dies; the last request arrives or not. */
function dying(after: number, arrives: boolean): { readonly rpc: Rpc; readonly methods: string[] } {
  const methods: string[] = [];
  return {
    methods,
    rpc: {
      ...chain.rpc,
      async call(method, params) {
        methods.push(method);
        if (methods.length < after) return chain.rpc.call(method, params);
        if (arrives && methods.length === after) await chain.rpc.call(method, params);
        throw new Error('this process died');
      },
    },
  };
}

describe('a deployment', () => {
  it('puts timelock, coin, vault and registry on chain as configured, and leaves the deployer nothing', async () => {
    const run = await options();
    const file = await deploy(run);
    const findings = await verifyDeployment(chain.rpc, file);
    expect(findings.filter((finding) => !isTrue(finding))).toEqual([]);
    expect(findings.length).toBeGreaterThan(20);
    const holders = findings.filter(({ what }) => what.includes('holders of'));
    expect(holders).toHaveLength(10);
    expect(holders.map(({ found }) => found).join(' ')).not.toContain(run.signer.address);
    expect(await readDeploymentFile(run.file)).toEqual(file);
    expect(await nonceOf(run.signer)).toBe(3);
  });

  it('is not made twice: a second run sends nothing', async () => {
    const run = await options();
    const first = await deploy(run);
    expect(await deploy(run)).toEqual(first);
    expect(await nonceOf(run.signer)).toBe(3);
  });

  it('goes on after a death at any question to the chain, and makes each contract once', async () => {
    const { methods } = await trial(Number.POSITIVE_INFINITY, false);
    const sends = methods.flatMap((method, at) => (method === 'eth_sendRawTransaction' ? [at + 1] : []));
    expect(sends).toHaveLength(3);
    const whole = process.env.CHAIN_LONG === '1';
    const points = methods
      .map((_, at) => at + 1)
      .filter((at) => whole || at % 8 === 0 || sends.some((send) => Math.abs(send - at) <= 1));
    for (const after of points)
      for (const arrives of [false, true]) {
        const { run, died } = await trial(after, arrives);
        expect(died, `at ${after}`).toBe(true);
        const file = await deploy(run);
        expect(await nonceOf(run.signer), `at ${after} (${methods[after - 1]}), arrives: ${arrives}`).toBe(3);
        expect(await wrongIn(file)).toEqual([]);
      }

    async function trial(after: number, arrives: boolean) {
      const run = await options();
      const { rpc, methods: asked } = dying(after, arrives);
      const died = await deploy({ ...run, rpc }).then(
        () => false,
        () => true,
      );
      return { run, died, methods: asked };
    }
  }, 1_200_000);

  it('finds what it made when its file is lost, instead of making it again', async () => {
    const run = await options();
    const first = await deploy(run);
    rmSync(run.file);
    const again = await deploy(run);
    expect(await nonceOf(run.signer)).toBe(3);
    expect(again.registry).toBe(first.registry);
    expect(again.steps.vault).toEqual({
      address: first.steps.vault?.address,
      tx: null,
      block: first.steps.vault?.block,
    });
    expect(await wrongIn(again)).toEqual([]);
  });

  it('does not take contracts with other arguments for its own', async () => {
    const run = await options();
    const first = await deploy(run);
    const other = { ...config, poster: nobody('another poster') };
    const second = await deploy({ ...run, config: other, file: `${run.file}.other` });
    expect(second.steps.timelock?.address).toBe(first.steps.timelock?.address);
    expect(second.steps.vault?.address).not.toBe(first.steps.vault?.address);
    expect(await wrongIn(second)).toEqual([]);
  });

  it('makes a step anew when its nonce went to another transaction', async () => {
    const run = await options();
    const rpc: Rpc = {
      ...chain.rpc,
      async call(method, params) {
        if (method === 'eth_sendRawTransaction') throw new Error('this process died');
        return chain.rpc.call(method, params);
      },
    };
    await deploy({ ...run, rpc }).catch(() => undefined);
    const planned = (await readDeploymentFile(run.file))?.steps.timelock;
    expect(planned?.tx?.nonce).toBe(0);
    const sender = transactor({
      rpc: chain.rpc,
      chainId: TEST_CHAIN_ID,
      signer: run.signer,
      maxFeePerGas: TEST_MAX_FEE,
      moment: atThisMoment(chain.rpc),
      finalBlock: async () => null,
    });
    const other = await sender.sign({ to: run.signer.address, data: '0x', what: 'something else' });
    await sender.send(other);
    await untilMined(sender, other.txHash, 'something else', { pollMs: 1, waitMs: 5_000 });
    const file = await deploy(run);
    expect(file.steps.timelock?.tx?.nonce).toBe(1);
    expect(await wrongIn(file)).toEqual([]);
  });

  it('sends nothing in a dry run, and tells addresses, gas and cost that then come true', async () => {
    const run = await options();
    const asked: string[] = [];
    const rpc: Rpc = {
      ...chain.rpc,
      call(method, params) {
        asked.push(method);
        return chain.rpc.call(method, params);
      },
    };
    const before = await chain.rpc.call('eth_blockNumber');
    const plan = await planDeployment({ ...run, rpc });
    expect(asked.filter((method) => /send|anvil|evm/i.test(method))).toEqual([]);
    expect(await chain.rpc.call('eth_blockNumber')).toBe(before);
    expect(existsSync(run.file)).toBe(false);
    expect(plan.steps.map(({ step }) => step)).toEqual(['timelock', 'open', 'vault']);
    const balance = async () =>
      BigInt(String(await chain.rpc.call('eth_getBalance', [run.signer.address, 'latest'])));
    const had = await balance();
    const file = await deploy(run);
    for (const { step, address } of plan.steps) expect(file.steps[step]?.address).toBe(address);
    expect(had - (await balance())).toBeLessThanOrEqual(plan.costWei);
    const again = await planDeployment(run);
    expect(again.steps.map(({ gas }) => gas)).toEqual([null, null, null]);
    expect(again.costWei).toBe(0n);
  });

  it('refuses a chain of another id before anything is signed', async () => {
    const run = await options({ config: { ...config, chainId: 1n } });
    await expect(deploy(run)).rejects.toThrow(
      `CHAIN_RPC_URL: ${chain.rpc.host} is chain ${TEST_CHAIN_ID}, the deployment is for chain 1`,
    );
    await expect(planDeployment(run)).rejects.toMatchObject({ code: 'chain_setting' });
    expect(await nonceOf(run.signer)).toBe(0);
    expect(existsSync(run.file)).toBe(false);
  });

  it('refuses the file of another configuration, of another key, and one that is damaged', async () => {
    const run = await options();
    await deploy(run);
    const other = { ...config, growthCapWei: 1n };
    await expect(deploy({ ...run, config: other })).rejects.toThrow(/another configuration/);
    const { signer } = await chain.richKey();
    await expect(deploy({ ...run, signer })).rejects.toThrow(/was begun with the key of/);
    writeFileSync(run.file, readFileSync(run.file, 'utf8').replace('"vault"', '"valut"'));
    await expect(deploy(run)).rejects.toMatchObject({ code: 'deployment_wrong' });
  });
});

describe('the comparison with the chain', () => {
  it('names a role that was given to somebody else, a cap that was changed, and code that is not ours', async () => {
    const operator = await chain.richKey();
    const own = {
      ...config,
      proposers: [operator.signer.address],
      executors: [operator.signer.address],
      timelockDelaySeconds: 0n,
    };
    const file = await deploy(await options({ config: own }));
    expect(await wrongIn(file)).toEqual([]);
    const { vault: face, timelock } = contractFaces();
    const vault = file.steps.vault?.address ?? '';
    const sender = transactor({
      rpc: chain.rpc,
      chainId: TEST_CHAIN_ID,
      signer: operator.signer,
      maxFeePerGas: TEST_MAX_FEE,
      moment: atThisMoment(chain.rpc),
      finalBlock: async () => null,
    });
    const byTimelock = async (name: string, args: readonly unknown[]) => {
      const what = [vault, 0n, face.abi.encodeFunctionData(name, [...args]), id('none'), id(name)];
      for (const [call, more] of [
        ['schedule', [0n]],
        ['execute', []],
      ] as const) {
        const data = timelock.abi.encodeFunctionData(call, [...what.with(3, `0x${'0'.repeat(64)}`), ...more]);
        const signed = await sender.sign({ to: file.steps.timelock?.address, data, what: call });
        await sender.send(signed);
        await untilMined(sender, signed.txHash, call, { pollMs: 1, waitMs: 5_000 });
      }
    };
    await byTimelock('grantRole', [id('POSTER_ROLE'), nobody('an intruder')]);
    expect(await wrongIn(file)).toEqual(['vault: holders of POSTER_ROLE']);
    await byTimelock('revokeRole', [id('POSTER_ROLE'), nobody('an intruder')]);
    expect(await wrongIn(file)).toEqual([]);
    await byTimelock('setGrowthCap', [10n ** 9n]);
    expect(await wrongIn(file)).toEqual(['vault: growth cap in wei']);
    const open = file.steps.open?.address ?? '';
    const code = String(await chain.rpc.call('eth_getCode', [open, 'latest']));
    await chain.rpc.call('anvil_setCode', [open, `${code.slice(0, -2)}00`]);
    expect(await wrongIn(file)).toContain(`open: code at ${open}`);
  });
});

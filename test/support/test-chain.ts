// A chain of its own for a test file: anvil with the contracts deployed, reached through a proxy that can fail, with people who
// have coins. Used by every .chain.test.ts. Where there is no anvil, the tests of the file are skipped with the reason.
// Blocks come with transactions and by `mine` only; a block is final when two more are on top.
import { Wallet } from 'ethers';
import { afterAll, beforeAll, beforeEach } from 'vitest';
import type { Chain, ChainAddresses, DigestSigner, Hex } from '../../contracts/client/chain.ts';
import { connectChain } from '../../contracts/client/connect-chain.ts';
import { contractFaces } from '../../contracts/client/contract-faces.ts';
import { privateKeySigner } from '../../contracts/client/digest-signer.ts';
import { jsonRpc, type Rpc } from '../../contracts/client/json-rpc.ts';
import { type Transactor, transactor } from '../../contracts/client/transactor.ts';
import { untilMined } from '../../contracts/client/until-mined.ts';
import { atThisMoment } from '../../contracts/client/view-call.ts';
import { deploy } from '../../contracts/deployment/deploy.ts';
import { deployedAddresses } from '../../contracts/deployment/deployed-addresses.ts';
import type { DeploymentConfig } from '../../contracts/deployment/deployment-config.ts';
import { findAnvil, NO_ANVIL } from '../../contracts/local/anvil-process.ts';
import { bareAnvil, TEST_CHAIN_ID, TEST_MAX_FEE, testConfig } from './bare-anvil.ts';
import { type RpcProxy, rpcProxy } from './rpc-proxy.ts';
import { temporaryFolder } from './temporary-folder.ts';

export interface TestPerson {
  readonly address: Hex;
  readonly wallet: Wallet;
  /** Sends a transaction to one of the contracts; mined when it resolves, unless transactions are held. @throws ChainFault when it would be refused */
  call(
    contract: 'open' | 'vault' | 'registry' | 'timelock',
    name: string,
    args: readonly unknown[],
  ): Promise<Hex>;
  /** Approves and deposits. @returns the deposit's transaction */
  deposit(amountWei: bigint, ref: Hex): Promise<Hex>;
}

export interface TestChain {
  /** Through the proxy; `chain.isLocal` is true, so there is a faucet. */
  readonly chain: Chain;
  /** Straight to anvil, commands included. */
  readonly rpc: Rpc;
  readonly proxy: RpcProxy;
  readonly config: DeploymentConfig;
  /** Treasury, pauser, vetoer, proposer and executor of the timelock. */
  readonly operator: TestPerson;
  readonly posterSigner: DigestSigner;
  readonly operatorSigner: DigestSigner;
  /** A new person with coins and gas money. */
  person(openWei?: bigint): Promise<TestPerson>;
  /** Empty blocks. */
  mine(blocks?: number): Promise<void>;
  /** Mines until everything up to now is final. */
  finalize(): Promise<void>;
  /** Replaces the last blocks by empty ones: what they held is gone (as if it had never been sent). */
  reorg(depth: number): Promise<void>;
  /** Moves the chain's clock on and mines a block. */
  passSeconds(seconds: number): Promise<void>;
  /** Transactions wait until `mine` is called. */
  holdTransactions(hold: boolean): Promise<void>;
  /** The RPC is gone until `startRpc`. */
  stopRpc(): void;
  startRpc(): void;
}

export interface TestChainOptions {
  /** 1 by default. */
  readonly postingDelaySeconds?: bigint;
  /** 1,000,000 OPEN by default. */
  readonly growthCapWei?: bigint;
}

/** Registers the hooks of a test file; the chain is there in its tests. */
export function testChain(options: TestChainOptions = {}): TestChain {
  const anvil = findAnvil();
  const folder = temporaryFolder();
  let started: Started | undefined;
  beforeAll(async () => {
    if (anvil !== undefined) started = await start(folder, options);
  });
  afterAll(async () => started?.stop());
  beforeEach(({ skip }) => skip(anvil === undefined, NO_ANVIL));
  const now = (): Started => {
    if (started === undefined) throw new Error('the test chain is there in tests and beforeEach only');
    return started;
  };
  return {
    get chain() {
      return now().chain;
    },
    get rpc() {
      return now().rpc;
    },
    get proxy() {
      return now().proxy;
    },
    get config() {
      return now().config;
    },
    get operator() {
      return now().operator;
    },
    get posterSigner() {
      return now().posterSigner;
    },
    get operatorSigner() {
      return now().operatorSigner;
    },
    person: (openWei) => now().person(openWei),
    mine: (blocks) => now().mine(blocks),
    finalize: () => now().mine(2),
    async reorg(depth) {
      await now().rpc.call('anvil_reorg', [depth, []]);
    },
    async passSeconds(seconds) {
      await now().rpc.call('evm_increaseTime', [seconds]);
      await now().mine(1);
    },
    holdTransactions: (hold) => now().holdTransactions(hold),
    stopRpc: () => {
      now().proxy.mode = 'gone';
    },
    startRpc: () => {
      now().proxy.mode = 'pass';
    },
  };
}

interface Started
  extends Pick<
    TestChain,
    | 'chain'
    | 'rpc'
    | 'proxy'
    | 'config'
    | 'operator'
    | 'posterSigner'
    | 'operatorSigner'
    | 'person'
    | 'mine'
    | 'holdTransactions'
  > {
  stop(): Promise<void>;
}

async function start(folder: string, options: TestChainOptions): Promise<Started> {
  const { rpc, url, setGasMoney, richKey, stop } = await bareAnvil(folder);
  const proxy = await rpcProxy(url);
  const operatorKey = await richKey();
  const operatorSigner = operatorKey.signer;
  const posterSigner = (await richKey()).signer;
  const config = testConfig(operatorSigner.address, posterSigner.address, options);
  const file = await deploy({
    rpc,
    signer: operatorSigner,
    config,
    file: `${folder}/deployment.json`,
    maxFeePerGas: TEST_MAX_FEE,
    say: () => undefined,
    pollMs: 10,
  });
  const { addresses, firstBlock } = deployedAddresses(file, 'the deployment of the test chain');
  const chain = connectChain({
    rpc: jsonRpc(proxy.url, { tries: 3, pauseMs: 10, timeoutMs: 2_000 }),
    chainId: TEST_CHAIN_ID,
    addresses,
    firstBlock,
    rpcUrlForWallets: proxy.url,
    finality: 'finalized',
    maxFeePerGas: TEST_MAX_FEE,
    posterSigner,
    local: { faucetSigner: operatorSigner, setGasMoney },
  });
  let held = false;
  const personOf = (privateKey: Hex): TestPerson =>
    testPerson(rpc, new Wallet(privateKey), addresses, () => held);
  const operator = personOf(operatorKey.privateKey);
  return {
    chain,
    rpc,
    proxy,
    config,
    operator,
    posterSigner,
    operatorSigner,
    async person(openWei = 0n) {
      const { privateKey, signer } = await richKey();
      if (openWei > 0n) await operator.call('open', 'transfer', [signer.address, openWei]);
      return personOf(privateKey);
    },
    async mine(blocks = 1) {
      await rpc.call('anvil_mine', [`0x${blocks.toString(16)}`]);
    },
    async holdTransactions(hold) {
      held = hold;
      await rpc.call('evm_setAutomine', [!hold]);
    },
    async stop() {
      await chain.close();
      await proxy.close();
      await stop();
    },
  };
}

function testPerson(rpc: Rpc, wallet: Wallet, addresses: ChainAddresses, isHeld: () => boolean): TestPerson {
  const sender: Transactor = transactor({
    rpc,
    chainId: TEST_CHAIN_ID,
    signer: privateKeySigner(wallet.privateKey),
    maxFeePerGas: TEST_MAX_FEE,
    moment: atThisMoment(rpc),
    finalBlock: async () => null,
  });
  const call: TestPerson['call'] = async (contract, name, args) => {
    const data = contractFaces()[contract].abi.encodeFunctionData(name, [...args]);
    const signed = await sender.sign({ to: addresses[contract], data, what: name });
    await sender.send(signed);
    if (!isHeld()) await untilMined(sender, signed.txHash, name, { pollMs: 5, waitMs: 10_000 });
    return signed.txHash;
  };
  return {
    address: sender.address,
    wallet,
    call,
    async deposit(amountWei, ref) {
      await call('open', 'approve', [addresses.vault, amountWei]);
      return call('vault', 'deposit', [amountWei, ref]);
    },
  };
}

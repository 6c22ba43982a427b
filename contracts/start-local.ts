// The local chain made ready: keys, gas money, contracts deployed by the same code as on a real chain, and the treasury's practice
// coins deposited. Used by start-chain.ts and the tests of restarts. All of it goes on where a killed start stopped.
// Keys (data folder, keys/): `operator` holds the supply and every role but one, `poster` posts. On a real chain these are
// different people; here they are one, and the coins are for practice.
import { join } from 'node:path';
import { id, ZeroAddress } from 'ethers';
import type { Chain, ChainAddresses, DigestSigner, Hex } from './client/chain.ts';
import { connectChain } from './client/connect-chain.ts';
import { contractFaces } from './client/contract-faces.ts';
import { keyFilesOf, openOrMakeKeystore } from './client/keystore.ts';
import { readQuantity } from './client/rpc-values.ts';
import { transactor } from './client/transactor.ts';
import { untilMined } from './client/until-mined.ts';
import { atThisMoment, viewOf } from './client/view-call.ts';
import { codeAt } from './deployment/contract-code.ts';
import { deploy } from './deployment/deploy.ts';
import { deployedAddresses, isWhole } from './deployment/deployed-addresses.ts';
import type { DeploymentConfig } from './deployment/deployment-config.ts';
import { DEPLOY_STEPS, type DeploymentFile, readDeploymentFile } from './deployment/deployment-file.ts';
import { NO_ANVIL } from './local/anvil-process.ts';
import { type ChainLogger, LOCAL_CHAIN_ID, type LocalChain, startLocalChain } from './local/local-chain.ts';
import type { StartChainOptions, StartedChain } from './start-chain.ts';

/** The reference of a deposit that is credited to the treasury. */
const TREASURY_REF = id('treasury');
/** Practice coins that the treasury begins with. */
const TREASURY_WEI = 10_000_000n * 10n ** 18n;
const GROWTH_CAP_WEI = 1_000_000n * 10n ** 18n;
const POSTING_DELAY_SECONDS = 30n;
const TIMELOCK_DELAY_SECONDS = 60n;
const GAS_MONEY_WEI = 10_000n * 10n ** 18n;
const GAS_MONEY_LEAST_WEI = 100n * 10n ** 18n;
const POLL_MS = 20;
const MINED_WITHIN_MS = 30_000;

type LocalOptions = Pick<StartChainOptions, 'dataDir' | 'settings' | 'log' | 'say'> & {
  /** For tests: see startLocalChain. */
  readonly mineEveryMs?: number;
  readonly anvil?: string | null;
};

/** @throws ChainFault `chain_start_failed`, `deployment_wrong` */
export async function startLocal(options: LocalOptions): Promise<StartedChain> {
  const { dataDir, settings, log, say, mineEveryMs, anvil } = options;
  const local = await startLocalChain({
    dataDir,
    log,
    walletPort: settings.port,
    ...(mineEveryMs === undefined ? {} : { mineEveryMs }),
    ...(anvil === undefined ? {} : { anvil }),
  });
  if (local === null) return { chain: null, reason: NO_ANVIL, stop: async () => undefined };
  try {
    const chain = await makeReady(local, options);
    say(
      `The local chain runs (id ${LOCAL_CHAIN_ID}, for wallets: ${local.walletUrl}); its coins are for practice`,
    );
    return {
      chain,
      async stop() {
        await chain.close();
        await local.stop();
      },
    };
  } catch (error) {
    await local.stop();
    throw error;
  }
}

async function makeReady(local: LocalChain, { dataDir, settings, log }: LocalOptions): Promise<Chain> {
  const operator = await openOrMakeKeystore(keyFilesOf(dataDir, 'operator'));
  const posterSigner = await openOrMakeKeystore(keyFilesOf(dataDir, 'poster'));
  for (const { address } of [operator, posterSigner]) {
    const has = readQuantity(await local.rpc.call('eth_getBalance', [address, 'latest']), 'a balance');
    if (has < GAS_MONEY_LEAST_WEI) await local.setGasMoney(address, GAS_MONEY_WEI);
  }
  const maxFeePerGas = BigInt(settings.maxFeeGwei) * 10n ** 9n;
  const path = join(dataDir, 'chain', 'deployment.json');
  const file =
    (await standing(local, path, log)) ??
    (await deploy({
      rpc: local.rpc,
      signer: operator,
      config: (await readDeploymentFile(path))?.config ?? localConfig(operator.address, posterSigner.address),
      file: path,
      maxFeePerGas,
      say: (line) => log.info({}, line),
      pollMs: POLL_MS,
    }));
  const { addresses, firstBlock } = deployedAddresses(file, path);
  await fundTreasury(local, operator, addresses, maxFeePerGas);
  await local.keep();
  return connectChain({
    rpc: local.rpc,
    chainId: LOCAL_CHAIN_ID,
    addresses,
    firstBlock,
    rpcUrlForWallets: local.walletUrl,
    finality: 'finalized',
    maxFeePerGas,
    posterSigner,
    local: { kept: local.kept, faucetSigner: operator, setGasMoney: local.setGasMoney },
  });
}

/** The deployment that stands; undefined when there is none or it is not whole. */
async function standing(
  { rpc }: LocalChain,
  path: string,
  log: ChainLogger,
): Promise<DeploymentFile | undefined> {
  const file = await readDeploymentFile(path);
  if (file === undefined || !isWhole(file)) return undefined;
  const faces = contractFaces();
  const codes = await Promise.all(
    DEPLOY_STEPS.map((step) => codeAt(rpc, file.steps[step]?.address ?? ZeroAddress, faces[step])),
  );
  if (codes.includes('none')) return undefined;
  // people's coins are in it, so an older version is used on
  if (codes.includes('other')) log.warn({ path }, 'the contracts on the local chain are of another version');
  return file;
}

function localConfig(operator: Hex, poster: Hex): DeploymentConfig {
  return {
    chainId: LOCAL_CHAIN_ID,
    treasury: operator,
    poster,
    pauser: operator,
    vetoer: operator,
    proposers: [operator],
    executors: [operator],
    timelockDelaySeconds: TIMELOCK_DELAY_SECONDS,
    postingDelaySeconds: POSTING_DELAY_SECONDS,
    growthCapWei: GROWTH_CAP_WEI,
  };
}

/** Deposits the treasury's coins, once. */
async function fundTreasury(
  { rpc }: LocalChain,
  signer: DigestSigner,
  { open, vault }: ChainAddresses,
  maxFeePerGas: bigint,
): Promise<void> {
  const faces = contractFaces();
  const [deposited] = await viewOf(rpc, faces.vault.abi, vault).read('depositedTotal');
  if (BigInt(deposited) >= TREASURY_WEI) return;
  const sender = transactor({
    rpc,
    chainId: LOCAL_CHAIN_ID,
    signer,
    maxFeePerGas,
    moment: atThisMoment(rpc),
    finalBlock: async () => null,
  });
  const send = async (to: Hex, data: Hex, what: string): Promise<void> => {
    const signed = await sender.sign({ to, data, what });
    await sender.send(signed);
    await untilMined(sender, signed.txHash, what, { pollMs: POLL_MS, waitMs: MINED_WITHIN_MS });
  };
  const approve = faces.open.abi.encodeFunctionData('approve', [vault, TREASURY_WEI]);
  await send(open, approve, "the treasury's approval");
  const deposit = faces.vault.abi.encodeFunctionData('deposit', [TREASURY_WEI, TREASURY_REF]);
  await send(vault, deposit, "the treasury's deposit");
}

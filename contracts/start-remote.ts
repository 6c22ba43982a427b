// A chain elsewhere, connected and checked: chain id, the deployment's addresses, code, links between the contracts, and that the
// poster may post. Used by start-chain.ts. What is wrong is thrown with the name of the setting; an RPC that cannot be reached
// now is no wrong setting: the program starts, everything on chain waits, and the checks are made when it answers.
import { id } from 'ethers';
import { type ChainAddresses, ChainFault, type DigestSigner } from './client/chain.ts';
import { chooseSigner } from './client/choose-signer.ts';
import { connectChain } from './client/connect-chain.ts';
import { contractFaces } from './client/contract-faces.ts';
import { readFinality } from './client/finality.ts';
import { jsonRpc, type Rpc } from './client/json-rpc.ts';
import { viewOf } from './client/view-call.ts';
import { codeAt } from './deployment/contract-code.ts';
import { checkChainId } from './deployment/deploy.ts';
import { deployedAddresses } from './deployment/deployed-addresses.ts';
import { readDeploymentFile } from './deployment/deployment-file.ts';
import type { StartChainOptions, StartedChain } from './start-chain.ts';

const RECHECK_MS = 10_000;

/** @throws ChainFault `chain_setting`, `key_unusable`, `signer_refused`, `signer_unreachable` */
export async function startRemote(options: StartChainOptions, rpcUrl: string): Promise<StartedChain> {
  const { settings, log, say } = options;
  const { deployment } = settings;
  const finality = readFinality(settings.finality);
  const rpc = jsonRpc(rpcUrl);
  if (deployment === undefined)
    throw settingFault('CHAIN_DEPLOYMENT: the file that the deployment to this chain wrote');
  const file = await readDeploymentFile(deployment).catch((error: unknown) => {
    throw error instanceof ChainFault ? settingFault(`CHAIN_DEPLOYMENT: ${error.message}`) : error;
  });
  if (file === undefined) throw settingFault(`CHAIN_DEPLOYMENT: there is no file ${deployment}`);
  const { addresses, firstBlock } = deployedAddresses(file, `CHAIN_DEPLOYMENT: ${deployment}`);
  const { chainId } = file.config;
  const posterSigner = await chooseSigner(settings);

  const check = async (): Promise<void> => {
    await checkChainId(rpc, chainId);
    for (const warning of await checkContracts(rpc, addresses)) {
      log.warn({ addresses }, warning);
      say(warning);
    }
    if (posterSigner !== null) await checkPoster(rpc, addresses, posterSigner);
  };
  const checks = await startChecks(check, options);
  if (posterSigner === null)
    say(
      'No poster key is configured: epochs are published, but not posted (CHAIN_KEYSTORE or CHAIN_SIGNER_URL)',
    );
  const chain = connectChain({
    rpc,
    chainId,
    addresses,
    firstBlock,
    rpcUrlForWallets: settings.walletRpcUrl ?? '',
    finality,
    maxFeePerGas: BigInt(settings.maxFeeGwei) * 10n ** 9n,
    posterSigner,
  });
  say(`Connected to chain ${chainId} through ${rpc.host}, vault ${addresses.vault}`);
  return {
    chain,
    async stop() {
      checks.stop();
      await chain.close();
    },
  };
}

/** Checks now; when the chain cannot be reached, again and again until it answers. */
async function startChecks(
  check: () => Promise<void>,
  { log, say, recheckMs = RECHECK_MS }: StartChainOptions,
): Promise<{ stop(): void }> {
  const isPassing = (error: unknown) => error instanceof ChainFault && error.code === 'chain_unreachable';
  let timer: ReturnType<typeof setTimeout> | undefined;
  let stopped = false;
  const again = (): void => {
    if (stopped) return;
    timer = setTimeout(() => {
      check().then(
        () => log.info({}, 'the chain answers and its deployment is in order'),
        (error: unknown) => {
          if (isPassing(error)) return again();
          const message = error instanceof Error ? error.message : String(error);
          log.warn({ error }, 'the chain answers, but its deployment is not in order');
          if (!stopped) say(`The chain is not as configured: ${message}`);
        },
      );
    }, recheckMs);
    timer.unref();
  };
  try {
    await check();
  } catch (error) {
    if (!isPassing(error)) throw error;
    log.warn({ error }, 'the chain cannot be reached now');
    say('The chain cannot be reached now: deposits, claims and epochs wait until it answers');
    again();
  }
  return {
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}

/** @returns warnings. @throws ChainFault `chain_setting` when the file's addresses do not belong together on this chain */
async function checkContracts(rpc: Rpc, addresses: ChainAddresses): Promise<readonly string[]> {
  const faces = contractFaces();
  const warnings: string[] = [];
  for (const name of ['timelock', 'open', 'vault', 'registry'] as const) {
    const code = await codeAt(rpc, addresses[name], faces[name]);
    if (code === 'none')
      throw settingFault(`CHAIN_DEPLOYMENT: there is no contract at ${addresses[name]} (${name})`);
    if (code === 'other') warnings.push(`The ${name} at ${addresses[name]} is not this version's contract`);
  }
  const vault = viewOf(rpc, faces.vault.abi, addresses.vault);
  for (const name of ['open', 'registry'] as const) {
    const found = String((await vault.read(name))[0]).toLowerCase();
    if (found !== addresses[name])
      throw settingFault(
        `CHAIN_DEPLOYMENT: the vault's ${name} is ${found}, the file says ${addresses[name]}`,
      );
  }
  return warnings;
}

async function checkPoster(
  rpc: Rpc,
  { vault, registry }: ChainAddresses,
  { address }: DigestSigner,
): Promise<void> {
  const faces = contractFaces();
  const [mayPost] = await viewOf(rpc, faces.vault.abi, vault).read('hasRole', [id('POSTER_ROLE'), address]);
  const [mayRecord] = await viewOf(rpc, faces.registry.abi, registry).read('hasRole', [
    id('RECORDER_ROLE'),
    address,
  ]);
  if (mayPost !== true || mayRecord !== true)
    throw settingFault(
      `CHAIN_KEYSTORE or CHAIN_SIGNER_URL: ${address} may not ${mayPost === true ? 'record versions in the registry' : 'post epochs to the vault'}`,
    );
}

function settingFault(message: string): ChainFault {
  return new ChainFault('chain_setting', message, 'never');
}

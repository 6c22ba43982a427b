// The chain by the settings of this program: the local one, a real one, or none with the reason told. Used by main.ts.
import type { Logger } from 'pino';
import { ChainFault } from '../contracts/client/chain.ts';
import { type StartedChain, startChain } from '../contracts/start-chain.ts';
import { type Settings, SettingsError } from './settings.ts';

interface Surroundings {
  readonly dataDir: string;
  readonly log: Logger;
  readonly say: (line: string) => void;
}

/** @throws SettingsError for a setting that a real chain cannot be reached or used with */
export async function openChain(
  settings: Settings,
  { dataDir, log, say }: Surroundings,
): Promise<StartedChain> {
  say(settings.CHAIN_RPC_URL === undefined ? 'Starting the local chain …' : 'Connecting to the chain …');
  try {
    const started = await startChain({
      dataDir,
      settings: {
        rpcUrl: settings.CHAIN_RPC_URL,
        deployment: settings.CHAIN_DEPLOYMENT,
        keystore: settings.CHAIN_KEYSTORE,
        keystorePasswordFile: settings.CHAIN_KEYSTORE_PASSWORD_FILE,
        signerUrl: settings.CHAIN_SIGNER_URL,
        signerTokenFile: settings.CHAIN_SIGNER_TOKEN_FILE,
        finality: settings.CHAIN_FINALITY,
        maxFeeGwei: settings.CHAIN_MAX_FEE_GWEI,
        port: settings.CHAIN_PORT,
        walletRpcUrl: settings.CHAIN_WALLET_RPC_URL,
      },
      environment: process.env,
      log,
      say: (line) => say(`  ${line}`),
    });
    if (started.reason !== undefined) say(`  ${started.reason}`);
    return started;
  } catch (fault) {
    if (!(fault instanceof ChainFault)) throw fault;
    throw new SettingsError(fault.message);
  }
}

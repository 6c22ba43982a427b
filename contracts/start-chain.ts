// The chain as the composition root starts it: the local one beside this program, or a real one by settings. Used by bots/main.ts
// alone. Settings are named in messages as in the environment; what they may be is checked here and in choose-signer.ts.
// Outcomes: a chain; or none, with the reason, where this machine cannot run the local one (everything else works without).
// A wrong setting is thrown (ChainFault `chain_setting`), for a program that meant to use a real chain must not start without.
import { type Chain, ChainFault } from './client/chain.ts';
import { refuseSecretsIn, type SignerSettings } from './client/choose-signer.ts';
import type { ChainLogger } from './local/local-chain.ts';
import { startLocal } from './start-local.ts';
import { startRemote } from './start-remote.ts';

export interface ChainSettings extends SignerSettings {
  /** CHAIN_RPC_URL; undefined = the local chain */
  readonly rpcUrl?: string | undefined;
  /** CHAIN_DEPLOYMENT: the file that the deployment wrote */
  readonly deployment?: string | undefined;
  /** CHAIN_FINALITY: `finalized` or a number of blocks */
  readonly finality: string;
  /** CHAIN_MAX_FEE_GWEI */
  readonly maxFeeGwei: number;
  /** CHAIN_PORT: of the local chain, for wallets */
  readonly port: number;
  /** CHAIN_WALLET_RPC_URL: shown to browser wallets */
  readonly walletRpcUrl?: string | undefined;
}

export interface StartedChain {
  readonly chain: Chain | null;
  /** Why there is none, or what is not as one might expect; for people. */
  readonly reason?: string;
  /** Stops the local chain with its state kept; closes the connection to a real one. */
  stop(): Promise<void>;
}

export interface StartChainOptions {
  readonly dataDir: string;
  readonly settings: ChainSettings;
  /** To refuse secrets in it when the chain is a real one. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly log: ChainLogger;
  /** What is good to know at the start, one line each. */
  readonly say: (line: string) => void;
  /** Pause between checks of a chain that could not be reached at the start; 10 s by default. */
  readonly recheckMs?: number;
}

/**
 * Starts or connects the chain and checks it: chain id, deployment, code, links between the contracts, the poster's role.
 * @throws ChainFault `chain_setting` (the message names the setting), `key_unusable`, `signer_refused`
 */
export async function startChain(options: StartChainOptions): Promise<StartedChain> {
  const { settings, environment, log } = options;
  if (settings.rpcUrl !== undefined) {
    refuseSecretsIn(environment);
    return startRemote(options, settings.rpcUrl);
  }
  try {
    return await startLocal(options);
  } catch (error) {
    if (!(error instanceof ChainFault)) throw error;
    log.warn({ error }, 'the local chain did not start');
    return {
      chain: null,
      reason: `the local chain did not start: ${error.message}`,
      stop: async () => undefined,
    };
  }
}

// An anvil without contracts and a key with gas money, for tests of the deployment and of start-up. Used by test-chain.ts too. The
// caller stops it.
import { id, Wallet } from 'ethers';
import type { DigestSigner, Hex } from '../../contracts/client/chain.ts';
import { privateKeySigner } from '../../contracts/client/digest-signer.ts';
import { jsonRpc, type Rpc } from '../../contracts/client/json-rpc.ts';
import { quantity } from '../../contracts/client/rpc-values.ts';
import type { DeploymentConfig } from '../../contracts/deployment/deployment-config.ts';
import { anvilUrl, findAnvil, NO_ANVIL, startAnvil } from '../../contracts/local/anvil-process.ts';
import { endProcess } from '../../contracts/local/process-identity.ts';

export const TEST_CHAIN_ID = 813_731_999n;
/** More than any block of a test asks for. */
export const TEST_MAX_FEE = 1_000_000_000_000n;
const GAS_MONEY = 10n ** 21n;

export interface BareAnvil {
  readonly url: string;
  readonly rpc: Rpc;
  setGasMoney(address: Hex, wei: bigint): Promise<void>;
  /** A new key with gas money. */
  richKey(): Promise<{ readonly signer: DigestSigner; readonly privateKey: Hex }>;
  stop(): Promise<void>;
}

/** @throws where there is no anvil: tests are skipped before */
export async function bareAnvil(folder: string): Promise<BareAnvil> {
  const anvil = findAnvil();
  if (anvil === undefined) throw new Error(NO_ANVIL);
  const running = await startAnvil({
    anvil,
    chainId: TEST_CHAIN_ID,
    folder,
    onSpawn: async () => undefined,
  });
  const rpc = jsonRpc(anvilUrl(running.port));
  const setGasMoney: BareAnvil['setGasMoney'] = async (address, wei) =>
    void (await rpc.call('anvil_setBalance', [address, quantity(wei)]));
  return {
    url: anvilUrl(running.port),
    rpc,
    setGasMoney,
    async richKey() {
      const { privateKey } = Wallet.createRandom();
      const signer = privateKeySigner(privateKey);
      await setGasMoney(signer.address, GAS_MONEY);
      return { signer, privateKey };
    },
    async stop() {
      rpc.close();
      await endProcess(running.pid, 0);
    },
  };
}

/** A deployment in which `operator` has every role but posting. */
export function testConfig(
  operator: Hex,
  poster: Hex,
  more: Partial<DeploymentConfig> = {},
): DeploymentConfig {
  return {
    chainId: TEST_CHAIN_ID,
    treasury: operator,
    poster,
    pauser: operator,
    vetoer: operator,
    proposers: [operator],
    executors: [operator],
    timelockDelaySeconds: 1n,
    postingDelaySeconds: 1n,
    growthCapWei: 1_000_000n * 10n ** 18n,
    ...more,
  };
}

/** An address that nobody has the key of. */
export const nobody = (name: string): Hex => `0x${id(name).slice(26)}`;

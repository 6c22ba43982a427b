// What the chain client needs of a deployment file: the four addresses and the first block worth reading. Used by start-local.ts,
// start-remote.ts and the tests' chain. Knows no chain.
import { type ChainAddresses, ChainFault } from '../client/chain.ts';
import { DEPLOY_STEPS, type DeploymentFile } from './deployment-file.ts';

/** True when every step of it was done. */
export function isWhole(file: DeploymentFile): boolean {
  return file.registry !== null && DEPLOY_STEPS.every((step) => file.steps[step]?.block != null);
}

/** @throws ChainFault `deployment_wrong` when the deployment was not finished */
export function deployedAddresses(
  file: DeploymentFile,
  path: string,
): { readonly addresses: ChainAddresses; readonly firstBlock: bigint } {
  const { timelock, open, vault } = file.steps;
  if (!timelock || !open || vault?.block == null || file.registry === null)
    throw new ChainFault(
      'deployment_wrong',
      `${path}: this deployment was not finished, run it again`,
      'never',
    );
  return {
    addresses: {
      timelock: timelock.address,
      open: open.address,
      vault: vault.address,
      registry: file.registry,
    },
    firstBlock: vault.block,
  };
}

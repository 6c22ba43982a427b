// The values that each constructor is given, from the configuration and the addresses of the contracts before it. Used by
// deploy.ts to make them and by verify-deployment.ts to compare. Invariant: the deployer appears in none.
import { ZeroAddress } from 'ethers';
import type { Hex } from '../client/chain.ts';
import type { DeploymentFile, DeployStep } from './deployment-file.ts';

/** In the order of the constructor. */
export function constructorArguments(step: DeployStep, file: DeploymentFile): readonly unknown[] {
  const { config } = file;
  switch (step) {
    case 'timelock':
      return [config.timelockDelaySeconds, config.proposers, config.executors, ZeroAddress];
    case 'open':
      return [config.treasury];
    case 'vault':
      return [
        addressOf(file, 'open'),
        addressOf(file, 'timelock'),
        config.poster,
        config.pauser,
        config.vetoer,
        config.postingDelaySeconds,
        config.growthCapWei,
      ];
  }
}

export function addressOf(file: DeploymentFile, step: DeployStep): Hex {
  const record = file.steps[step];
  if (record === undefined) throw new TypeError(`the ${step} has no address yet`);
  return record.address;
}

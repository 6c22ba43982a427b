// Deploys the contracts in the plainest way, one account in every role, for the gas figures. Used by measure-gas.ts only; real
// deployments go through contracts/deployment/, which can be resumed and checks what it did.
import { Contract, ContractFactory, type Signer, ZeroAddress } from 'ethers';
import { contractFaces } from '../client/contract-faces.ts';

export interface DeployedContracts {
  readonly open: Contract;
  readonly vault: Contract;
  readonly registry: Contract;
}

export async function deployContracts(
  signer: Signer,
  options: {
    readonly delaySeconds: number;
    readonly growthCapWei: bigint;
    readonly onDeployed: (name: string, gasUsed: bigint) => void;
  },
): Promise<DeployedContracts> {
  const faces = contractFaces();
  const me = await signer.getAddress();
  const deploy = async (key: 'open' | 'timelock' | 'vault', ...args: readonly unknown[]) => {
    const { abi, bytecode, name } = faces[key];
    const contract = await new ContractFactory(abi, bytecode, signer).deploy(...args);
    const receipt = await contract.deploymentTransaction()?.wait();
    if (receipt === null || receipt === undefined) throw new Error(`${name} was not deployed`);
    options.onDeployed(name, receipt.gasUsed);
    const address = await contract.getAddress();
    return new Contract(address, abi, signer);
  };
  const open = await deploy('open', me);
  await deploy('timelock', options.delaySeconds, [me], [me], ZeroAddress);
  const roles = [me, me, me, me];
  const vault = await deploy(
    'vault',
    await open.getAddress(),
    ...roles,
    options.delaySeconds,
    options.growthCapWei,
  );
  const registry = new Contract(await vault.getFunction('registry')(), faces.registry.abi, signer);
  return { open, vault, registry };
}

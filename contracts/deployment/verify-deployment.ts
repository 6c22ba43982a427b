// Does what stands on chain agree with a deployment's file and the compiled contracts: code, constructor arguments, roles? Used
// by deploy-cli.ts (--verify), find-step.ts and the tests. It only reads. Who holds a role is told by all RoleGranted and
// RoleRevoked logs, not only asked of those who should hold it: an extra holder is found too.
import { id, Transaction, ZeroAddress, ZeroHash } from 'ethers';
import type { Hex } from '../client/chain.ts';
import { contractFaces } from '../client/contract-faces.ts';
import type { Rpc } from '../client/json-rpc.ts';
import { viewOf } from '../client/view-call.ts';
import { allLogs, type FoundLog } from './all-logs.ts';
import { constructorArguments } from './constructor-arguments.ts';
import { codeAt, creationCode } from './contract-code.ts';
import { DEPLOY_STEPS, type DeploymentFile, type DeployStep } from './deployment-file.ts';

/** One thing that was compared. */
export interface Finding {
  readonly what: string;
  readonly wanted: string;
  readonly found: string;
}

export const isTrue = ({ wanted, found }: Finding): boolean => wanted === found;

/** Compares everything; the findings that are not true come with the others, in order. */
export async function verifyDeployment(rpc: Rpc, file: DeploymentFile): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const step of DEPLOY_STEPS) {
    const record = file.steps[step];
    if (record === undefined) {
      findings.push({ what: `${step}`, wanted: 'deployed', found: 'not in the file' });
      continue;
    }
    if (record.tx !== null) {
      const wanted = creationCode(contractFaces()[step], constructorArguments(step, file));
      const sent = Transaction.from(record.tx.raw).data === wanted ? 'as configured' : 'others';
      findings.push({ what: `${step}: constructor arguments`, wanted: 'as configured', found: sent });
    }
    const { findings: facts } = await verifyStep(rpc, step, record.address, file, record.block ?? 0n);
    findings.push(...facts);
  }
  return findings;
}

/** Compares one contract; stops after its code when that is another's. `block`: of its first log. */
export async function verifyStep(
  rpc: Rpc,
  step: DeployStep,
  address: Hex,
  file: DeploymentFile,
  fromBlock: bigint,
): Promise<{ readonly findings: readonly Finding[]; readonly block: bigint | null }> {
  const face = contractFaces()[step];
  const code = await codeAt(rpc, address, face);
  const findings: Finding[] = [{ what: `${step}: code at ${address}`, wanted: 'ours', found: code }];
  if (code !== 'ours') return { findings, block: null };
  const logs = await allLogs(rpc, address, face, fromBlock);
  const view = viewOf(rpc, face.abi, address);
  const read = async (name: string): Promise<string> => String((await view.read(name))[0]).toLowerCase();
  const compare = (what: string, wanted: unknown, found: unknown): void =>
    void findings.push({ what: `${step}: ${what}`, wanted: String(wanted), found: String(found) });
  const compareRole = (role: string, hash: Hex, wanted: readonly Hex[], grants: readonly FoundLog[]): void =>
    compare(`holders of ${role}`, [...new Set(wanted)].sort().join(' '), holders(grants, hash).join(' '));
  const { config } = file;

  if (step === 'timelock') {
    compare('delay in seconds', config.timelockDelaySeconds, await read('getMinDelay'));
    compareRole('PROPOSER_ROLE', id('PROPOSER_ROLE'), config.proposers, logs);
    compareRole('CANCELLER_ROLE', id('CANCELLER_ROLE'), config.proposers, logs);
    compareRole('EXECUTOR_ROLE', id('EXECUTOR_ROLE'), config.executors, logs);
    compareRole('DEFAULT_ADMIN_ROLE', ZeroHash, [address], logs);
  } else if (step === 'open') {
    const mints = logs.filter(({ log }) => log.name === 'Transfer' && log.args.from === ZeroAddress);
    compare('supply', await read('cap'), await read('totalSupply'));
    compare(
      'minted to',
      config.treasury,
      mints.map(({ log }) => String(log.args.to).toLowerCase()).join(' '),
    );
  } else {
    const admin = file.steps.timelock?.address ?? ZeroAddress;
    compare('coin', file.steps.open?.address, await read('open'));
    compare(
      'posting delay at deployment, in seconds',
      config.postingDelaySeconds,
      await read('minPostingDelay'),
    );
    compare('posting delay now, in seconds', config.postingDelaySeconds, await read('postingDelay'));
    compare('growth cap in wei', config.growthCapWei, await read('growthCap'));
    compareRole('POSTER_ROLE', id('POSTER_ROLE'), [config.poster], logs);
    compareRole('PAUSER_ROLE', id('PAUSER_ROLE'), [config.pauser], logs);
    compareRole('VETOER_ROLE', id('VETOER_ROLE'), [config.vetoer], logs);
    compareRole('DEFAULT_ADMIN_ROLE', ZeroHash, [admin], logs);
    const registry = await read('registry');
    if (file.registry !== null) compare('registry', file.registry, registry);
    const registryFace = contractFaces().registry;
    const registryCode = await codeAt(rpc, registry, registryFace);
    compare(`code of the registry at ${registry}`, 'ours', registryCode);
    if (registryCode === 'ours') {
      const grants = await allLogs(rpc, registry, registryFace, fromBlock);
      const [vault] = await viewOf(rpc, registryFace.abi, registry).read('vault');
      compare('vault of the registry', address, String(vault).toLowerCase());
      compareRole('RECORDER_ROLE of the registry', id('RECORDER_ROLE'), [config.poster], grants);
      compareRole('DEFAULT_ADMIN_ROLE of the registry', ZeroHash, [admin], grants);
    }
  }
  return { findings, block: logs[0]?.block ?? null };
}

/** Who holds a role after all grants and revocations, sorted. */
function holders(logs: readonly FoundLog[], role: Hex): readonly Hex[] {
  const holding = new Set<Hex>();
  for (const { log } of logs) {
    if (String(log.args.role).toLowerCase() !== role) continue;
    const account = String(log.args.account).toLowerCase();
    if (log.name === 'RoleGranted') holding.add(account);
    if (log.name === 'RoleRevoked') holding.delete(account);
  }
  return [...holding].sort();
}

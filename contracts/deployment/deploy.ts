// Puts the contracts on a chain: timelock, coin, vault (which makes its registry), with all roles set by the constructors, so that
// the deployer's key holds nothing afterwards. Used by deploy-cli.ts and, for the local chain, by start-chain.ts.
// Resumable: each transaction stands in the deployment file before it is sent; a rerun asks the chain what became of it, sends
// the same one again or goes on. Without the file a rerun finds what this deployer made by code and constructor arguments.
// Invariants: nothing is sent to a chain of another id; a step that stands on chain is never made twice.
import { getCreateAddress, Transaction } from 'ethers';
import { ChainFault, type DigestSigner, type Hex } from '../client/chain.ts';
import { type ContractFace, contractFaces } from '../client/contract-faces.ts';
import type { Rpc } from '../client/json-rpc.ts';
import { naming } from '../client/revert-reason.ts';
import { quantity, readQuantity } from '../client/rpc-values.ts';
import { type Transactor, transactor } from '../client/transactor.ts';
import { chooseFees } from '../client/tx-fees.ts';
import { untilMined } from '../client/until-mined.ts';
import { atNewestBlock, viewOf } from '../client/view-call.ts';
import { addressOf, constructorArguments } from './constructor-arguments.ts';
import { codeAt, creationCode } from './contract-code.ts';
import type { DeploymentConfig } from './deployment-config.ts';
import {
  DEPLOY_STEPS,
  type DeploymentFile,
  type DeployStep,
  readDeploymentFile,
  type StepRecord,
  writeDeploymentFile,
} from './deployment-file.ts';
import { findStep } from './find-step.ts';

export interface DeployOptions {
  readonly rpc: Rpc;
  readonly signer: DigestSigner;
  readonly config: DeploymentConfig;
  /** The deployment file. */
  readonly file: string;
  /** Wei per gas. */
  readonly maxFeePerGas: bigint;
  /** Where to look for a deployment whose file was lost. */
  readonly fromBlock?: bigint;
  readonly say: (line: string) => void;
  readonly pollMs?: number;
  /** How long a transaction may wait; a rerun waits on. */
  readonly waitMs?: number;
}

const POLL_MS = 1_000;
const WAIT_MS = 10 * 60_000;

/**
 * @throws ChainFault `chain_setting` for a wrong chain, `deployment_wrong` when the file is of another deployment or
 * something else stands where a contract should
 */
export async function deploy(options: DeployOptions): Promise<DeploymentFile> {
  const { rpc, config, say } = options;
  await checkChainId(rpc, config.chainId);
  const run: Run = {
    ...options,
    sender: transactor({
      rpc,
      chainId: config.chainId,
      signer: options.signer,
      maxFeePerGas: options.maxFeePerGas,
      moment: atNewestBlock,
      finalBlock: async () => null,
    }),
  };
  let file = await openFile(options);
  const save = async (change: Partial<DeploymentFile>): Promise<void> => {
    file = { ...file, ...change };
    await writeDeploymentFile(options.file, file);
  };
  for (const step of DEPLOY_STEPS) {
    const known = file.steps[step];
    if (known?.block != null) {
      const code = await codeAt(rpc, known.address, contractFaces()[step]);
      if (code === 'ours') continue;
      if (code === 'other')
        throw new ChainFault(
          'deployment_wrong',
          `the ${step} at ${known.address} is of another version: new contracts need a deployment file of their own`,
          'never',
        );
    }
    const done = await makeStep(run, step, file, (record) =>
      save({ steps: { ...file.steps, [step]: record } }),
    );
    await save({ steps: { ...file.steps, [step]: done } });
    say(`${step} stands at ${done.address} (block ${done.block})`);
  }
  if (file.registry === null) {
    const view = viewOf(rpc, contractFaces().vault.abi, addressOf(file, 'vault'));
    const [registry] = await view.read('registry');
    await save({ registry: String(registry).toLowerCase() });
  }
  return file;
}

export interface PlannedStep {
  readonly step: DeployStep;
  readonly address: Hex;
  /** Null: it stands there already. */
  readonly gas: bigint | null;
}

/** What `deploy` would do now; sends and writes nothing. `costWei` at the newest block's price. */
export async function planDeployment(options: DeployOptions): Promise<{
  readonly steps: readonly PlannedStep[];
  readonly costWei: bigint;
  readonly gasMoneyWei: bigint;
}> {
  const { rpc, config, signer } = options;
  await checkChainId(rpc, config.chainId);
  let file = await openFile(options);
  let nonce = Number(
    readQuantity(await rpc.call('eth_getTransactionCount', [signer.address, 'pending']), 'a nonce'),
  );
  const steps: PlannedStep[] = [];
  const planned: Planned[] = [];
  for (const step of DEPLOY_STEPS) {
    const known = file.steps[step] ?? (await findStep(options, step, file));
    const stands =
      known !== undefined && (await codeAt(rpc, known.address, contractFaces()[step])) === 'ours';
    const address = stands ? known.address : createdBy(signer.address, nonce++);
    file = { ...file, steps: { ...file.steps, [step]: { address, tx: null, block: null } } };
    const gas = stands ? null : await gasOf(options, step, file, planned, nonce - 1);
    if (!stands) planned.push({ step, address });
    steps.push({ step, address, gas });
  }
  const { maxFeePerGas } = await chooseFees(rpc, options.maxFeePerGas);
  const gas = steps.reduce((sum, step) => sum + (step.gas ?? 0n), 0n);
  const gasMoneyWei = readQuantity(await rpc.call('eth_getBalance', [signer.address, 'latest']), 'a balance');
  return { steps, costWei: gas * maxFeePerGas, gasMoneyWei };
}

type Planned = Pick<PlannedStep, 'step' | 'address'>;

/** Gas of making a step, with the code of the planned ones before it put in their places: the vault asks the coin its supply. */
async function gasOf(
  { rpc, signer }: DeployOptions,
  step: DeployStep,
  file: DeploymentFile,
  planned: readonly Planned[],
  nonce: number,
): Promise<bigint> {
  const faces = contractFaces();
  const data = creationCode(faces[step], constructorArguments(step, file));
  const overrides = Object.fromEntries([
    [signer.address, { nonce: quantity(nonce) }],
    ...planned.map((each) => [each.address, { code: faces[each.step].deployedBytecode }]),
  ]);
  return naming(`the deployment of ${faces[step].name}`, async () =>
    readQuantity(
      await rpc.call('eth_estimateGas', [
        { from: signer.address, data },
        'latest',
        ...(planned.length === 0 ? [] : [overrides]),
      ]),
      'gas',
    ),
  );
}

export async function checkChainId(rpc: Rpc, wanted: bigint): Promise<void> {
  const found = readQuantity(await rpc.call('eth_chainId'), 'a chain id');
  if (found !== wanted)
    throw new ChainFault(
      'chain_setting',
      `CHAIN_RPC_URL: ${rpc.host} is chain ${found}, the deployment is for chain ${wanted}`,
      'never',
    );
}

interface Run extends DeployOptions {
  readonly sender: Transactor;
}

async function openFile({ file: path, config, signer }: DeployOptions): Promise<DeploymentFile> {
  const file = await readDeploymentFile(path);
  if (file === undefined) return { deployer: signer.address, config, steps: {}, registry: null };
  const same = JSON.stringify(file.config, sorted) === JSON.stringify(config, sorted);
  if (!same)
    throw new ChainFault(
      'deployment_wrong',
      `${path} is of a deployment with another configuration`,
      'never',
    );
  if (file.deployer !== signer.address)
    throw new ChainFault('deployment_wrong', `${path} was begun with the key of ${file.deployer}`, 'never');
  return file;
}

/** Makes a step, or finds that it was made. `remember` writes it to the file. */
async function makeStep(
  run: Run,
  step: DeployStep,
  file: DeploymentFile,
  remember: (record: StepRecord) => Promise<void>,
): Promise<StepRecord> {
  const face = contractFaces()[step];
  const data = creationCode(face, constructorArguments(step, file));
  let record = file.steps[step];
  if (record === undefined) {
    const found = await findStep(run, step, file);
    if (found !== undefined) return found;
  } else if (record.tx !== null && Transaction.from(record.tx.raw).data !== data) {
    record = undefined; // signed before the step below it had to be made anew
  }
  if (record?.tx != null && (await sendAgain(run, record.tx)) === 'lost') record = undefined;
  if (record?.tx == null) {
    const signed = await run.sender.sign({ to: undefined, data, what: `the deployment of ${face.name}` });
    record = { address: createdBy(run.sender.address, signed.nonce), tx: signed, block: null };
    await remember(record);
    await run.sender.send(signed);
  }
  const block = await minedAt(run, record, face);
  if ((await codeAt(run.rpc, record.address, face)) !== 'ours')
    throw new ChainFault(
      'deployment_wrong',
      `${record.address} is not ${face.name} as it was compiled`,
      'never',
    );
  return { ...record, block };
}

/** `lost`: its nonce went to another transaction, so it will never be mined. */
async function sendAgain(run: Run, tx: NonNullable<StepRecord['tx']>): Promise<'sent' | 'lost'> {
  const { state } = await run.sender.txState(tx.txHash);
  if (state !== 'unknown') return 'sent';
  try {
    await run.sender.send(tx);
    return 'sent';
  } catch (error) {
    if (error instanceof ChainFault && error.code === 'nonce_used') return 'lost';
    throw error;
  }
}

/** @throws ChainFault `chain_unreachable` (after) when it waits too long: a rerun goes on from there */
async function minedAt(run: Run, { tx }: StepRecord, face: ContractFace): Promise<bigint> {
  const { pollMs = POLL_MS, waitMs = WAIT_MS } = run;
  if (tx === null) throw new TypeError('a step without a transaction cannot be waited for');
  const what = `the deployment of ${face.name}`;
  return (await untilMined(run.sender, tx.txHash, what, { pollMs, waitMs })).number;
}

function createdBy(from: Hex, nonce: number): Hex {
  return getCreateAddress({ from, nonce }).toLowerCase();
}

function sorted(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return String(value);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

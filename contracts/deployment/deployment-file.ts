// The record of a deployment, written before each transaction is sent, so that a run that died goes on where it was. Used by
// deploy.ts, deploy-cli.ts and start-chain.ts (CHAIN_DEPLOYMENT). It holds addresses, the configuration and the signed
// transactions: nothing secret. Invariant: a transaction that may have been sent stands in the file.
import { mkdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { formatEther } from 'ethers';
import { z } from 'zod';
import { ChainFault, type Hex } from '../client/chain.ts';
import { replaceDurably } from '../client/durable-file.ts';
import { type DeploymentConfig, parseConfig } from './deployment-config.ts';

/** In the order in which they are made. */
export const DEPLOY_STEPS = ['timelock', 'open', 'vault'] as const;
export type DeployStep = (typeof DEPLOY_STEPS)[number];

export interface StepRecord {
  readonly address: Hex;
  /** Null when the contract was found on chain without a record of its transaction. */
  readonly tx: { readonly txHash: Hex; readonly nonce: number; readonly raw: Hex } | null;
  /** Null until it is mined. */
  readonly block: bigint | null;
}

export interface DeploymentFile {
  readonly deployer: Hex;
  readonly config: DeploymentConfig;
  readonly steps: Readonly<Partial<Record<DeployStep, StepRecord>>>;
  /** Made by the vault; null until that stands. */
  readonly registry: Hex | null;
}

const SCHEMA = 'openmodels/deployment/1';
const hex = (bytes: number) => z.string().regex(new RegExp(`^0x[0-9a-f]{${2 * bytes}}$`));
const step = z
  .object({
    address: hex(20),
    tx: z
      .object({
        txHash: hex(32),
        nonce: z.number().int().nonnegative(),
        raw: z.string().regex(/^0x[0-9a-f]+$/),
      })
      .nullable(),
    block: z.number().int().nonnegative().transform(BigInt).nullable(),
  })
  .strict();
const schema = z
  .object({
    schema: z.literal(SCHEMA),
    deployer: hex(20),
    config: z.unknown(),
    steps: z.object({ timelock: step.optional(), open: step.optional(), vault: step.optional() }).strict(),
    registry: hex(20).nullable(),
  })
  .strict();

/** @returns undefined when there is no such file. @throws ChainFault `deployment_wrong` when it is not what it should be */
export async function readDeploymentFile(path: string): Promise<DeploymentFile | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const wrong = (why: string): ChainFault =>
    new ChainFault('deployment_wrong', `${path} is no deployment file: ${why}`, 'never');
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw wrong('this is no JSON');
  }
  const parsed = schema.safeParse(json);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw wrong(`${issue.path.join('.') || 'the file'}: ${issue.message}`);
  }
  const { deployer, config, steps, registry } = parsed.data;
  return { deployer, config: parseConfig(config, wrong), steps, registry };
}

export async function writeDeploymentFile(path: string, file: DeploymentFile): Promise<void> {
  const { growthCapWei, ...config } = file.config;
  const content = {
    schema: SCHEMA,
    ...file,
    config: { ...config, growthCapOpen: formatEther(growthCapWei).replace(/\.0$/, '') },
  };
  await mkdir(dirname(path), { recursive: true });
  await replaceDurably(path, `${JSON.stringify(content, jsonNumbers, 2)}\n`);
}

/** Block numbers, delays and chain ids are small. */
function jsonNumbers(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? Number(value) : value;
}

// What a deployment shall be: who holds which role, delays and caps. Read from a JSON file that a person writes (real chains)
// or made by the program (local chain). Used by deploy.ts, verify-deployment.ts and deploy-cli.ts. It holds no keys.
// Amounts in the file are whole OPEN, as people write them; here they are wei.
import { readFile } from 'node:fs/promises';
import { getAddress, isAddress, parseEther, ZeroAddress } from 'ethers';
import { z } from 'zod';
import { ChainFault, type Hex } from '../client/chain.ts';

export interface DeploymentConfig {
  /** A deployment to another chain than this is refused. */
  readonly chainId: bigint;
  /** Receives the whole supply of OPEN. */
  readonly treasury: Hex;
  /** Posts epochs and records versions. */
  readonly poster: Hex;
  readonly pauser: Hex;
  readonly vetoer: Hex;
  /** May propose (and cancel) what the timelock does: a multisig. */
  readonly proposers: readonly Hex[];
  /** May carry it out after the delay; the zero address = anyone. */
  readonly executors: readonly Hex[];
  readonly timelockDelaySeconds: bigint;
  /** Between a posting and its claims. */
  readonly postingDelaySeconds: bigint;
  /** The most that all claims may grow by one epoch. */
  readonly growthCapWei: bigint;
}

const address = z
  .string()
  .refine((text) => isAddress(text), 'an address: 0x and 40 hexadecimal digits')
  .transform((text) => getAddress(text).toLowerCase());
const role = address.refine((text) => text !== ZeroAddress, 'an address other than zero');
const whole = z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER).transform(BigInt);

const schema = z
  .object({
    chainId: whole,
    treasury: role,
    poster: role,
    pauser: role,
    vetoer: role,
    proposers: z.array(role).min(1, 'at least one address'),
    executors: z.array(address).min(1, 'at least one address; zero = anyone'),
    timelockDelaySeconds: whole,
    postingDelaySeconds: whole,
    growthCapOpen: z
      .string()
      .regex(/^\d{1,8}(\.\d{1,9})?$/, 'an amount of OPEN with at most nine decimals, in quotes')
      .transform((text) => parseEther(text)),
  })
  .strict();

/** @throws ChainFault `chain_setting` naming the first thing that is wrong in the file */
export async function readDeploymentConfig(path: string): Promise<DeploymentConfig> {
  const wrong = (why: string): ChainFault => new ChainFault('chain_setting', `${path}: ${why}`, 'never');
  let json: unknown;
  try {
    json = JSON.parse(await readFile(path, 'utf8'));
  } catch (cause) {
    throw wrong(
      (cause as NodeJS.ErrnoException).code === 'ENOENT' ? 'there is no such file' : 'this is no JSON',
    );
  }
  return parseConfig(json, wrong);
}

export function parseConfig(json: unknown, wrong: (why: string) => ChainFault): DeploymentConfig {
  const parsed = schema.safeParse(json);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw wrong(`${issue.path.join('.') || 'the file'}: ${issue.message}`);
  }
  const { growthCapOpen, ...rest } = parsed.data;
  return { ...rest, growthCapWei: growthCapOpen };
}

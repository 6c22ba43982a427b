// Finds a contract of a deployment whose file was lost: among what the deployer's key made, the one with our code and the
// configured constructor arguments. Used by deploy.ts. Without it a rerun would deploy everything a second time.
// Not covered: a contract whose roles or settings its admin has changed since; that one is not taken for ours.
import { getCreateAddress } from 'ethers';
import type { DigestSigner } from '../client/chain.ts';
import { contractFaces } from '../client/contract-faces.ts';
import type { Rpc } from '../client/json-rpc.ts';
import { readQuantity } from '../client/rpc-values.ts';
import { codeAt } from './contract-code.ts';
import type { DeploymentFile, DeployStep, StepRecord } from './deployment-file.ts';
import { isTrue, verifyStep } from './verify-deployment.ts';

/** A deployer's key does little else. */
const NONCES_MAX = 100;

export async function findStep(
  where: { readonly rpc: Rpc; readonly signer: DigestSigner; readonly fromBlock?: bigint },
  step: DeployStep,
  file: DeploymentFile,
): Promise<StepRecord | undefined> {
  const { rpc, signer, fromBlock = 0n } = where;
  const sent = readQuantity(await rpc.call('eth_getTransactionCount', [signer.address, 'latest']), 'a nonce');
  for (let nonce = 0; nonce < sent && nonce < NONCES_MAX; nonce++) {
    const address = getCreateAddress({ from: signer.address, nonce }).toLowerCase();
    if ((await codeAt(rpc, address, contractFaces()[step])) !== 'ours') continue;
    const { findings, block } = await verifyStep(rpc, step, address, file, fromBlock);
    if (block !== null && findings.every(isTrue)) return { address, tx: null, block };
  }
  return undefined;
}

// Is the code at an address that of our compiled contract? Used by deploy.ts, verify-deployment.ts and start-chain.ts. Immutables
// (values that the constructor writes into the code) are left out of the comparison: verify-deployment.ts reads them.
import { getBytes, hexlify } from 'ethers';
import type { Hex } from '../client/chain.ts';
import type { ContractFace } from '../client/contract-faces.ts';
import type { Rpc } from '../client/json-rpc.ts';
import { readHex } from '../client/rpc-values.ts';

/** @returns `none`: there is no code; `other`: it is not this contract's */
export async function codeAt(rpc: Rpc, address: Hex, face: ContractFace): Promise<'ours' | 'other' | 'none'> {
  const code = readHex(await rpc.call('eth_getCode', [address, 'latest']), 'code');
  if (code === '0x') return 'none';
  if (code.length !== face.deployedBytecode.length) return 'other';
  const bytes = getBytes(code);
  for (const { start, length } of face.immutables) bytes.fill(0, start, start + length);
  return hexlify(bytes) === face.deployedBytecode.toLowerCase() ? 'ours' : 'other';
}

/** Creation code with its constructor arguments. */
export function creationCode(face: ContractFace, args: readonly unknown[]): Hex {
  return face.bytecode + face.abi.encodeDeploy([...args]).slice(2);
}

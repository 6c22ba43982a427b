// The signature of a receipt: what exactly is signed, and who signed it. Used by whoever signs (sign-receipts.ts) and by
// verification; knows no keys but through DigestSigner.
// Signed are the 32 bytes keccak256("openmodels receipt signature\n" ‖ receipt hash), as an EIP-191 personal message
// ("\x19Ethereum Signed Message:\n32" in front): no signature of the same key for another purpose can pose as one, and any
// wallet tool can check it. secp256k1, r ‖ s ‖ v, s in the lower half, v 27 or 28.
import { concat, getBytes, hashMessage, keccak256, recoverAddress, toUtf8Bytes } from 'ethers';
import type { DigestSigner } from '../../contracts/client/chain.ts';

export type Purpose = 'receipt' | 'refund note';

/** @param hash 32 bytes as 0x hex @returns the digest that is signed */
function signedDigest(purpose: Purpose, hash: string): string {
  const message = keccak256(concat([toUtf8Bytes(`openmodels ${purpose} signature\n`), hash]));
  return hashMessage(getBytes(message));
}

/** @throws what the signer throws; a signature that is not the signer's own is a fault too */
export async function signHash(signer: DigestSigner, purpose: Purpose, hash: string): Promise<string> {
  const signature = (await signer.signDigest(signedDigest(purpose, hash))).toLowerCase();
  const found = signerOf(purpose, hash, signature);
  if (found !== signer.address.toLowerCase()) {
    throw new Error(`the key ${signer.address} gave a signature of ${found ?? 'nobody'}`);
  }
  return signature;
}

/** The address whose key signed, lowercase; null when it is no signature (malleable ones included). */
export function signerOf(purpose: Purpose, hash: string, signature: string): string | null {
  if (!/^0x[0-9a-f]{128}(1b|1c)$/.test(signature)) return null;
  try {
    return recoverAddress(signedDigest(purpose, hash), signature).toLowerCase();
  } catch {
    return null;
  }
}

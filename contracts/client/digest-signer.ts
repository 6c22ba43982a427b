// Signing with a private key in memory, and the check every signature passes whoever made it: it recovers to the expected
// address and its s is in the lower half (EIP-2), so that each digest has one signature form. Used by keystore.ts,
// remote-signer.ts and tests. Invariant: the key is kept in a closure, never in an object that could be logged.
import { computeAddress, getAddress, recoverAddress, Signature, SigningKey } from 'ethers';
import type { DigestSigner, Hex } from './chain.ts';

/** @param privateKey 32 bytes as hex */
export function privateKeySigner(privateKey: Hex): DigestSigner {
  const key = new SigningKey(privateKey);
  return {
    address: computeAddress(key.publicKey).toLowerCase(),
    signDigest: async (digest) => key.sign(digest).serialized,
  };
}

/** 65 bytes r ‖ s ‖ v; v as 0, 1, 27 or 28; hex of either case. */
const SIGNATURE = /^0x[0-9a-f]{130}$/i;

/**
 * Brings a signature to the form r ‖ s ‖ v with v 27 or 28.
 * @returns undefined when it is malformed, its s is in the upper half, or it is not that address's signature of the digest
 */
export function checkedSignature(signature: unknown, digest: Hex, address: Hex): Hex | undefined {
  if (typeof signature !== 'string' || !SIGNATURE.test(signature)) return undefined;
  const v = Number.parseInt(signature.slice(-2), 16);
  if (![0, 1, 27, 28].includes(v)) return undefined;
  try {
    const parsed = Signature.from(signature.toLowerCase()); // refuses an s in the upper half
    if (recoverAddress(digest, parsed) !== getAddress(address)) return undefined;
    return parsed.serialized;
  } catch {
    return undefined;
  }
}

// Private keys at rest: Ethereum's encrypted JSON keystore (version 3) beside a password file, both of mode 0600. Used for
// the poster of a chain (CHAIN_KEYSTORE), the keys of the local chain, and the key the node signs receipts with. It knows
// nothing of what is signed.
// scrypt runs with N = 16384 (r 8, p 1; 50 ms, 16 MiB): the passwords made here are 256 random bits, so stretching them adds
// nothing; a keystore that somebody brings keeps its own figure. Whoever can read both files has the key: the keystore
// protects copies and backups of one of them, not a machine that was taken over (for that: remote-signer.ts).
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { decryptKeystoreJson, encryptKeystoreJson, isKeystoreJson, Wallet } from 'ethers';
import { ChainFault, type DigestSigner } from './chain.ts';
import { privateKeySigner } from './digest-signer.ts';
import { keepSecretFile, readSecretFile } from './key-files.ts';

const SCRYPT = { N: 16_384, r: 8, p: 1 } as const;
const PASSWORD_BYTES = 32;

interface KeystoreFiles {
  readonly keystore: string;
  readonly passwordFile: string;
}

/** Where the keys made by this program are: `keys/<name>.json`, with one password for all of them. */
export function keyFilesOf(dataDir: string, name: string): KeystoreFiles {
  return {
    keystore: join(dataDir, 'keys', `${name}.json`),
    passwordFile: join(dataDir, 'keys', 'password'),
  };
}

/**
 * Opens a keystore that is there.
 * @throws ChainFault `key_unusable` when a file is missing, open to others, no keystore, or the password is wrong
 */
export async function openKeystore({ keystore, passwordFile }: KeystoreFiles): Promise<DigestSigner> {
  const password = await readSecretFile(passwordFile, 'the password file of the keystore');
  const json = await readSecretFile(keystore, 'the keystore');
  return decrypt(json, password, keystore);
}

/** Opens a keystore, or makes it with a new random key (and password) when it is not there. */
export async function openOrMakeKeystore({ keystore, passwordFile }: KeystoreFiles): Promise<DigestSigner> {
  const password = await keepSecretFile(passwordFile, 'the password file of the keystore', async () =>
    randomBytes(PASSWORD_BYTES).toString('base64url'),
  );
  const json = await keepSecretFile(keystore, 'the keystore', async () => {
    const { address, privateKey } = Wallet.createRandom();
    return encryptKeystoreJson({ address, privateKey }, password, { scrypt: SCRYPT });
  });
  return decrypt(json, password, keystore);
}

/** The key this node signs receipts with; made at the first start. It never holds coins and never sends transactions. */
export function openNodeKey(dataDir: string): Promise<DigestSigner> {
  return openOrMakeKeystore(keyFilesOf(dataDir, 'node'));
}

async function decrypt(json: string, password: string, path: string): Promise<DigestSigner> {
  if (!isKeystoreJson(json)) throw new ChainFault('key_unusable', `${path} is no keystore`, 'never');
  try {
    return privateKeySigner((await decryptKeystoreJson(json, password)).privateKey);
  } catch (cause) {
    // ethers' error is not passed on: it repeats its arguments
    const wrong = cause instanceof Error && /incorrect password/i.test(cause.message);
    throw new ChainFault(
      'key_unusable',
      wrong
        ? `the password does not open the keystore ${path}`
        : `the keystore ${path} cannot be read: it is damaged or of an unknown kind`,
      'never',
    );
  }
}

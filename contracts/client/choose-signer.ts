// Who signs for the poster or the deployer on a real chain: a keystore file or a key service, by settings. Used by start-chain.ts
// and deploy-cli.ts. Invariant: a key, mnemonic or password that stands in the environment itself is refused, not used:
// environments are shown by process lists, crash reports and container tools.
import { ChainFault, type DigestSigner } from './chain.ts';
import { openKeystore } from './keystore.ts';
import { connectRemoteSigner } from './remote-signer.ts';

/** The settings, each undefined when not set. */
export interface SignerSettings {
  /** CHAIN_KEYSTORE */
  readonly keystore?: string | undefined;
  /** CHAIN_KEYSTORE_PASSWORD_FILE */
  readonly keystorePasswordFile?: string | undefined;
  /** CHAIN_SIGNER_URL */
  readonly signerUrl?: string | undefined;
  /** CHAIN_SIGNER_TOKEN_FILE */
  readonly signerTokenFile?: string | undefined;
}

/** @returns null when neither is set. @throws ChainFault `chain_setting`, `key_unusable`, `signer_unreachable`, `signer_refused` */
export async function chooseSigner(settings: SignerSettings): Promise<DigestSigner | null> {
  const { keystore, keystorePasswordFile, signerUrl, signerTokenFile } = settings;
  if (keystore !== undefined && signerUrl !== undefined)
    throw settingFault('CHAIN_KEYSTORE and CHAIN_SIGNER_URL: set one of them, not both');
  if (keystore !== undefined) {
    if (keystorePasswordFile === undefined)
      throw settingFault('CHAIN_KEYSTORE_PASSWORD_FILE: the file with the password of CHAIN_KEYSTORE');
    return openKeystore({ keystore, passwordFile: keystorePasswordFile });
  }
  if (signerUrl === undefined) return null;
  if (signerTokenFile === undefined)
    throw settingFault('CHAIN_SIGNER_TOKEN_FILE: the file with the token for CHAIN_SIGNER_URL');
  const { protocol, hostname } = new URL(signerUrl);
  const loopback = ['127.0.0.1', 'localhost', '[::1]'].includes(hostname);
  if (protocol !== 'https:' && !loopback)
    throw settingFault('CHAIN_SIGNER_URL: https, for the token is sent there');
  return connectRemoteSigner({ url: signerUrl, tokenFile: signerTokenFile });
}

/** @throws ChainFault `chain_setting` naming the first variable that holds a secret instead of the path of a file with it */
export function refuseSecretsIn(environment: Readonly<Record<string, string | undefined>>): void {
  for (const [name, value = ''] of Object.entries(environment)) {
    if (!name.startsWith('CHAIN_') || value === '') continue;
    const named = /(KEY|MNEMONIC|PASSWORD|PASSPHRASE|SEED|SECRET|TOKEN)$/.test(name);
    const isKey = /^(0x)?[0-9a-f]{64}$/i.test(value.trim());
    const isPhrase = /^([a-z]+\s+){11,23}[a-z]+$/.test(value.trim());
    if (named || isKey || isPhrase)
      throw settingFault(
        `${name} holds a secret: a real chain takes keys from CHAIN_KEYSTORE with CHAIN_KEYSTORE_PASSWORD_FILE or from CHAIN_SIGNER_URL only`,
      );
  }
}

function settingFault(message: string): ChainFault {
  return new ChainFault('chain_setting', message, 'never');
}

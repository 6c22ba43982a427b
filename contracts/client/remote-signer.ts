// A key that lives elsewhere: a key service behind a small HTTP interface, so that a cloud KMS, a vault or a hardware module
// can hold the poster's key and this program never sees it. Used by choose-signer.ts. The interface:
//   GET  <url>                     → 200 {"address": "0x…"}            the address of the key it signs with
//   POST <url> {"digest": "0x…"}   → 200 {"signature": "0x… r‖s‖v"}    65 bytes; v 0, 1, 27 or 28; s in the lower half
// both with `Authorization: Bearer <content of the token file>`. 4xx is a refusal, everything else may be asked again.
// Invariant: nothing the service says is believed: each signature must recover to the address it named at the start.
import { getAddress, isAddress } from 'ethers';
import { ChainFault, type DigestSigner, type Hex } from './chain.ts';
import { checkedSignature } from './digest-signer.ts';
import { readSecretFile } from './key-files.ts';

interface RemoteSignerOptions {
  readonly url: string;
  readonly tokenFile: string;
  readonly timeoutMs?: number;
}

const TIMEOUT_MS = 10_000;

/**
 * @throws ChainFault `key_unusable` for the token file, `signer_unreachable` or `signer_refused` when it does not name its
 * address
 */
export async function connectRemoteSigner(options: RemoteSignerOptions): Promise<DigestSigner> {
  const { url, timeoutMs = TIMEOUT_MS } = options;
  const token = await readSecretFile(options.tokenFile, 'the file of CHAIN_SIGNER_TOKEN_FILE');
  const ask = (body?: object) => askSigner(url, token, timeoutMs, body);
  const { address: named } = await ask();
  if (typeof named !== 'string' || !isAddress(named))
    throw new ChainFault('signer_refused', 'the key service does not name the address of its key', 'never');
  const address = getAddress(named).toLowerCase();
  return {
    address,
    async signDigest(digest: Hex) {
      const signature = checkedSignature((await ask({ digest })).signature, digest, address);
      if (signature === undefined)
        throw new ChainFault(
          'signer_refused',
          `the key service gave no proper signature of ${address}: check that its key was not changed`,
          'never',
        );
      return signature;
    },
  };
}

async function askSigner(
  url: string,
  token: string,
  timeoutMs: number,
  body: object | undefined,
): Promise<Readonly<Record<string, unknown>>> {
  const unreachable = (why: string, cause?: unknown) =>
    new ChainFault('signer_unreachable', `the key service ${why}`, 'after', { cause });
  let response: Response;
  let answer: unknown;
  try {
    response = await fetch(url, {
      method: body === undefined ? 'GET' : 'POST',
      headers: {
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      redirect: 'error', // the token goes to nobody else
      signal: AbortSignal.timeout(timeoutMs),
    });
    answer = await response.json().catch(() => undefined);
  } catch (cause) {
    throw unreachable('does not answer', cause);
  }
  const { status } = response;
  if (status >= 400 && status < 500 && status !== 408 && status !== 429)
    throw new ChainFault('signer_refused', `the key service refuses (HTTP ${status})`, 'never');
  if (status !== 200) throw unreachable(`answers with HTTP ${status}`);
  if (typeof answer !== 'object' || answer === null)
    throw unreachable('answers with something that is no JSON object');
  return answer as Readonly<Record<string, unknown>>;
}

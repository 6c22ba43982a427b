// The message by which the owner of a wallet agrees to its link, in the format of EIP-4361 ("Sign-In with Ethereum"): written,
// read back and checked. Used by link-wallet.ts. Pure. Everything that binds it is in the text: domain, address, chain,
// nonce, times, and the platform account it will be linked to; a text that differs in a letter is refused.
// Covered: wallets with a key of their own. Not covered: contract wallets (ERC-1271).
import { getAddress, verifyMessage } from 'ethers';
import type { LinkRefusalCode, WalletSite } from './wallet-views.ts';

export interface MessageTerms {
  readonly site: WalletSite;
  readonly chainId: bigint;
  /** 0x, in any case. */
  readonly address: string;
  /** The platform account, in printable ASCII. */
  readonly account: string;
  readonly nonce: string;
  readonly issuedAt: Date;
  readonly expiresAt: Date;
}

export function linkMessage(terms: MessageTerms): string {
  const { site, chainId, address, account, nonce, issuedAt, expiresAt } = terms;
  return [
    `${site.domain} wants you to sign in with your Ethereum account:`,
    getAddress(address.toLowerCase()),
    '',
    `Link this wallet to the ${account}. What this wallet deposits is credited to that account, and what that account earns is paid to this wallet.`,
    '',
    `URI: ${site.uri}`,
    'Version: 1',
    `Chain ID: ${chainId}`,
    `Nonce: ${nonce}`,
    `Issued At: ${issuedAt.toISOString()}`,
    `Expiration Time: ${expiresAt.toISOString()}`,
  ].join('\n');
}

interface ReadMessage {
  readonly domain: string;
  /** Lowercase. */
  readonly address: string;
  readonly chainId: string;
  readonly nonce: string;
}

const FORM =
  /^(?<domain>\S{1,255}) wants you to sign in with your Ethereum account:\n(?<address>0x[0-9a-fA-F]{40})\n\n[^\n]{1,500}\n\nURI: \S{1,500}\nVersion: 1\nChain ID: (?<chainId>\d{1,30})\nNonce: (?<nonce>[0-9A-Za-z]{8,64})\nIssued At: \S{1,40}\nExpiration Time: \S{1,40}$/;

/** What the message names; null when it is none of ours. */
export function readLinkMessage(message: string): ReadMessage | null {
  const groups = message.length > 2_000 ? undefined : FORM.exec(message)?.groups;
  if (groups === undefined) return null;
  const { domain, address, chainId, nonce } = groups;
  return { domain, address: address.toLowerCase(), chainId, nonce };
}

/**
 * Why a message is refused, in order of precedence; null when it is as it was given out and its address signed it.
 * @param terms what it should say, for the address it names
 */
export function messageRefusal(
  message: string,
  signature: string,
  terms: MessageTerms,
  now: Date,
): LinkRefusalCode | null {
  const said = readLinkMessage(message);
  if (said === null) return 'message_unreadable';
  if (said.nonce !== terms.nonce) return 'nonce_unknown';
  if (said.domain !== terms.site.domain) return 'other_domain';
  if (said.chainId !== String(terms.chainId)) return 'other_chain';
  if (now >= terms.expiresAt) return 'message_expired';
  if (message !== linkMessage(terms)) return 'message_changed';
  return signerOf(message, signature) === said.address ? null : 'wrong_signature';
}

function signerOf(message: string, signature: string): string | null {
  try {
    return verifyMessage(message, signature).toLowerCase();
  } catch {
    return null; // no signature at all
  }
}

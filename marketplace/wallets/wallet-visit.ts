// One-time links and the visits they begin. A link is made in chat, lives 15 minutes and opens the page once; the visit that
// it begins belongs to that page alone (a secret in its memory, no cookie), lives an hour, and may link one wallet in its
// first 15 minutes. Used by wallet-verbs.ts. The database holds hashes of both secrets, never the secrets.
import { createHash, randomBytes } from 'node:crypto';
import { transact } from '../../db/database.ts';
import { ensureDepositReference, setNewsPlace } from '../../db/repositories/deposit-reference-repository.ts';
import { identitiesOf } from '../../db/repositories/person-repository.ts';
import {
  addWalletLink,
  lockWalletLink,
  openWalletLink,
  walletLinkOfVisit,
} from '../../db/repositories/wallet-link-repository.ts';
import type { WalletLink } from '../../db/schema-wallet.ts';
import type { MarketplaceContext } from '../marketplace-context.ts';
import type { OpenPageResult, VisitRefusal } from './wallet-views.ts';

const LINK_MS = 15 * 60_000;
const SIGN_MS = 15 * 60_000;
const VISIT_MS = 60 * 60_000;

/** A link that has been opened. */
export interface Visit extends WalletLink {
  readonly openedAt: Date;
  readonly visitExpiresAt: Date;
}

export const newReference = (): string => `0x${randomBytes(32).toString('hex')}`;

const hashOf = (secret: string): string => createHash('sha256').update(secret).digest('hex');
const later = (at: Date, ms: number): Date => new Date(at.getTime() + ms);

/** Until when the visit's message may be signed. */
export const signUntil = ({ openedAt }: Visit): Date => later(openedAt, SIGN_MS);

/** @param newsPlace the private chat in which the link is given out: news of the person's money go there; null in shared places */
export async function makeLink(
  market: MarketplaceContext,
  input: {
    readonly personId: string;
    readonly platform: string;
    readonly newsPlace: { readonly platform: string; readonly conversationId: string } | null;
  },
): Promise<{ readonly token: string; readonly expiresAt: Date }> {
  const { personId, platform, newsPlace } = input;
  const token = randomBytes(32).toString('hex');
  const createdAt = market.clock();
  const expiresAt = later(createdAt, LINK_MS);
  const identities = await identitiesOf(market.db, personId);
  const identity = identities.find((one) => one.platform === platform) ?? identities[0];
  const account = accountWords(identity?.platform ?? platform, identity);
  const nonce = randomBytes(16).toString('hex');
  await transact(market.db, async (tx) => {
    await ensureDepositReference(tx, personId, newReference());
    if (newsPlace !== null) await setNewsPlace(tx, personId, newsPlace);
    await addWalletLink(tx, { tokenHash: hashOf(token), personId, account, nonce, createdAt, expiresAt });
  });
  return { token, expiresAt };
}

/** "discord account Ada (id 123)": the letters that EIP-4361 allows in a statement. */
function accountWords(
  platform: string,
  identity: { readonly displayName: string; readonly platformUserId: string } | undefined,
): string {
  const ascii = (text: string): string =>
    text
      .replace(/[^A-Za-z0-9 ._-]/g, '')
      .replace(/ +/g, ' ')
      .trim()
      .slice(0, 40);
  const name = ascii(identity?.displayName ?? '');
  return `${ascii(platform)} account ${name === '' ? '' : `${name} `}(id ${ascii(identity?.platformUserId ?? 'unknown')})`;
}

/** Opens a link, once. */
export async function openLink(market: MarketplaceContext, token: string): Promise<OpenPageResult> {
  const visit = randomBytes(32).toString('hex');
  const now = market.clock();
  return transact(market.db, async (tx) => {
    const link = await lockWalletLink(tx, hashOf(token));
    if (link === undefined) return { ok: false, code: 'link_unknown' };
    if (link.openedAt !== null) return { ok: false, code: 'link_opened' };
    if (now >= link.expiresAt) return { ok: false, code: 'link_expired' };
    const opened = { visitHash: hashOf(visit), openedAt: now, visitExpiresAt: later(now, VISIT_MS) };
    await openWalletLink(tx, link.tokenHash, opened);
    return { ok: true, visit };
  });
}

/** The visit of this secret, while it lasts. */
export async function visitOf(
  market: MarketplaceContext,
  secret: string,
): Promise<{ readonly ok: true; readonly visit: Visit } | VisitRefusal> {
  const link = await walletLinkOfVisit(market.db, hashOf(secret));
  if (link === undefined) return { ok: false, code: 'visit_unknown' };
  const { openedAt, visitExpiresAt } = link;
  if (openedAt === null || visitExpiresAt === null) return { ok: false, code: 'visit_unknown' };
  if (market.clock() >= visitExpiresAt) return { ok: false, code: 'visit_expired' };
  return { ok: true, visit: { ...link, openedAt, visitExpiresAt } };
}

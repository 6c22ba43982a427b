// The settlement: epoch after epoch is cut, built, posted and followed, and versions are recorded in the registry. Used by
// settle-regularly.ts, one a database. Each call takes one step from what rows and chain say; nothing is remembered, so a
// death at any line is taken up by the next round. What cannot go on is told once in the log, and looked at again.
// Nothing is cut or posted while the watcher stands still over a contradiction between chain and books.
// Order: vetoes the watcher saw, then the epoch under way, then the next cut when it is due, then versions.
import type { Chain } from '../../contracts/client/chain.ts';
import { transact } from '../../db/database.ts';
import { ZERO_NANO } from '../../db/ledger/amount.ts';
import { booksAreSound } from '../../db/ledger/books-proof.ts';
import { readCursor } from '../../db/repositories/chain-cursor-repository.ts';
import {
  finalEpochEvent,
  moveEpoch,
  newestEpoch,
  newestStandingEpoch,
  oldestCutEpoch,
  oldestUnsettledEpoch,
  setActiveAt,
  vetoedEpochs,
} from '../../db/repositories/epoch-repository.ts';
import type { MarketplaceContext } from '../marketplace-context.ts';
import { vaultOf } from '../wallets/chain-round.ts';
import { buildEpoch } from './build-epoch.ts';
import { claimedBeyondLedger } from './claimed-check.ts';
import { type CutTerms, cutEpoch } from './cut-epoch.ts';
import { payOut } from './pay-out.ts';
import { type PostingStep, postEpoch } from './post-epoch.ts';
import { recordNextVersion } from './record-versions.ts';
import { growthRoomNano, vaultStanding } from './vault-standing.ts';

export type SettleStep =
  | { readonly did: 'built' | 'cut'; readonly epoch: number }
  | { readonly did: 'recorded'; readonly what: string }
  | { readonly did: PostingStep; readonly epoch: number }
  /** The next epoch is not due, or it is and there is nothing to settle. */
  | { readonly did: 'nothing'; readonly isDue: boolean }
  /** The root that was posted last does not count yet, or the vault is paused. */
  | { readonly did: 'waited'; readonly why: string }
  /** Payouts are stopped until an operator has looked. */
  | { readonly did: 'stopped'; readonly alarm: string };

/** One step. @throws ChainFault and DatabaseFault: the next round tries again */
export async function settleStep(market: MarketplaceContext, chain: Chain): Promise<SettleStep> {
  await markVetoes(market, chain);
  const cut = await oldestCutEpoch(market.db);
  if (cut !== undefined) {
    await buildEpoch(market, cut);
    return { did: 'built', epoch: cut.number };
  }
  const { alarm = null } = (await readCursor(market.db, vaultOf(chain))) ?? {};
  if (alarm !== null) return { did: 'stopped', alarm: `the watcher stopped: ${alarm}` };
  if (chain.poster !== null) {
    const epoch = await oldestUnsettledEpoch(market.db);
    if (epoch !== undefined)
      return { did: await postEpoch(market, chain, chain.poster, epoch), epoch: epoch.number };
  }
  const cutNow = await cutWhenDue(market, chain);
  if (chain.poster === null || (cutNow.did !== 'nothing' && cutNow.did !== 'waited')) return cutNow;
  const recorded = await recordNextVersion(market, chain.poster);
  return recorded === null ? cutNow : { did: 'recorded', what: recorded };
}

async function cutOf(market: MarketplaceContext, terms: CutTerms): Promise<SettleStep> {
  const epoch = await cutEpoch(market, terms);
  return epoch === null ? { did: 'nothing', isDue: true } : { did: 'cut', epoch };
}

async function markVetoes({ db, clock, log }: MarketplaceContext, chain: Chain): Promise<void> {
  for (const { number, txHash } of await vetoedEpochs(db, vaultOf(chain))) {
    const facts = { cause: `vetoed in ${txHash}`, activeAt: null, endedAt: clock() };
    await transact(db, (tx) => moveEpoch(tx, { number, from: ['final'], to: 'vetoed', facts }));
    log.error({ epoch: number, tx: txHash }, 'an epoch was vetoed; its payouts stand in the next one');
  }
}

async function cutWhenDue(market: MarketplaceContext, chain: Chain): Promise<SettleStep> {
  const { db, settings, clock } = market;
  const before = await newestEpoch(db);
  if (before !== undefined && clock().getTime() - before.cutAt.getTime() < settings.epochMs)
    return { did: 'nothing', isDue: false };
  const newest = before?.number ?? 0;
  // Without a poster receipts are settled in trees and files only; claims wait for somebody who can post them.
  if (chain.poster === null)
    return await cutOf(market, { number: newest + 1, growthNano: ZERO_NANO, waitingNano: ZERO_NANO });
  const vault = await chain.vault();
  const standing = await newestStandingEpoch(db);
  const { lastEpoch } = vault;
  const isFinal =
    lastEpoch > newest && (await finalEpochEvent(db, vaultOf(chain), Number(lastEpoch))) !== undefined;
  const stand = vaultStanding(vault, standing, { number: newest, isFinal }, clock());
  if (stand.state === 'paused') return { did: 'waited', why: 'the vault is paused' };
  if (stand.state === 'pending') {
    // A pause has begun its delay anew, or its end was not known when it became final.
    if (standing !== undefined) await setActiveAt(db, standing.number, stand.activeAt);
    return { did: 'waited', why: `the last root counts from ${stand.activeAt.toISOString()} on` };
  }
  if (stand.state === 'foreign') return { did: 'stopped', alarm: stand.difference };
  if (!(await booksAreSound(db))) return { did: 'stopped', alarm: 'the books do not balance' };
  const number = Number(lastEpoch) + 1;
  const postedNano = standing?.claimsTotalNano ?? ZERO_NANO;
  const waitingNano = await payOut(market, vault, { epochNumber: number, postedNano });
  const beyond = await claimedBeyondLedger(db, chain, standing?.claimsNumber ?? null);
  if (beyond !== null) return { did: 'stopped', alarm: beyond };
  const growthNano = growthRoomNano(vault, postedNano);
  return await cutOf(market, { number, growthNano, waitingNano, postsAgain: stand.isDropped });
}

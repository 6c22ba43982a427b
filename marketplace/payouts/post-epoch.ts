// Puts a built epoch on chain and follows it to finality, one step a call, so that a death at any line is taken up by the next
// call. Used by settle-epochs.ts. Every transaction is stored before it is sent; what was sent is followed by its hash,
// replaced ones too. Never two: the vault takes each epoch number once, and the chain is asked before anything is signed.
// States: built → signed (stored) → sent → final. A step that cannot go on says why in the epoch's `cause`, once in the log.
import {
  type Chain,
  type ChainBlock,
  ChainFault,
  type ChainPoster,
  type EpochPosting,
  type SignedPosting,
  type VaultState,
} from '../../contracts/client/chain.ts';
import { transact } from '../../db/database.ts';
import { moveEpoch, setEpochCause } from '../../db/repositories/epoch-repository.ts';
import { addPosting, movePosting, postingsOf } from '../../db/repositories/posting-repository.ts';
import type { Epoch, Posting } from '../../db/schema-epoch.ts';
import type { MarketplaceContext } from '../marketplace-context.ts';
import { weiOfNano } from '../wallets/wei.ts';
import { postedElsewhere } from './posted-elsewhere.ts';
import { activeAtOf } from './vault-standing.ts';

type Market = Pick<MarketplaceContext, 'db' | 'settings' | 'clock' | 'log'>;

export type PostingStep =
  | 'sent'
  | 'replaced'
  | 'waiting_to_be_mined'
  | 'waiting_for_finality'
  | 'waiting_for_the_vault'
  | 'stuck'
  /** A foreign posting took its number: its payouts stand in the next one. */
  | 'displaced'
  | 'final';

/** @throws ChainFault retry 'after' when chain or signer cannot be reached: the next call goes on */
export async function postEpoch(
  market: Market,
  chain: Chain,
  poster: ChainPoster,
  epoch: Epoch,
): Promise<PostingStep> {
  const postings = await postingsOf(market.db, epoch.number);
  const vault = await chain.vault();
  const mined = await minedAmong(market, poster, epoch, postings);
  if (mined !== null) return await follow(market, vault, epoch, mined);
  if (vault.lastEpoch >= epoch.number) return await postedElsewhere(market, chain, epoch, vault);
  const hindrance = hindranceOf(vault, epoch, market.clock());
  if (hindrance !== null) return await stay(market, epoch, hindrance);
  try {
    const alive = (await postingsOf(market.db, epoch.number)).filter(isAlive).at(-1);
    return alive === undefined
      ? await sign(market, poster, epoch, postings.length + 1)
      : await pushOn(market, poster, epoch, alive, postings.length + 1);
  } catch (fault) {
    if (fault instanceof ChainFault) return await meaningOf(market, epoch, fault);
    throw fault;
  }
}

const isAlive = ({ state }: Posting): boolean => state === 'signed' || state === 'sent';

interface Mined {
  readonly posting: Posting;
  readonly state: 'mined' | 'final';
  readonly block: ChainBlock;
}

/**
 * The transaction of ours that is in a block, if one is: also one that was given up before. Where there is none, those that
 * the contract refused are written off, and told.
 */
async function minedAmong(
  market: Market,
  poster: ChainPoster,
  epoch: Epoch,
  postings: readonly Posting[],
): Promise<Mined | null> {
  const refused: { readonly posting: Posting; readonly block: ChainBlock }[] = [];
  for (const posting of postings.toReversed()) {
    const found = await poster.txState(posting.txHash);
    if (found.state === 'mined' || found.state === 'final')
      return { posting, state: found.state, block: found.block };
    if (found.state === 'reverted' && isAlive(posting)) refused.push({ posting, block: found.block });
  }
  for (const { posting, block } of refused) {
    const cause = `reverted in block ${block.number}`;
    await movePosting(market.db, posting, { state: 'reverted', cause });
    await tellCause(market, epoch, `transaction ${posting.txHash} ${cause}; it will be signed anew`);
  }
  return null;
}

async function follow(
  market: Market,
  vault: VaultState,
  epoch: Epoch,
  { posting, state, block }: Mined,
): Promise<PostingStep> {
  if (state === 'mined') return 'waiting_for_finality';
  const isPending = vault.pending?.epoch === BigInt(epoch.number);
  const activeAt = isPending ? activeAtOf(vault) : market.clock();
  await transact(market.db, async (tx) => {
    await movePosting(tx, posting, { state: 'final' });
    await moveEpoch(tx, {
      number: epoch.number,
      from: ['signed', 'sent'],
      to: 'final',
      facts: {
        cause: null,
        activeAt,
        txHash: posting.txHash,
        blockNumber: block.number,
        blockHash: block.hash,
      },
    });
  });
  market.log.info({ epoch: epoch.number, tx: posting.txHash }, 'an epoch is final on chain');
  return 'final';
}

/** Why this epoch cannot be posted now; null = it can. */
function hindranceOf(vault: VaultState, epoch: Epoch, now: Date): string | null {
  const next = Number(vault.lastEpoch) + 1;
  if (epoch.number !== next) return `the vault expects epoch ${next}`;
  if (vault.paused) return 'the vault is paused';
  const { pending } = vault;
  if (pending !== null && pending.activeAt > now) return PENDING;
  return null;
}

/** Part of every epoch's way: not worth a word in the log. */
const PENDING = 'the epoch before does not count yet';

async function stay(market: Market, epoch: Epoch, why: string): Promise<PostingStep> {
  const isNews = await setEpochCause(market.db, epoch.number, why);
  if (isNews && why !== PENDING)
    market.log.warn({ epoch: epoch.number, cause: why }, 'an epoch waits to be posted');
  return 'waiting_for_the_vault';
}

/** Signs, stores, and only then sends. */
async function sign(
  market: Market,
  poster: ChainPoster,
  epoch: Epoch,
  attempt: number,
  replaces?: SignedPosting,
): Promise<PostingStep> {
  const signed = await poster.signEpoch(postingOf(epoch), replaces);
  const posting = { epochNumber: epoch.number, attempt, ...signed };
  await transact(market.db, async (tx) => {
    await addPosting(tx, { ...posting, signedAt: market.clock() });
    await moveEpoch(tx, { number: epoch.number, from: ['built'], to: 'signed' });
  });
  if ((await send(market, poster, posting)) !== 'sent') return 'waiting_to_be_mined';
  return replaces === undefined ? 'sent' : 'replaced';
}

type Sendable = Pick<Posting, 'epochNumber' | 'attempt' | 'txHash' | 'nonce' | 'raw'>;

/** `too_cheap`: the node wants a higher fee for this nonce; `dropped`: it is of no use any more, and marked so. */
async function send(
  market: Market,
  poster: ChainPoster,
  posting: Sendable,
): Promise<'sent' | 'too_cheap' | 'dropped'> {
  try {
    await poster.send(posting);
  } catch (fault) {
    if (!(fault instanceof ChainFault)) throw fault;
    if (fault.code === 'fee_too_low') return 'too_cheap';
    if (fault.code !== 'nonce_used') throw fault;
    // Another one of ours with this nonce was mined, which the next step sees, or something else took it.
    await movePosting(market.db, posting, { state: 'dropped', cause: fault.code });
    return 'dropped';
  }
  const number = posting.epochNumber;
  await transact(market.db, async (tx) => {
    await movePosting(tx, posting, { state: 'sent', sentAt: market.clock() });
    await moveEpoch(tx, { number, from: ['signed'], to: 'sent' });
    await setEpochCause(tx, number, null);
  });
  return 'sent';
}

/** The newest transaction is not in a block yet: sent again where the node forgot it, replaced when it takes too long. */
async function pushOn(
  market: Market,
  poster: ChainPoster,
  epoch: Epoch,
  posting: Posting,
  nextAttempt: number,
): Promise<PostingStep> {
  const waitedMs = market.clock().getTime() - posting.signedAt.getTime();
  if (waitedMs >= market.settings.replaceAfterMs) {
    market.log.warn({ epoch: epoch.number, tx: posting.txHash }, 'a posting is stuck; it is replaced');
    try {
      return await sign(market, poster, epoch, nextAttempt, posting);
    } catch (fault) {
      // Above the fee that the operator allows: the one that is out there goes on waiting.
      if (!(fault instanceof ChainFault) || fault.code !== 'fee_cap') throw fault;
      await tellCause(market, epoch, `${fault.code}: ${fault.message}`);
    }
  }
  const { state } = await poster.txState(posting.txHash);
  if (state === 'unknown' || posting.state === 'signed') {
    const sent = await send(market, poster, posting);
    if (sent === 'too_cheap') return await sign(market, poster, epoch, nextAttempt, posting);
  }
  return 'waiting_to_be_mined';
}

/** What a fault of signing or sending means for the epoch; those of the way to the chain are the caller's. */
async function meaningOf(market: Market, epoch: Epoch, fault: ChainFault): Promise<PostingStep> {
  if (fault.code === 'tx_mined') return 'waiting_for_finality';
  if (fault.contractError?.startsWith('PendingEpoch')) return await stay(market, epoch, PENDING);
  if (fault.code === 'chain_unreachable') throw fault;
  await tellCause(market, epoch, `${fault.contractError ?? fault.code}: ${fault.message}`);
  return 'stuck';
}

async function tellCause(market: Market, epoch: Epoch, cause: string): Promise<void> {
  if (await setEpochCause(market.db, epoch.number, cause))
    market.log.error({ epoch: epoch.number, cause }, 'an epoch cannot be posted');
}

function postingOf({ number, receiptsRoot, claimsRoot, claimsTotalNano, leafFileHash }: Epoch): EpochPosting {
  if (receiptsRoot === null || claimsRoot === null || leafFileHash === null)
    throw new Error(`epoch ${number} is not built`);
  return {
    epoch: BigInt(number),
    receiptsRoot,
    claimsRoot,
    claimsTotalWei: weiOfNano(claimsTotalNano),
    leafFileHash,
  };
}

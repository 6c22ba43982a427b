// What each kind of final log does to the books, in the transaction that marks the log as taken: the watcher's one table,
// so that there is one watcher. A task posts at most one transfer, under a key made of the log's place, so that a log taken
// twice is booked once. A task that finds chain and books in contradiction returns an alarm; everything is rolled back then.
import type { ChainLog } from '../../contracts/client/chain.ts';
import type { Tx } from '../../db/database.ts';
import { type Nano, nano, ZERO_NANO } from '../../db/ledger/amount.ts';
import { claim } from '../../db/ledger/claim.ts';
import { deposit } from '../../db/ledger/deposit.ts';
import type { VaultRef } from '../../db/repositories/chain-cursor-repository.ts';
import {
  claimsWithLost,
  isKeyOfMovedEvent,
  type Settlement,
  transferOfKey,
} from '../../db/repositories/chain-event-repository.ts';
import { lockAddress } from '../../db/repositories/wallet-repository.ts';
import type { MarketplaceContext } from '../marketplace-context.ts';
import { type DepositLog, depositOwner } from './deposit-owner.ts';
import { nanoOfWei } from './wei.ts';

type LogOf<Kind extends ChainLog['kind']> = Extract<ChainLog, { readonly kind: Kind }>;

export type FinalLogOutcome = Settlement | { readonly alarm: string };

type FinalLogTask<Log extends ChainLog> = (
  market: MarketplaceContext,
  tx: Tx,
  log: Log,
  vault: VaultRef,
) => Promise<FinalLogOutcome>;

/** Of the log's place; and of its block, where a log of a branch that is gone was booked under that place. */
async function keyOfLog(tx: Tx, { chainId }: VaultRef, log: ChainLog): Promise<string> {
  const key = `${log.kind}:${chainId}:${log.txHash}:${log.logIndex}`;
  return (await isKeyOfMovedEvent(tx, key)) ? `${key}:${log.blockHash}` : key;
}

/** Taken without a transfer. */
const TAKEN: Settlement = { transferId: null, amountNano: null, restWei: 0n, ownerId: null };

/** Whole nano are credited; the rest, less than one nano, stays in the vault for nobody and is shown. */
async function creditDeposit(
  _: MarketplaceContext,
  tx: Tx,
  log: DepositLog,
  vault: VaultRef,
): Promise<FinalLogOutcome> {
  await lockAddress(tx, log.from);
  const to = await depositOwner(tx, log);
  const { amountNano, restWei } = nanoOfWei(log.amountWei);
  if (amountNano === 0n) return { transferId: null, amountNano, restWei, ownerId: to.ownerId };
  const key = await keyOfLog(tx, vault, log);
  const booked = await deposit(tx, { key, to, amountNano, reason: log.txHash });
  if (!booked.ok) return { alarm: `deposit ${log.txHash} was booked before with another amount or owner` };
  return { transferId: await transferOfKey(tx, key), amountNano, restWei, ownerId: to.ownerId };
}

async function bookClaim(
  _: MarketplaceContext,
  tx: Tx,
  log: LogOf<'claim'>,
  vault: VaultRef,
): Promise<FinalLogOutcome> {
  const { amountNano, restWei } = nanoOfWei(log.amountWei);
  if (restWei !== 0n || amountNano === 0n)
    return { alarm: `claim ${log.txHash} of ${log.amountWei} wei is no amount that the books gave out` };
  const key = await keyOfLog(tx, vault, log);
  const [wallet, reason] = [log.account, log.txHash];
  let booked = await claim(tx, { key, wallet, amountNano, reason });
  if (!booked.ok && booked.code === 'claim_above_claimable') {
    const left = await leftOfReclaim(tx, log, vault);
    if (left === 0n) return { ...TAKEN, ownerId: wallet };
    if (left !== null) booked = await claim(tx, { key, wallet, amountNano: left, reason });
  }
  if (booked.ok) {
    const transferId = await transferOfKey(tx, key);
    return { transferId, amountNano: booked.amountNano, restWei, ownerId: wallet };
  }
  return {
    alarm:
      booked.code === 'claim_above_claimable'
        ? `claim ${log.txHash} took ${amountNano} nano for ${wallet}, the books had ${booked.claimableNano}`
        : `claim ${log.txHash} was booked before with another amount or wallet`,
  };
}

/**
 * What the books lack of a claim by whom a claim was lost: its coins went back into the vault with its block and are claimed
 * again here, so what counts is all that the account ever claimed. Null where none was lost.
 */
async function leftOfReclaim(tx: Tx, log: LogOf<'claim'>, vault: VaultRef): Promise<Nano | null> {
  const booked = await claimsWithLost(tx, vault, log.account);
  if (booked === null) return null;
  const claimed = nanoOfWei(log.cumulativeWei).amountNano;
  return claimed > booked ? nano(claimed - booked) : ZERO_NANO;
}

export const onFinalLog: { readonly [Kind in ChainLog['kind']]: FinalLogTask<LogOf<Kind>> } = {
  deposit: creditDeposit,
  claim: bookClaim,
  epoch: async () => TAKEN,
  veto: async () => TAKEN,
};

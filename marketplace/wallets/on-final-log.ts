// What each kind of final log does to the books, in the transaction that marks the log as taken: the watcher's one table,
// so that there is one watcher. A task posts at most one transfer, under a key made of the log's place, so that a log taken
// twice is booked once. A task that finds chain and books in contradiction returns an alarm; everything is rolled back then.
import type { ChainLog } from '../../contracts/client/chain.ts';
import type { Tx } from '../../db/database.ts';
import { claim } from '../../db/ledger/claim.ts';
import { deposit } from '../../db/ledger/deposit.ts';
import type { VaultRef } from '../../db/repositories/chain-cursor-repository.ts';
import { type Settlement, transferOfKey } from '../../db/repositories/chain-event-repository.ts';
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

const keyOfLog = ({ chainId }: VaultRef, { kind, txHash, logIndex }: ChainLog): string =>
  `${kind}:${chainId}:${txHash}:${logIndex}`;

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
  const key = keyOfLog(vault, log);
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
  const key = keyOfLog(vault, log);
  const booked = await claim(tx, { key, wallet: log.account, amountNano, reason: log.txHash });
  if (!booked.ok) {
    return {
      alarm:
        booked.code === 'claim_above_claimable'
          ? `claim ${log.txHash} took ${amountNano} nano for ${log.account}, the books had ${booked.claimableNano}`
          : `claim ${log.txHash} was booked before with another amount or wallet`,
    };
  }
  return { transferId: await transferOfKey(tx, key), amountNano, restWei, ownerId: log.account };
}

export const onFinalLog: { readonly [Kind in ChainLog['kind']]: FinalLogTask<LogOf<Kind>> } = {
  deposit: creditDeposit,
  claim: bookClaim,
  epoch: async () => TAKEN,
  veto: async () => TAKEN,
};

// A person's deposits: how to make one, those under way with the blocks that hold them, and those that were credited. Used by
// /deposit and the wallet page. Reads the database only: what the watcher saw last.
import type { Chain } from '../../contracts/client/chain.ts';
import { readCursor } from '../../db/repositories/chain-cursor-repository.ts';
import { depositsOf } from '../../db/repositories/chain-event-repository.ts';
import { ensureDepositReference } from '../../db/repositories/deposit-reference-repository.ts';
import { walletOfPerson } from '../../db/repositories/wallet-repository.ts';
import type { ChainCursor, ChainEvent } from '../../db/schema-wallet.ts';
import type { MarketplaceContext } from '../marketplace-context.ts';
import { CHAIN_REPLACED } from './chain-replaced.ts';
import { vaultOf } from './chain-round.ts';
import { ownerOfWallet } from './deposit-owner.ts';
import type { Deposits, DepositView, LinkedWallet, WalletChain } from './wallet-views.ts';
import { newReference } from './wallet-visit.ts';
import { nanoOfWei } from './wei.ts';

const DEPOSITS_SHOWN = 8;

export const chainView = (chain: Chain): WalletChain => ({
  chainId: chain.chainId,
  isLocal: chain.isLocal,
  rpcUrl: chain.rpcUrlForWallets,
  open: chain.addresses.open,
  vault: chain.addresses.vault,
});

export async function linkedWallet(
  { db }: Pick<MarketplaceContext, 'db'>,
  personId: string,
): Promise<LinkedWallet | null> {
  const wallet = await walletOfPerson(db, personId);
  return wallet === undefined ? null : { address: wallet.address, linkedAt: wallet.linkedAt };
}

export async function readDeposits(
  market: MarketplaceContext,
  chain: Chain,
  personId: string,
): Promise<Deposits> {
  const { db } = market;
  const reference = await ensureDepositReference(db, personId, newReference());
  const wallet = await linkedWallet(market, personId);
  const owners = wallet === null ? [personId] : [personId, ownerOfWallet(wallet.address)];
  const cursor = await readCursor(db, vaultOf(chain));
  const events = await depositsOf(db, vaultOf(chain), owners, DEPOSITS_SHOWN);
  return {
    ok: true,
    chain: chainView(chain),
    reference,
    wallet,
    deposits: events.map((event) => depositView(event, cursor)),
    stopped: stoppedBy(cursor),
  };
}

function stoppedBy(cursor: ChainCursor | undefined): Deposits['stopped'] {
  if (cursor === undefined || cursor.alarm === null) return null;
  return cursor.alarm === CHAIN_REPLACED ? 'chain_replaced' : 'contradiction';
}

function depositView(event: ChainEvent, cursor: ChainCursor | undefined): DepositView {
  const { txHash, blockNumber, payload, seenAt } = event;
  const latest = cursor?.latestBlock ?? blockNumber;
  const final = cursor?.finalBlock ?? null;
  const blocks = latest < blockNumber ? 1 : Number(latest - blockNumber) + 1;
  const blocksNeeded = final === null ? null : Math.max(1, Number(latest - final) + 1);
  return {
    txHash,
    ...nanoOfWei(BigInt(payload.amountWei)),
    state: stateOf(event),
    blocks: blocksNeeded === null ? blocks : Math.min(blocks, blocksNeeded),
    blocksNeeded,
    seenAt,
  };
}

function stateOf({ state }: ChainEvent): DepositView['state'] {
  if (state === 'credited' || state === 'lost') return state;
  return state === 'final' ? 'too_small' : 'pending';
}

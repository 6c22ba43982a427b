// An operator has looked at the watcher's alarm and says: go on, with the chain as it is now. Used by the /deposit command of
// operators. What was booked from blocks that are gone is marked lost and counted, never taken back silently: the operator
// corrects the books where the coins did not come back. Logs that stand on the chain again are not booked twice; coins of a lost
// claim are in the vault again, and claiming them again books nothing (on-final-log.ts).
import type { Chain } from '../../contracts/client/chain.ts';
import { transact } from '../../db/database.ts';
import { addNano, type Nano } from '../../db/ledger/amount.ts';
import { lockCursor, moveCursor, readCursor } from '../../db/repositories/chain-cursor-repository.ts';
import { loseEvent, settledEvents } from '../../db/repositories/chain-event-repository.ts';
import type { ChainEvent } from '../../db/schema-wallet.ts';
import type { MarketplaceContext } from '../marketplace-context.ts';
import { CHAIN_REPLACED } from './chain-replaced.ts';
import { vaultOf } from './chain-round.ts';

export type AcceptChainResult =
  | {
      readonly ok: true;
      /** What the alarm was. */
      readonly alarm: string;
      /** Deposits that were booked and whose blocks are gone. */
      readonly lostDeposits: number;
      readonly lostNano: Nano;
    }
  | { readonly ok: false; readonly code: 'no_alarm' }
  /** Another practice chain: its vault knows nothing of the epochs that the books have. */
  | { readonly ok: false; readonly code: 'chain_replaced' };

/** @throws ChainFault when the chain cannot be reached; nothing has changed then */
export async function acceptChain(market: MarketplaceContext, chain: Chain): Promise<AcceptChainResult> {
  const vault = vaultOf(chain);
  const cursor = await readCursor(market.db, vault);
  if (cursor === undefined || cursor.alarm === null) return { ok: false, code: 'no_alarm' };
  const { alarm } = cursor;
  if (alarm === CHAIN_REPLACED) return { ok: false, code: 'chain_replaced' };
  const gone: ChainEvent[] = [];
  let nextBlock = chain.firstBlock;
  for await (const event of settledEvents(market.db, vault)) {
    const block = await chain.blockAt(event.blockNumber);
    if (block?.hash === event.blockHash) {
      nextBlock = event.blockNumber;
      break;
    }
    gone.push(event);
  }
  const accepted = await transact(market.db, async (tx) => {
    // Two operators at once: the second one's rows may be the new chain's by now.
    if ((await lockCursor(tx, vault))?.alarm !== alarm) return false;
    for (const event of gone) await loseEvent(tx, event);
    const anew = { nextBlock, finalBlock: null, finalHash: null, alarm: null, alarmAt: null };
    await moveCursor(tx, vault, anew);
    return true;
  });
  if (!accepted) return { ok: false, code: 'no_alarm' };
  const lost = gone.filter(({ state }) => state === 'credited');
  const deposits = lost.filter(({ kind }) => kind === 'deposit');
  const lostNano = addNano(
    ...deposits.flatMap(({ amountNano }) => (amountNano === null ? [] : [amountNano])),
  );
  market.log.warn(
    {
      ...{ alarm, lostDeposits: deposits.length, lostNano: String(lostNano) },
      ...{ lostClaims: lost.length - deposits.length, nextBlock: String(nextBlock) },
    },
    'an operator let the watcher go on',
  );
  return { ok: true, alarm, lostDeposits: deposits.length, lostNano };
}

// What a person has, and the latest lines of how it came about, one line per event rather than per ledger entry.
// Used by create-marketplace.ts. Reads only. A call shows as one line with its price; a call that cost nothing, none.
import { addNano, type Nano } from '../db/ledger/amount.ts';
import { balances, type LedgerLine, transfersOf } from '../db/ledger/balances.ts';
import type { Balance } from './marketplace.ts';
import type { MarketplaceContext } from './marketplace-context.ts';

const LINES_SHOWN = 8;
const ENTRIES_READ = 200;

export async function readBalance(
  { db }: Pick<MarketplaceContext, 'db'>,
  personId: string,
): Promise<Balance> {
  const have = await balances(db, personId);
  const lines = await transfersOf(db, personId, ENTRIES_READ);
  return {
    balanceNano: have.balanceNano,
    grantNano: have.grantNano,
    heldNano: have.heldNano,
    earnedNano: addNano(have.contributorNano, have.creatorNano),
    recent: eventsOf(lines).slice(0, LINES_SHOWN),
  };
}

/** Adds up the entries of one event (a call, or a transfer), newest first; spending and earning stay apart. */
function eventsOf(lines: readonly LedgerLine[]): Balance['recent'] {
  const events = new Map<string, { at: Date; what: string; amountNano: Nano }>();
  for (const line of lines) {
    const what = whatOf(line);
    const key = `${what}:${line.callId ?? line.transferId}`;
    const event = events.get(key);
    if (event === undefined) events.set(key, { at: line.at, what, amountNano: line.amountNano });
    else event.amountNano = addNano(event.amountNano, line.amountNano);
  }
  return [...events.values()].filter((event) => event.amountNano !== 0n);
}

function whatOf({ kind, account }: LedgerLine): string {
  if (account === 'contributor') return 'earned: your contributions answered';
  if (account === 'creator') return 'earned: your model answered';
  if (kind === 'grant') return 'starter grant';
  return kind === 'transfer' ? 'transfer' : 'answer';
}

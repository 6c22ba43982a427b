// A person's history, and what an operator may give back, as verbs of the marketplace. Part of marketplace.ts and
// create-marketplace.ts.
import type { Person } from './marketplace.ts';
import type { MarketplaceContext } from './marketplace-context.ts';
import { type HistoryPage, readHistory } from './read-history.ts';
import { offerRefund, type RefundOffer, type RefundOrder, refundCall } from './refunds/refund-call.ts';

export interface RefundVerbs {
  /** The person's ledger, newest first. @param page from 1 */
  history(person: Person, page: number): Promise<HistoryPage>;
  /** What the order would do; nothing is written. */
  refundOffer(order: RefundOrder): Promise<RefundOffer>;
  /** Gives back. @param key one per order: pressed twice gives back once */
  refund(order: RefundOrder, key: string): Promise<RefundOffer>;
}

export function refundVerbs(market: MarketplaceContext): RefundVerbs {
  return {
    history: (person, page) => readHistory(market.db, person.id, { page }),
    refundOffer: (order) => offerRefund(market, order),
    refund: (order, key) => refundCall(market, order, key),
  };
}

// What a person may do with what they earned and paid in, and what everybody may see of the epochs: the verbs behind /claim
// and the public pages of epochs. Part of marketplace.ts and create-marketplace.ts; wired to marketplace/payouts/.
import type { LeafKind } from '../contracts/merkle/flat-tree.ts';
import type { Person } from './marketplace.ts';
import type { MarketplaceContext } from './marketplace-context.ts';
import { askBack } from './payouts/ask-back.ts';
import type { AskBackResult, Claims, EpochView } from './payouts/claim-views.ts';
import { readClaims, readEpochs } from './payouts/read-claims.ts';
import { readLeafFile } from './payouts/read-leaf-file.ts';

export interface ClaimVerbs {
  /** What the person earned, what stands in the claims tree, what can be claimed now. */
  claims(person: Person): Promise<Claims>;
  /**
   * Moves paid-in OPEN into the next epoch, or takes that wish back.
   * @param typed an amount of OPEN, `all`, or `none`
   */
  askBack(person: Person, typed: string): Promise<AskBackResult>;
  /** The newest epochs, newest first. */
  epochs(): Promise<readonly EpochView[]>;
  /** Path of a published leaf file; null when there is none of that number. */
  leafFile(epoch: number, kind: LeafKind): Promise<string | null>;
}

export const claimVerbs = (market: MarketplaceContext): ClaimVerbs => ({
  claims: (person) => readClaims(market, person.id),
  askBack: (person, typed) => askBack(market, person.id, typed),
  epochs: () => readEpochs(market),
  leafFile: (epoch, kind) => readLeafFile(market, epoch, kind),
});

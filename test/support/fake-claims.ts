// Claims and epochs of the marketplace in memory, for tests of what people see: every state is set by the test. Used by
// fake-marketplace.ts. The rules are tested against the real ones (test/marketplace/payouts/).
import { nano, openNano, parseOpen } from '../../db/ledger/amount.ts';
import type { ClaimVerbs } from '../../marketplace/claim-verbs.ts';
import type { AskBackResult, Claims, EpochView } from '../../marketplace/payouts/claim-views.ts';

type Known = Extract<Claims, { ok: true }>;

export const noClaims: Known = {
  ok: true,
  wallet: null,
  earnedNano: nano(0n),
  trialNano: nano(0n),
  leastNano: openNano('0.01'),
  ownNano: nano(0n),
  askedNano: nano(0n),
  nextNano: nano(0n),
  onChain: null,
  chainTrouble: null,
  nextEpochAt: new Date(Date.UTC(2099, 10, 21, 10)),
  isPosted: true,
};

export interface FakeClaims {
  claimsNow: Claims;
  /** What the next wish is refused with; null: it is granted. */
  refusal: Extract<AskBackResult, { ok: false }> | null;
  epochsNow: readonly EpochView[];
  readonly asked: string[];
  /** Paths of leaf files, by `<epoch>.<kind>`. */
  readonly files: Map<string, string>;
  readonly verbs: ClaimVerbs;
}

export function createFakeClaims(): FakeClaims {
  const claims: FakeClaims = {
    claimsNow: noClaims,
    refusal: null,
    epochsNow: [],
    asked: [],
    files: new Map(),
    verbs: {
      claims: async () => claims.claimsNow,
      async askBack(_, typed) {
        claims.asked.push(typed);
        if (claims.refusal !== null) return claims.refusal;
        const known = claims.claimsNow.ok ? claims.claimsNow : noClaims;
        const parsed = parseOpen(typed);
        claims.claimsNow = { ...known, askedNano: parsed.ok ? parsed.amountNano : nano(0n) };
        return parsed.ok
          ? { ok: true, askedNano: parsed.amountNano, nextEpochAt: known.nextEpochAt }
          : { ok: true, cancelledNano: known.askedNano };
      },
      epochs: async () => claims.epochsNow,
      leafFile: async (epoch, kind) => claims.files.get(`${epoch}.${kind}`) ?? null,
    },
  };
  return claims;
}

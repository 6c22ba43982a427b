// Which measured shares are paid, and who shares the rest: the rules against gaming between the engine's figures and the money.
// Used by attribute-call.ts. Pure. Each rule, its attack and its figure: README.md beside this file.
// Rules: what was retracted is not paid; what was written by who asked, under whatever identity we know of, is not paid; the
// fallback goes to contributions, each with its own weight, so that a person under ten names gets what one name gets, and what
// nobody who paid ever had an answer of weighs less and less.
// Invariants: a share is paid as measured or has a reason; the fallback has at least one taker.
import type { Contribution } from '../../db/schema.ts';
import type { SampleShares } from '../../engine/engine.ts';
import { type FallbackPart, type InfluenceShare, toPpm } from '../split-price.ts';

export interface PayableShares {
  /** In parts per million, largest first. */
  readonly influence: readonly InfluenceShare[];
  readonly fallback: readonly FallbackPart[];
  /** Why a measured share is not paid, by contribution. */
  readonly unpaid: ReadonlyMap<string, string>;
}

export interface PayableFacts {
  readonly shares: SampleShares['shares'];
  /** The version's contributions that stand. */
  readonly accepted: readonly Contribution[];
  /** Who asked, with every identity known to be the same person. */
  readonly askers: ReadonlySet<string>;
  /** Contributions that lately stood in `usesNeeded` of the answers below, for somebody else than who wrote them. */
  readonly used: ReadonlySet<string>;
  /** How many answers there were lately that no grant paid any part of and of which something was traced. */
  readonly paidAnswers: number;
  /** Near copies, each with the first accepted of its cluster: a cluster weighs one, for the first of it that stands. */
  readonly copies: ReadonlyMap<string, string>;
  /** Takes the fallback where nothing stands any more. */
  readonly creatorId: string;
}

export const OWN_QUESTION = 'written by who asked';

export function payableShares(facts: PayableFacts): PayableShares {
  const { shares, accepted, askers } = facts;
  const others = accepted.filter(({ personId }) => !askers.has(personId));
  // Who asks a model made of nothing but their own data is paid as anybody: it costs them the other parts of the price.
  const standing = others.length > 0 ? others : accepted;
  const byId = new Map(standing.map((contribution) => [contribution.id, contribution]));
  const own = new Set(
    standing === accepted ? [] : accepted.map(({ id }) => id).filter((id) => !byId.has(id)),
  );
  const influence = shares.flatMap(({ exampleId, share }): InfluenceShare[] => {
    const contribution = byId.get(exampleId);
    const sharePpm = toPpm(share);
    if (contribution === undefined || sharePpm === 0) return [];
    return [{ contributionId: contribution.id, personId: contribution.personId, sharePpm }];
  });
  return {
    influence: influence.sort(
      (a, b) => b.sharePpm - a.sharePpm || (a.contributionId < b.contributionId ? -1 : 1),
    ),
    fallback: fallbackParts(standing, facts),
    unpaid: new Map([...own].map((id) => [id, OWN_QUESTION])),
  };
}

const USED_WEIGHT = 1_000;

/** Added up by person, in the order in which people first contributed. */
function fallbackParts(
  standing: readonly Contribution[],
  { used, paidAnswers, copies, creatorId }: PayableFacts,
): readonly FallbackPart[] {
  const unusedWeight = weightOfUnused(paidAnswers, standing.length);
  const clusterOf = (id: string): string => copies.get(id) ?? id;
  const usedClusters = new Set([...used].map(clusterOf));
  const weighed = new Set<string>();
  const weights = new Map<string, number>();
  for (const { id, personId } of standing) {
    const cluster = clusterOf(id);
    if (weighed.has(cluster)) continue;
    weighed.add(cluster);
    const weight = usedClusters.has(cluster) ? USED_WEIGHT : unusedWeight;
    weights.set(personId, (weights.get(personId) ?? 0) + weight);
  }
  if (weights.size === 0) return [{ personId: creatorId, weight: 1 }];
  return [...weights].map(([personId, weight]) => ({ personId, weight }));
}

/**
 * What a contribution weighs that no paid answer was made of: as much as others while there are few answers (nothing is proven
 * then, and one paid answer must not win the whole fallback), 1/4 after one answer a contribution, 1/81 after eight.
 */
export function weightOfUnused(paidAnswers: number, contributions: number): number {
  const asked = paidAnswers / Math.max(1, contributions);
  return Math.max(1, Math.round(USED_WEIGHT / (1 + asked) ** 2));
}

/**
 * How often a contribution must have been of use to somebody who paid, to weigh in full: half as often as one is on average. A
 * bought question then keeps a contribution's weight only as long as it is bought again and again, which costs more than the
 * weight earns (test/marketplace/gaming/fallback-weights.test.ts).
 */
export function usesNeeded(paidAnswers: number, contributions: number): number {
  return Math.max(1, Math.ceil(paidAnswers / (2 * Math.max(1, contributions))));
}

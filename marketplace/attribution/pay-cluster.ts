// Who of a cluster of near duplicates is paid: the first accepted; when that one was taken back, the next accepted who is
// not the same person. Used by attribute-call.ts, between the engine's shares and the rules of payable-shares.ts. Pure.
// Why not the same person: who takes a contribution back has taken it back, under however many copies.
// Invariants: shares are moved, never made or lost; one contribution stands once; what nobody may have keeps the first's id,
// which payable-shares.ts leaves to the fallback.
import type { Contribution } from '../../db/schema.ts';
import type { SampleShares } from '../../engine/engine.ts';

type Share = SampleShares['shares'][number];

/** @param contributions all of the version, those taken back too */
export function paidOfClusters(
  shares: readonly Share[],
  contributions: readonly Pick<Contribution, 'id' | 'personId' | 'state'>[],
): readonly Share[] {
  const byId = new Map(contributions.map((contribution) => [contribution.id, contribution]));
  const paid = new Map<string, Share>();
  for (const measured of shares) {
    const exampleId = heirOf(measured, byId) ?? measured.exampleId;
    const known = paid.get(exampleId);
    const share = (known?.share ?? 0) + measured.share;
    paid.set(exampleId, { exampleId, share, score: known?.score ?? measured.score });
  }
  return [...paid.values()];
}

function heirOf(
  { exampleId, copyIds = [] }: Share,
  byId: ReadonlyMap<string, Pick<Contribution, 'personId' | 'state'>>,
): string | undefined {
  const first = byId.get(exampleId);
  if (first?.state === 'accepted') return exampleId;
  return copyIds.find((id) => {
    const copy = byId.get(id);
    return copy?.state === 'accepted' && copy.personId !== first?.personId;
  });
}

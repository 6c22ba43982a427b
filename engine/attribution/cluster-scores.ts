// Scores of clusters from scores of rows: a cluster has a row for each of its wordings, and scores what its best one does.
// Used by attribute.ts between the scan and the shares. Knows rows and ids only.
// Why the best and neither the first's nor the mean: an answer is in one wording. With the first's row alone the same fact
// said otherwise fell under the floor (paid in all 53 % of the pool in place of 90 %, 30 facts stated twice); a mean of k
// wordings is 1 / sqrt(k) as near to each, and anybody could pull somebody else's row away by adding some. A best of up to
// four adds nothing to what a fact is worth, and goes to the first whole.
// Invariants: rows of later wordings score below any floor, so one row of a cluster is paid at most; rows beyond the first
// four take no place in a shortlist, so that many wordings of one fact push nobody out, their own first among them.
import type { StoreMeta } from './gradient-store.ts';

type StoredClusters = Pick<StoreMeta, 'examples' | 'copies'>;

/** Rows of a cluster that count, first accepted first: a best of ever more would pass the floor by chance. */
const wordingsMax = 4;
const never = -1;

/**
 * @param scores [examples], of each row
 * @returns [examples], of each cluster in the row of its first member
 */
export function clusterScores(clusters: StoredClusters, scores: Float64Array): Float64Array {
  const best = Float64Array.from(scores);
  for (const [row, { first, counts }] of laterRows(clusters)) {
    if (counts) best[first] = Math.max(best[first], scores[row]);
    best[row] = never;
  }
  return best;
}

/** Rows of wordings beyond the first four of their cluster. */
export function rowsPassedOver(clusters: StoredClusters): ReadonlySet<number> {
  return new Set([...laterRows(clusters)].flatMap(([row, { counts }]) => (counts ? [] : [row])));
}

interface LaterRow {
  /** Row of the cluster's first member. */
  readonly first: number;
  /** Among the first four wordings. */
  readonly counts: boolean;
}

const known = new WeakMap<StoredClusters, ReadonlyMap<number, LaterRow>>();

/** Rows of later wordings, in order. Worked out once for a store. */
function laterRows(clusters: StoredClusters): ReadonlyMap<number, LaterRow> {
  const found = known.get(clusters);
  if (found !== undefined) return found;
  const place = new Map(clusters.examples.map(({ id }, row) => [id, row]));
  const rows = new Map<number, LaterRow>();
  const wordings = new Map<number, number>();
  for (const { id, of } of clusters.copies) {
    const row = place.get(id);
    const first = place.get(of);
    if (row === undefined || first === undefined) continue;
    const count = (wordings.get(first) ?? 1) + 1;
    wordings.set(first, count);
    rows.set(row, { first, counts: count <= wordingsMax });
  }
  known.set(clusters, rows);
  return rows;
}

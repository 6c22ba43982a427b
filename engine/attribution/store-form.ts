// In which form a version's store is made, by how many rows it has and how long they are. Used by build-store.ts. Pure.
// What each form takes is told in LARGE-STORES.md, with what was measured.
//
//   memory     exact; everything in memory while it is built, and while it scores answers
//   disk       exact, the same rows to the byte; gradients and rows on disk, scores by shortlist and exact rescoring
//   landmarks  the curvature is that of 2,048 examples at most; rows on disk, scores by shortlist and exact rescoring

export type StoreForm = 'memory' | 'disk' | 'landmarks';

export interface StoreLimits {
  /** Above, the rows' products and what is made of them take more memory than a marketplace's machine should give. */
  readonly rowsInMemoryMax: number;
  /** Above, rows do not fit the scan's one memory of 4 GiB, beside their sketches. */
  readonly rowBytesInMemoryMax: number;
  /** Ten thousand contributions and their decoys; products are 0.84 GB, and the solves take n³. */
  readonly rowsExactMax: number;
  /** rows² × width: those of a point are what most time goes into. 10,240 rows of the shipped base's adapters are 4.7e13. */
  readonly productsExactMax: number;
  /** Gradients of all points together that a build in memory holds. */
  readonly gradientBytesInMemoryMax: number;
  /** The same for a build on disk, which needs as much again as one point for the result, and 0.4 GB a point for its mix. */
  readonly gradientBytesOnDiskMax: number;
}

const storeLimits: StoreLimits = {
  rowsInMemoryMax: 8192,
  rowBytesInMemoryMax: 3.5 * 2 ** 30,
  rowsExactMax: 10_240,
  productsExactMax: 5e13,
  gradientBytesInMemoryMax: 4 * 2 ** 30,
  gradientBytesOnDiskMax: 16 * 2 ** 30,
};

/** @param rows of examples and decoys, of `width` values each */
export function storeForm(rows: number, width: number, limits = storeLimits): StoreForm {
  if (rows <= limits.rowsInMemoryMax && rows * width <= limits.rowBytesInMemoryMax) return 'memory';
  return rows <= limits.rowsExactMax && rows * rows * width <= limits.productsExactMax ? 'disk' : 'landmarks';
}

/** How many points of the training an exact store may have, at least one: gradients of all are kept until rows are made. */
export function pointsMax(
  form: Exclude<StoreForm, 'landmarks'>,
  rows: number,
  width: number,
  limits = storeLimits,
): number {
  const bytes = form === 'memory' ? limits.gradientBytesInMemoryMax : limits.gradientBytesOnDiskMax;
  return Math.max(1, Math.floor(bytes / (rows * width)));
}

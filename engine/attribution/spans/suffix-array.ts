// The suffix array of a sequence of numbers: where its suffixes begin, in sorted order. Used by the span index builder.
// It knows numbers only. SA-IS, linear time (Nong, Zhang & Chan, "Two efficient algorithms for linear time suffix array
// construction", 2011): suffixes are sorted by induction from a small subset of them (LMS: larger left neighbour, and not
// larger than the right one), and that subset by recursion where its pieces repeat.
// Chosen over prefix doubling because copies are what we look for: many equal contributions make doubling do
// log(longest copy) passes over everything, and leave SA-IS as it is.

interface Buckets {
  /** First place of each value's suffixes that are larger than their right neighbour (L type). */
  readonly large: Uint32Array;
  /** First place of the others (S type), which come after them. */
  readonly small: Uint32Array;
}

const none = 0xffffffff;

/**
 * @param values 0..largest, [n]
 * @returns the places 0..n-1 in order of the suffixes that begin there, [n]; a suffix that is the beginning of another
 * one comes first. Memory while it runs: about 14 bytes for each value beside `values` and the result.
 */
export function suffixArray(values: Uint32Array, largest: number): Uint32Array {
  const n = values.length;
  const order = new Uint32Array(n);
  if (n < 2) return order;
  const isSmall = new Uint8Array(n); // the last suffix is large: beyond the end is less than everything
  for (let i = n - 2; i >= 0; i--)
    isSmall[i] = values[i] < values[i + 1] || (values[i] === values[i + 1] && isSmall[i + 1] === 1) ? 1 : 0;
  const buckets = bucketsOf(values, isSmall, largest);
  const isLms = (i: number): boolean => i > 0 && isSmall[i] === 1 && isSmall[i - 1] === 0;

  let lmsCount = 0;
  for (let i = 1; i < n; i++) if (isLms(i)) lmsCount++;
  const lms = new Uint32Array(lmsCount);
  for (let i = 1, at = 0; i < n; i++) if (isLms(i)) lms[at++] = i;

  induce(values, isSmall, buckets, lms, order);
  if (lmsCount < 2) return order;

  // Names of the pieces between LMS places, equal pieces having equal names. No two LMS places are neighbours, so half
  // a place is enough to tell them apart.
  const indexOf = new Uint32Array((n >>> 1) + 1);
  for (let k = 0; k < lmsCount; k++) indexOf[lms[k] >>> 1] = k;
  const names = new Uint32Array(lmsCount);
  let name = 0;
  let previous = none;
  for (let rank = 0; rank < n; rank++) {
    const place = order[rank];
    if (!isLms(place)) continue;
    const k = indexOf[place >>> 1];
    if (previous !== none && !samePiece(values, lms, previous, k)) name++;
    names[k] = name;
    previous = k;
  }
  const sorted = new Uint32Array(lmsCount);
  if (name + 1 < lmsCount) {
    const below = suffixArray(names, name);
    for (let rank = 0; rank < lmsCount; rank++) sorted[rank] = lms[below[rank]];
  } else for (let k = 0; k < lmsCount; k++) sorted[names[k]] = lms[k];
  induce(values, isSmall, buckets, sorted, order);
  return order;
}

function bucketsOf(values: Uint32Array, isSmall: Uint8Array, largest: number): Buckets {
  const large = new Uint32Array(largest + 2);
  const small = new Uint32Array(largest + 1);
  for (let i = 0; i < values.length; i++)
    if (isSmall[i] === 1) small[values[i]]++;
    else large[values[i]]++;
  let place = 0;
  for (let value = 0; value <= largest; value++) {
    const [larges, smalls] = [large[value], small[value]];
    large[value] = place;
    small[value] = place + larges;
    place += larges + smalls;
  }
  large[largest + 1] = place;
  return { large, small };
}

/** Sorts all suffixes given the LMS ones in order (of their first value at least). */
function induce(
  values: Uint32Array,
  isSmall: Uint8Array,
  buckets: Buckets,
  lms: Uint32Array,
  order: Uint32Array,
): void {
  const n = values.length;
  order.fill(none);
  const small = buckets.small.slice();
  for (const place of lms) order[small[values[place]]++] = place;
  const large = buckets.large.slice();
  order[large[values[n - 1]]++] = n - 1;
  for (let rank = 0; rank < n; rank++) {
    const place = order[rank];
    if (place === none || place === 0 || isSmall[place - 1] === 1) continue;
    order[large[values[place - 1]]++] = place - 1;
  }
  const ends = buckets.large.slice(); // where the next value begins, this one ends
  for (let rank = n - 1; rank >= 0; rank--) {
    const place = order[rank];
    if (place === none || place === 0 || isSmall[place - 1] === 0) continue;
    order[--ends[values[place - 1] + 1]] = place - 1;
  }
}

/** Whether two pieces, each from its LMS place to the next one inclusive, hold the same values. */
function samePiece(values: Uint32Array, lms: Uint32Array, a: number, b: number): boolean {
  if (a === lms.length - 1 || b === lms.length - 1) return false; // the last one runs to the end: there is one of it
  const length = lms[a + 1] - lms[a];
  if (lms[b + 1] - lms[b] !== length) return false;
  for (let i = 0; i <= length; i++) if (values[lms[a] + i] !== values[lms[b] + i]) return false;
  return true;
}

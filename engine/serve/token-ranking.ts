// Tokens by falling logit, sorted only as far as somebody looks: a bucket sort whose buckets are sorted when they are
// reached. Used by token-choice.ts, where most draws end after a few tokens of a large vocabulary. Ties go by lower id.

interface Ranking {
  /** The id of rank 0, 1, 2 ... below the size of the vocabulary. */
  readonly at: (rank: number) => number;
  /** Ids of the first ranks. */
  readonly first: (count: number) => Uint32Array;
}

const buckets = 4096;

/** @param logits no NaN; -Infinity comes last */
export function createRanking(logits: Float32Array): Ranking {
  let high = Number.NEGATIVE_INFINITY;
  let low = Number.POSITIVE_INFINITY;
  for (const logit of logits) {
    if (logit > high) high = logit;
    if (logit < low && logit !== Number.NEGATIVE_INFINITY) low = logit;
  }
  const scale = high > low ? (buckets - 1) / (high - low) : 0;
  const bucketOf = (logit: number): number => Math.min(buckets, Math.floor((high - logit) * scale || 0));
  const starts = new Uint32Array(buckets + 2);
  for (const logit of logits) starts[bucketOf(logit) + 1] += 1;
  for (let bucket = 0; bucket <= buckets; bucket++) starts[bucket + 1] += starts[bucket];
  const ends = starts.slice(0, -1);
  const order = new Uint32Array(logits.length);
  for (let id = 0; id < logits.length; id++) order[ends[bucketOf(logits[id])]++] = id;

  let sorted = 0; // buckets
  const sortUpTo = (rank: number): void => {
    while (starts[sorted] <= rank && sorted <= buckets) {
      const members = order.subarray(starts[sorted], starts[sorted + 1]);
      if (members.length > 1) members.sort((a, b) => logits[b] - logits[a] || a - b);
      sorted += 1;
    }
  };
  return {
    at: (rank) => {
      sortUpTo(rank);
      return order[rank];
    },
    first: (count) => {
      sortUpTo(count - 1);
      return order.subarray(0, count);
    },
  };
}

// The random baseline of a ranking, in closed form: what an order drawn at random would reach on average.
// Used by the attribution evaluation only. No drawing: the expectation has no noise and needs no seed.

export interface RankingFigures {
  readonly top1: number;
  readonly top3: number;
  /** Mean reciprocal rank of the best gold item. */
  readonly mrr: number;
}

/**
 * Expected figures of a uniformly random order of `count` items of which `gold` are right.
 * P(best gold rank = r) = C(count − r, gold − 1) / C(count, gold).
 */
export function randomRanking(count: number, gold: number): RankingFigures {
  let left = 1; // P(none of the first r − 1 is gold)
  const figures = { top1: 0, top3: 0, mrr: 0 };
  for (let rank = 1; rank <= count - gold + 1; rank++) {
    const hit = gold / (count - rank + 1);
    const probability = left * hit;
    if (rank <= 1) figures.top1 += probability;
    if (rank <= 3) figures.top3 += probability;
    figures.mrr += probability / rank;
    left *= 1 - hit;
  }
  return figures;
}

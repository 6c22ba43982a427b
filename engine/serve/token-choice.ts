// Chooses a token from the logits of the whole vocabulary: the full way, exact in double precision. Used by token-sampler.ts,
// which takes a shorter way to the same token where it can. Knows no randomness of its own.
// The order of a draw: the 64 likeliest tokens, likeliest first (ties by lower id), then the others by id.
import { createRanking } from './token-ranking.ts';

/** What may be drawn; left out = no cut. They apply in this order. */
export interface Cuts {
  /** Keep the k likeliest tokens. */
  readonly topK?: number;
  /** Keep the likeliest tokens that together reach this part of what is left (arxiv.org/abs/1904.09751). */
  readonly topP?: number;
  /** Keep the tokens that have at least this part of the likeliest one's probability (arxiv.org/abs/2407.01082). */
  readonly minP?: number;
}

const headTokens = 64;

/** Without the cuts that cut nothing. */
export function effectiveCuts({ topK, topP, minP }: Cuts): Cuts {
  return { topK, topP: topP === 1 ? undefined : topP, minP: minP === 0 ? undefined : minP };
}

/**
 * @param temperature 0 = the likeliest
 * @param uniform in [0, 1)
 * @param head the likeliest 64 of these logits, where the caller has them
 */
export function chooseFromAll(
  logits: Float32Array,
  temperature: number,
  asked: Cuts,
  uniform: number,
  head?: () => readonly number[],
): number {
  const best = argmax(logits);
  if (temperature === 0) return best;
  const weightOf = (id: number): number => Math.exp((logits[id] - logits[best]) / temperature);
  const cuts = effectiveCuts(asked);
  const { topK, topP, minP } = cuts;
  if (topK !== undefined) {
    const ids = createRanking(logits).first(Math.min(topK, logits.length));
    const weights = Array.from(ids, weightOf);
    return ids[drawLikeliest(weights, nucleusEnd(weights, cuts), uniform)];
  }
  const all = new Float64Array(logits.length);
  let total = 0;
  for (let id = 0; id < all.length; id++) total += all[id] = weightOf(id);
  if (topP === undefined && minP === undefined) {
    const first = head?.() ?? createRanking(logits).first(Math.min(headTokens, logits.length));
    return drawFromAll(first, all, total, uniform);
  }
  const ranking = createRanking(logits);
  const enough = (topP ?? Number.POSITIVE_INFINITY) * total;
  const weights: number[] = [];
  for (let reached = 0; weights.length < all.length && reached < enough; ) {
    const weight = all[ranking.at(weights.length)];
    if (weights.length > 0 && weight < (minP ?? 0)) break;
    weights.push(weight);
    reached += weight;
  }
  return ranking.at(drawLikeliest(weights, weights.length, uniform));
}

/** How many of the weights, heaviest first, top-p and min-p keep; at least one */
export function nucleusEnd(weights: readonly number[], { topP, minP }: Cuts): number {
  let end = weights.length;
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  if (topP !== undefined) {
    let reached = 0;
    const last = weights.findIndex((weight) => {
      reached += weight;
      return reached >= topP * total;
    });
    if (last !== -1) end = last + 1;
  }
  if (minP === undefined) return end;
  const unlikely = weights.findIndex((weight) => weight < minP);
  return unlikely === -1 ? end : Math.max(1, Math.min(end, unlikely));
}

/** Index of the weight, among the first `end`, on which the draw falls. @param uniform in [0, 1) */
export function drawLikeliest(weights: readonly number[], end: number, uniform: number): number {
  let total = 0;
  for (let at = 0; at < end; at++) total += weights[at];
  let rest = uniform * total;
  for (let at = 0; at < end; at++) {
    rest -= weights[at];
    if (rest < 0) return at;
  }
  return end - 1;
}

function drawFromAll(head: Iterable<number>, weights: Float64Array, total: number, uniform: number): number {
  let rest = uniform * total;
  const drawn = new Set(head);
  for (const id of drawn) {
    rest -= weights[id];
    if (rest < 0) return id;
  }
  let [last] = drawn;
  for (let id = 0; id < weights.length; id++) {
    if (weights[id] === 0 || drawn.has(id)) continue;
    rest -= weights[id];
    if (rest < 0) return id;
    last = id;
  }
  return last;
}

function argmax(logits: Float32Array): number {
  let best = 0;
  for (let id = 1; id < logits.length; id++) if (logits[id] > logits[best]) best = id;
  return best;
}

// Chooses a token from the logits of the whole vocabulary: the full way, exact in double precision. Used by token-sampler.ts,
// which takes a shorter way to the same token where it can. Knows no randomness of its own.
// The order of a draw: the 64 likeliest tokens, likeliest first (ties by lower id), then the others by id.

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
  head: () => readonly number[] = () => likeliest(logits, headTokens),
): number {
  const best = argmax(logits);
  if (temperature === 0) return best;
  const weightOf = (id: number): number => Math.exp((logits[id] - logits[best]) / temperature);
  const cuts = effectiveCuts(asked);
  const { topK, topP, minP } = cuts;
  if (topK !== undefined) {
    const ids = likeliest(logits, topK);
    const weights = ids.map(weightOf);
    return ids[drawLikeliest(weights, nucleusEnd(weights, cuts), uniform)];
  }
  const all = Float64Array.from(logits, (_, id) => weightOf(id));
  const total = all.reduce((sum, weight) => sum + weight, 0);
  if (topP === undefined && minP === undefined) return drawFromAll(head(), all, total, uniform);
  // Tokens this unlikely cannot be needed to reach topP: all of them together weigh less than what topP leaves out.
  const floor = Math.max(topP === undefined ? 0 : ((1 - topP) * total) / logits.length, minP ?? 0);
  const ids: number[] = [];
  for (let id = 0; id < all.length; id++) if (all[id] >= floor && all[id] > 0) ids.push(id);
  const sorted = byLikelihood(ids, logits);
  const weights = sorted.map((id) => all[id]);
  return sorted[drawLikeliest(weights, nucleusEnd(weights, { topP, minP }, total), uniform)];
}

/** How many of the weights, heaviest first, top-p and min-p keep; at least one. @param total of which topP is a part */
export function nucleusEnd(
  weights: readonly number[],
  { topP, minP }: Cuts,
  total = weights.reduce((sum, weight) => sum + weight, 0),
): number {
  let end = weights.length;
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

function drawFromAll(head: readonly number[], weights: Float64Array, total: number, uniform: number): number {
  let rest = uniform * total;
  for (const id of head) {
    rest -= weights[id];
    if (rest < 0) return id;
  }
  const drawn = new Set(head);
  let last = head[0];
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

/** Ids of the `count` largest logits, largest first, ties by lower id. */
function likeliest(logits: Float32Array, count: number): readonly number[] {
  if (count >= logits.length) return byLikelihood([...logits.keys()], logits);
  const least = Float32Array.from(logits).sort()[logits.length - count];
  const above: number[] = [];
  const equal: number[] = [];
  for (let id = 0; id < logits.length; id++) {
    if (logits[id] > least) above.push(id);
    else if (logits[id] === least) equal.push(id);
  }
  return [...byLikelihood(above, logits), ...equal.slice(0, count - above.length)];
}

function byLikelihood(ids: readonly number[], logits: Float32Array): readonly number[] {
  return ids.toSorted((a, b) => logits[b] - logits[a] || a - b);
}

// Chooses the next token from logits: greedy, or temperature, then top-k, then top-p, with a seeded generator.
// Used by the scheduler, one sampler for each request. Knows no model. Invariant: same seed and same logits, same
// tokens, whatever else is served at the time.
import { EngineError } from '../errors.ts';
import { seededRandom } from '../train/training-random.ts';

interface SamplerOptions {
  /** 0 = greedy (the lowest id wins a tie). */
  readonly temperature: number;
  /** Keep the k likeliest tokens. Left out = all. */
  readonly topK?: number;
  /** Keep the likeliest tokens that together reach this probability (arxiv.org/abs/1904.09751). Left out = all. */
  readonly topP?: number;
  /** Any finite number; its low 32 bits count. */
  readonly seed: number;
}

/** logits [vocab] -> token id. @throws EngineError `logits_not_finite` */
export type Sampler = (logits: Float32Array) => number;

/** @throws EngineError `sampling_invalid` with the value that is out of range */
export function createSampler({ temperature, topK, topP, seed }: SamplerOptions): Sampler {
  const refuse = (what: string): never => {
    throw new EngineError(what, { code: 'sampling_invalid', retry: 'never' });
  };
  if (!(temperature >= 0 && temperature <= 100)) refuse(`temperature is ${temperature}, expected 0..100`);
  if (topK !== undefined && !(Number.isInteger(topK) && topK >= 1))
    refuse(`topK is ${topK}, expected 1 or more`);
  if (topP !== undefined && !(topP > 0 && topP <= 1))
    refuse(`topP is ${topP}, expected above 0 and at most 1`);
  if (!Number.isFinite(seed)) refuse(`seed is ${seed}, expected a number`);
  if (temperature === 0) return argmax;
  const random = seededRandom(seed);
  return (logits) => {
    const best = argmax(logits);
    return draw(likeliest(logits, best, temperature, topK, topP), random());
  };
}

function argmax(logits: Float32Array): number {
  let best = 0;
  for (let id = 1; id < logits.length; id++) if (logits[id] > logits[best]) best = id;
  if (!Number.isFinite(logits[best]))
    throw new EngineError(`the largest logit is ${logits[best]}: the weights are not usable`, {
      code: 'logits_not_finite',
      retry: 'never',
    });
  return best;
}

interface Candidate {
  readonly id: number;
  /** exp((logit - best) / temperature), not normalised */
  readonly weight: number;
}

/** The tokens that may be drawn, likeliest first where an order matters; equal weights keep id order. */
function likeliest(
  logits: Float32Array,
  best: number,
  temperature: number,
  topK: number | undefined,
  topP: number | undefined,
): readonly Candidate[] {
  let kept: Candidate[] = [];
  let total = 0;
  for (let id = 0; id < logits.length; id++) {
    const weight = Math.exp((logits[id] - logits[best]) / temperature);
    if (!(weight > 0)) continue; // far below, or not a number
    kept.push({ id, weight });
    total += weight;
  }
  const byWeight = (a: Candidate, b: Candidate): number => b.weight - a.weight || a.id - b.id;
  if (topK !== undefined && topK < kept.length) {
    kept = kept.sort(byWeight).slice(0, topK);
    total = kept.reduce((sum, candidate) => sum + candidate.weight, 0);
  }
  if (topP === undefined || topP === 1) return kept;
  // Tokens this unlikely cannot be needed to reach topP: all of them together weigh less than what topP leaves out.
  const floor = ((1 - topP) * total) / logits.length;
  const likely = kept.filter((candidate) => candidate.weight >= floor).sort(byWeight);
  let reached = 0;
  const end = likely.findIndex((candidate) => {
    reached += candidate.weight;
    return reached >= topP * total;
  });
  return end === -1 ? likely : likely.slice(0, end + 1);
}

/** @param uniform in [0, 1) */
function draw(candidates: readonly Candidate[], uniform: number): number {
  const total = candidates.reduce((sum, candidate) => sum + candidate.weight, 0);
  let rest = uniform * total;
  for (const { id, weight } of candidates) {
    rest -= weight;
    if (rest < 0) return id;
  }
  return candidates[candidates.length - 1].id;
}

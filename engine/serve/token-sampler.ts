// Chooses the next token of one request: logit bias and repetition penalty first, then greedy or temperature, top-k,
// top-p, min-p, with a seeded generator. Used by the scheduler, one sampler for each request. Knows no model.
// Invariants: same seed and same logits, same tokens, whatever else is served at the time; the fast way (the 64
// likeliest tokens with their probabilities, from the graph) and the full way (token-choice.ts) choose the same token:
// where the graph's f32 probabilities cannot decide with a margin, the full way does.
import { EngineError } from '../errors.ts';
import { seededRandom } from '../train/training-random.ts';
import { type Cuts, chooseFromAll, drawLikeliest, effectiveCuts, nucleusEnd } from './token-choice.ts';

interface SamplerOptions extends Cuts {
  /** 0 = greedy (the lowest id wins a tie). */
  readonly temperature: number;
  /** Above 1: tokens of the prompt and the answer so far become less likely (arXiv 1909.05858, section 4.1). */
  readonly repetitionPenalty?: number;
  /** Added to the logits of token ids before anything else, -100..100. */
  readonly logitBias?: Readonly<Record<number, number>>;
  /** Any finite number; its low 32 bits count. */
  readonly seed: number;
}

/** Results of a step for one row; views that hold until the next step. See StepLogits. */
export interface RowLogits {
  readonly logits: () => Float32Array; // [vocab]
  readonly topIds: () => readonly number[];
  readonly topProbabilities: () => Float32Array;
}

/** The next token. @throws EngineError `logits_not_finite` */
export type TokenSampler = (row: RowLogits) => number;

/** More than f32 sums over a vocabulary are ever off. */
const margin = 1e-4;

/**
 * @param promptIds what a repetition penalty counts as said already
 * @throws EngineError `sampling_invalid` with the value that is out of range
 */
export function createTokenSampler(options: SamplerOptions, promptIds: readonly number[] = []): TokenSampler {
  checkSampling(options);
  const { temperature, repetitionPenalty = 1, logitBias = {} } = options;
  const cuts = effectiveCuts(options);
  const bias = Object.entries(logitBias).map(([id, value]) => [Number(id), value] as const);
  const said = repetitionPenalty === 1 ? undefined : new Set(promptIds);
  const random = seededRandom(options.seed);
  let adjusted = new Float32Array(0);

  return (row) => {
    // The graph's probabilities are not numbers as soon as one logit is not.
    if (!Number.isFinite(row.topProbabilities()[0])) throw notFinite();
    const uniform = temperature === 0 ? 0 : random();
    if (bias.length === 0 && said === undefined) {
      if (temperature === 0) return row.topIds()[0];
      const short = chooseFromTop(row, temperature, cuts, uniform);
      return short ?? chooseFromAll(row.logits(), temperature, cuts, uniform, row.topIds);
    }
    const logits = row.logits();
    if (adjusted.length !== logits.length) adjusted = new Float32Array(logits.length);
    adjusted.set(logits);
    for (const [id, value] of bias) if (id < adjusted.length) adjusted[id] += value;
    for (const id of said ?? []) adjusted[id] *= adjusted[id] > 0 ? 1 / repetitionPenalty : repetitionPenalty;
    const chosen = chooseFromAll(adjusted, temperature, cuts, uniform);
    said?.add(chosen);
    return chosen;
  };
}

/** The choice of chooseFromAll, where the likeliest tokens alone decide it. @param uniform in [0, 1) */
function chooseFromTop(row: RowLogits, temperature: number, cuts: Cuts, uniform: number): number | undefined {
  const { topK, topP, minP } = cuts;
  const ids = row.topIds();
  const logits = row.logits();
  const weight = (at: number): number => Math.exp((logits[ids[at]] - logits[ids[0]]) / temperature);
  if (topK !== undefined) {
    if (topK > ids.length) return undefined;
    const weights = Array.from({ length: topK }, (_, at) => weight(at));
    const end = nucleusEnd(weights, cuts);
    return ids[drawLikeliest(weights, end, uniform)];
  }
  const probabilities = row.topProbabilities();
  if (topP === undefined && minP === undefined) return drawByMass(ids, probabilities, uniform);
  // Counted: tokens that top-p keeps for sure, and whether it keeps no more than those.
  let sure = ids.length;
  let exact = false;
  if (topP !== undefined) {
    let reached = 0;
    for (let at = 0; at < ids.length; at++) {
      reached += probabilities[at];
      if (reached < topP - margin) continue;
      sure = at + 1;
      exact = reached >= topP + margin;
      break;
    }
  }
  const weights = Array.from({ length: sure }, (_, at) => weight(at));
  const likely = minP === undefined ? -1 : weights.findIndex((value) => value < minP);
  if (likely === -1 && !exact) return undefined;
  return ids[drawLikeliest(weights, likely === -1 ? sure : likely, uniform)];
}

/** A draw from the whole vocabulary that falls clearly on one of the likeliest tokens. */
function drawByMass(
  ids: readonly number[],
  probabilities: Float32Array,
  uniform: number,
): number | undefined {
  let below = 0;
  for (let at = 0; at < ids.length; at++) {
    const reached = below + probabilities[at];
    if (uniform < reached - margin) return at === 0 || uniform >= below + margin ? ids[at] : undefined;
    below = reached;
  }
  return undefined;
}

function checkSampling(options: SamplerOptions): void {
  const { temperature, topK, topP, minP, repetitionPenalty, logitBias = {}, seed } = options;
  const refuse = (what: string): never => {
    throw new EngineError(what, { code: 'sampling_invalid', retry: 'never' });
  };
  if (!(temperature >= 0 && temperature <= 100)) refuse(`temperature is ${temperature}, expected 0..100`);
  if (topK !== undefined && !(Number.isInteger(topK) && topK >= 1))
    refuse(`topK is ${topK}, expected 1 or more`);
  if (topP !== undefined && !(topP > 0 && topP <= 1))
    refuse(`topP is ${topP}, expected above 0 and at most 1`);
  if (minP !== undefined && !(minP >= 0 && minP <= 1)) refuse(`minP is ${minP}, expected 0..1`);
  if (repetitionPenalty !== undefined && !(repetitionPenalty > 0 && repetitionPenalty <= 100))
    refuse(`repetitionPenalty is ${repetitionPenalty}, expected above 0 and at most 100`);
  for (const [id, bias] of Object.entries(logitBias)) {
    if (!/^\d+$/.test(id)) refuse(`logitBias names the token ${JSON.stringify(id)}, expected an id`);
    if (!(bias >= -100 && bias <= 100)) refuse(`logitBias of token ${id} is ${bias}, expected -100..100`);
  }
  if (!Number.isFinite(seed)) refuse(`seed is ${seed}, expected a number`);
}

function notFinite(): EngineError {
  return new EngineError('the logits are not finite: the weights or the adapter are not usable', {
    code: 'logits_not_finite',
    retry: 'never',
  });
}

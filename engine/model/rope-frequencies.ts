// The angle by which each pair of a head turns per position, scaling included. Used by ops-rotary.ts, whose tables
// serving and training share. Knows no config file and no graph; engine/reference/ has its own, slower definition.
import type { RopeScaling } from './rope-scaling.ts';

interface RopeFrequencies {
  /** radians per position, [headDim / 2]; pair i turns by theta^(-2i / headDim) before scaling */
  readonly angles: Float64Array;
  /** cos and sin are multiplied by it (yarn; 1 otherwise). */
  readonly amplitude: number;
}

/** Formulas: transformers' modeling_rope_utils.py, one function there for each kind here. */
export function ropeFrequencies(headDim: number, theta: number, scaling?: RopeScaling): RopeFrequencies {
  const plain = Float64Array.from({ length: headDim / 2 }, (_, i) => theta ** ((-2 * i) / headDim));
  switch (scaling?.kind) {
    case undefined:
      return { angles: plain, amplitude: 1 };
    case 'linear':
      return { angles: plain.map((angle) => angle / scaling.factor), amplitude: 1 };
    case 'llama3': {
      const { factor, lowFreqFactor, highFreqFactor, originalMaxSeq } = scaling;
      // Turns within the original context: few = slow = divided; many = fast = kept.
      const kept = (angle: number): number =>
        ((originalMaxSeq * angle) / (2 * Math.PI) - lowFreqFactor) / (highFreqFactor - lowFreqFactor);
      return { angles: plain.map((angle) => blend(angle, factor, kept(angle))), amplitude: 1 };
    }
    case 'yarn': {
      const { factor, betaFast, betaSlow, truncate, originalMaxSeq, attentionFactor } = scaling;
      /** The (fractional) pair that makes so many turns within the original context. */
      const pairOf = (turns: number): number =>
        (headDim * Math.log(originalMaxSeq / (turns * 2 * Math.PI))) / (2 * Math.log(theta));
      const first = Math.max(truncate ? Math.floor(pairOf(betaFast)) : pairOf(betaFast), 0);
      const last = Math.min(truncate ? Math.ceil(pairOf(betaSlow)) : pairOf(betaSlow), headDim - 1);
      const width = first === last ? 0.001 : last - first; // transformers' guard against a division by zero
      return {
        angles: plain.map((angle, i) => blend(angle, factor, 1 - (i - first) / width)),
        amplitude: attentionFactor,
      };
    }
  }
}

/** @param kept 1 or more = the angle as it is, 0 or less = divided, between = a mixture */
function blend(angle: number, factor: number, kept: number): number {
  const share = Math.min(Math.max(kept, 0), 1);
  return angle * share + (angle / factor) * (1 - share);
}

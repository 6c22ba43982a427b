// The turn of one rotary pair at one position, scaling included, written straight from the definitions and shared with
// no fast path. Used by llama-reference.ts. Kinds and symbols follow Hugging Face transformers (modeling_rope_utils.py)
// and the papers: plain (arXiv 2104.09864), linear position interpolation (arXiv 2306.15595), yarn (arXiv 2309.00071),
// llama3 (the frequency scaling of the Llama 3.1 release).
import type { LlamaConfig } from '../model/model-config.ts';

interface Turn {
  readonly cos: number;
  readonly sin: number;
}

/** @param pair 0 .. headDim / 2 - 1; in Hugging Face's layout the dimensions `pair` and `pair + headDim / 2` */
export function referenceTurn(
  config: Pick<LlamaConfig, 'headDim' | 'ropeTheta' | 'ropeScaling'>,
  position: number,
  pair: number,
): Turn {
  const { headDim, ropeTheta, ropeScaling: scaling } = config;
  const inverseFrequency = ropeTheta ** ((2 * pair) / headDim); // positions per radian
  if (scaling === undefined) return turn(position / inverseFrequency, 1);
  const stretched = position / (inverseFrequency * scaling.factor);
  switch (scaling.kind) {
    case 'linear':
      return turn(stretched, 1);
    case 'llama3': {
      const wavelength = 2 * Math.PI * inverseFrequency; // positions per full turn
      const longest = scaling.originalMaxSeq / scaling.lowFreqFactor;
      const shortest = scaling.originalMaxSeq / scaling.highFreqFactor;
      if (wavelength > longest) return turn(stretched, 1);
      if (wavelength < shortest) return turn(position / inverseFrequency, 1);
      const turns = scaling.originalMaxSeq / wavelength;
      const smooth = (turns - scaling.lowFreqFactor) / (scaling.highFreqFactor - scaling.lowFreqFactor);
      return turn((1 - smooth) * stretched + (smooth * position) / inverseFrequency, 1);
    }
    case 'yarn': {
      const dimensionOf = (rotations: number): number =>
        (headDim * Math.log(scaling.originalMaxSeq / (rotations * 2 * Math.PI))) / (2 * Math.log(ropeTheta));
      let low = dimensionOf(scaling.betaFast);
      let high = dimensionOf(scaling.betaSlow);
      if (scaling.truncate) {
        low = Math.floor(low);
        high = Math.ceil(high);
      }
      low = Math.max(low, 0);
      high = Math.min(high, headDim - 1);
      if (low === high) high += 0.001;
      let ramp = (pair - low) / (high - low); // 0 = a fast pair, kept; 1 = a slow one, stretched
      if (ramp < 0) ramp = 0;
      if (ramp > 1) ramp = 1;
      const angle = ramp * stretched + ((1 - ramp) * position) / inverseFrequency;
      return turn(angle, scaling.attentionFactor);
    }
  }
}

function turn(angle: number, amplitude: number): Turn {
  return { cos: amplitude * Math.cos(angle), sin: amplitude * Math.sin(angle) };
}

// Learning rate of a step: linear warm-up, then a cosine down to a fraction of the peak
// (arxiv.org/abs/1608.03983, one period). Used by pre-training and LoRA fine-tuning.

interface LrSchedule {
  readonly peak: number;
  readonly warmupSteps: number;
  readonly steps: number;
  /** Rate at the last step as a fraction of the peak. */
  readonly finalRatio: number;
}

/** @param step 0 for the first update. The rate is never 0: warm-up begins at peak / warmupSteps. */
export function learningRateAt(step: number, { peak, warmupSteps, steps, finalRatio }: LrSchedule): number {
  if (step < warmupSteps) return (peak * (step + 1)) / warmupSteps;
  const progress = Math.min(1, (step - warmupSteps) / Math.max(1, steps - 1 - warmupSteps));
  const cosine = (1 + Math.cos(Math.PI * progress)) / 2;
  return peak * (finalRatio + (1 - finalRatio) * cosine);
}

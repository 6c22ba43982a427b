// Learning rate of a step: linear warm-up, then a cosine down to a fraction of the peak
// (arxiv.org/abs/1608.03983, one period), or the peak held and a straight fall at the end (arxiv.org/abs/2404.06395),
// which lets a run be made longer before its last stage begins. Used by pre-training and fine-tuning.

interface LrSchedule {
  readonly peak: number;
  readonly warmupSteps: number;
  readonly steps: number;
  /** Rate at the last step as a fraction of the peak. */
  readonly finalRatio: number;
  /** Updates of the straight fall; 0 or left out = cosine. */
  readonly fallSteps?: number;
}

/** @param step 0 for the first update. The rate is never 0: warm-up begins at peak / warmupSteps. */
export function learningRateAt(step: number, schedule: LrSchedule): number {
  const { peak, warmupSteps, steps, finalRatio, fallSteps = 0 } = schedule;
  if (step < warmupSteps) return (peak * (step + 1)) / warmupSteps;
  if (fallSteps > 0) {
    const fallen = Math.min(1, Math.max(0, step + 1 - (steps - fallSteps)) / fallSteps);
    return peak * (1 - (1 - finalRatio) * fallen);
  }
  const progress = Math.min(1, (step - warmupSteps) / Math.max(1, steps - 1 - warmupSteps));
  const cosine = (1 + Math.cos(Math.PI * progress)) / 2;
  return peak * (finalRatio + (1 - finalRatio) * cosine);
}

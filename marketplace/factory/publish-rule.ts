// May a trained candidate replace the version that answers now? Pure; used by train-version.ts, stored with the version.
// Rule: it must answer more of all held-out questions (old and new together) than the current version, and must not
// lose more than OLD_LOSS_MAX of the old ones: a new version may not pay for new knowledge with what it knew.
import type { EvalReport } from '../../engine/engine.ts';

export interface Score {
  readonly correct: number;
  readonly total: number;
}

export interface Comparison {
  readonly candidateOld: Score;
  readonly candidateNew: Score;
  readonly currentOld: Score;
  readonly currentNew: Score;
}

export interface Verdict {
  readonly publish: boolean;
  /** One sentence with the figures, for people. */
  readonly reason: string;
}

/** The share of the old held-out questions that a new version may lose: retraining is noisy by a few answers. */
const OLD_LOSS_MAX = 0.02;

export function publishVerdict({ candidateOld, candidateNew, currentOld, currentNew }: Comparison): Verdict {
  const candidate = candidateOld.correct + candidateNew.correct;
  const current = currentOld.correct + currentNew.correct;
  const total = candidateOld.total + candidateNew.total;
  const figures =
    `${candidate} of ${total} held-out questions right, before ${current}` +
    ` (old ones ${candidateOld.correct} of ${candidateOld.total}, before ${currentOld.correct};` +
    ` new ones ${candidateNew.correct} of ${candidateNew.total}, before ${currentNew.correct})`;
  const lost = currentOld.correct - candidateOld.correct;
  if (lost > candidateOld.total * OLD_LOSS_MAX) {
    return { publish: false, reason: `Not published: it forgot ${lost} of the old answers. ${figures}.` };
  }
  if (candidate <= current) return { publish: false, reason: `Not published: it is not better. ${figures}.` };
  return { publish: true, reason: `Published: it is better. ${figures}.` };
}

export function scoreOf(report: EvalReport): Score {
  return { correct: report.correct, total: report.total };
}

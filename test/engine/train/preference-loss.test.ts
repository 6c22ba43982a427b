// The losses of preferences against values worked out by hand and against central differences, and at logits where
// a plain formula overflows.
import { describe, expect, it } from 'vitest';
import { ktoBalance, ktoLoss, ktoReferencePoint } from '../../../engine/train/kto-loss.ts';
import {
  dpoLoss,
  logSigmoid,
  orpoLoss,
  type PairLoss,
  simpoLoss,
} from '../../../engine/train/preference-loss.ts';
import { rewardLoss } from '../../../engine/train/reward-loss.ts';

/** Derivative of f at x by central difference. */
const slope = (f: (x: number) => number, x: number, step = 1e-5): number =>
  (f(x + step) - f(x - step)) / (2 * step);

/** Both derivatives of a pair's loss, by its formula and by differences. */
const checkPair = (at: (chosen: number, rejected: number) => PairLoss, chosen: number, rejected: number) => {
  const { dChosen, dRejected } = at(chosen, rejected);
  const scale = Math.max(1, Math.abs(dChosen), Math.abs(dRejected));
  expect(Math.abs(dChosen - slope((x) => at(x, rejected).loss, chosen)) / scale).toBeLessThan(1e-6);
  expect(Math.abs(dRejected - slope((x) => at(chosen, x).loss, rejected)) / scale).toBeLessThan(1e-6);
};

const points = [
  [-3, -5],
  [-20, -1],
  [-0.7, -0.9],
  [-40, -41],
] as const;

describe('DPO', () => {
  const reference = { chosen: -4, rejected: -6 };
  it('is ln 2 where policy and reference are the same, and pulls with beta / 2 on both answers', () => {
    const same = dpoLoss(reference, reference, { beta: 0.1, smoothing: 0 });
    expect(same.loss).toBeCloseTo(Math.LN2, 12);
    expect(same.dChosen).toBeCloseTo(-0.05, 12);
    expect(same.dRejected).toBeCloseTo(0.05, 12);
  });

  it('is log(1 + 1/3) where h = ln 3: policy -2 and -8 against -4 and -6 at beta ln(3)/4', () => {
    const { loss, rewardChosen, rewardRejected, dChosen } = dpoLoss({ chosen: -2, rejected: -8 }, reference, {
      beta: Math.log(3) / 4,
      smoothing: 0,
    });
    expect(loss).toBeCloseTo(Math.log(4 / 3), 12);
    expect(rewardChosen - rewardRejected).toBeCloseTo(Math.log(3), 12);
    expect(dChosen).toBeCloseTo((-Math.log(3) / 4) * 0.25, 12); // -beta * sigmoid(-h), sigmoid(-ln 3) = 1/4
  });

  it('with 10 % wrong votes is (0.9 L(h) - 0.1 L(-h)) / 0.8: at h = ln 3 (0.9 ln 4/3 - 0.1 ln 4) / 0.8', () => {
    const { loss } = dpoLoss({ chosen: -2, rejected: -8 }, reference, {
      beta: Math.log(3) / 4,
      smoothing: 0.1,
    });
    expect(loss).toBeCloseTo((0.9 * Math.log(4 / 3) - 0.1 * Math.log(4)) / 0.8, 12);
  });

  it('averages over flipped votes to the loss without flips', () => {
    const policy = { chosen: -3, rejected: -9 };
    const flipped = {
      policy: { chosen: -9, rejected: -3 },
      reference: { chosen: reference.rejected, rejected: reference.chosen },
    };
    const robust = { beta: 0.5, smoothing: 0.2 };
    const expected =
      0.8 * dpoLoss(policy, reference, robust).loss +
      0.2 * dpoLoss(flipped.policy, flipped.reference, robust).loss;
    expect(expected).toBeCloseTo(dpoLoss(policy, reference, { beta: 0.5, smoothing: 0 }).loss, 12);
  });

  it.each(points)('has the derivative of central differences at %f, %f', (chosen, rejected) => {
    for (const smoothing of [0, 0.1, 0.4])
      checkPair(
        (c, r) => dpoLoss({ chosen: c, rejected: r }, reference, { beta: 0.3, smoothing }),
        chosen,
        rejected,
      );
  });

  it('stays finite at h = 1000 and -1000', () => {
    const far = { chosen: 0, rejected: -1000 };
    const none = { chosen: 0, rejected: 0 };
    expect(dpoLoss(far, none, { beta: 1, smoothing: 0 })).toMatchObject({ loss: 0 });
    const wrong = dpoLoss(none, far, { beta: 1, smoothing: 0 });
    expect(wrong.loss).toBe(1000);
    expect(wrong.dChosen).toBe(-1);
  });
});

describe('ORPO', () => {
  const lengths = { chosen: 2, rejected: 4 };
  it('is the mean nll plus lambda ln(1 + odds ratio): p = 3/4 and 1/2 give odds 3 and 1', () => {
    const { loss, rewardChosen, rewardRejected } = orpoLoss(
      { chosen: 2 * Math.log(0.75), rejected: 4 * Math.log(0.5) },
      lengths,
      { lambda: 0.1 },
    );
    expect(rewardChosen).toBeCloseTo(Math.log(3), 12);
    expect(rewardRejected).toBeCloseTo(0, 12);
    expect(loss).toBeCloseTo(-Math.log(0.75) + 0.1 * Math.log(4 / 3), 12);
  });

  it.each(points)('has the derivative of central differences at %f, %f', (chosen, rejected) => {
    checkPair((c, r) => orpoLoss({ chosen: c, rejected: r }, lengths, { lambda: 0.4 }), chosen, rejected);
  });

  it('stays finite for answers that are certain (log p 0) and impossible (log p -1000 a token)', () => {
    for (const [chosen, rejected] of [
      [0, -4000],
      [-2000, 0],
      [0, 0],
    ]) {
      const values = Object.values(orpoLoss({ chosen, rejected }, lengths, { lambda: 0.1 }));
      expect(values.every(Number.isFinite)).toBe(true);
    }
  });
});

describe('SimPO', () => {
  it('is ln 2 where the mean log-probabilities differ by gamma / beta', () => {
    const { loss } = simpoLoss(
      { chosen: -2, rejected: -8 },
      { chosen: 2, rejected: 4 },
      { beta: 2.5, gamma: 2.5 },
    );
    expect(loss).toBeCloseTo(Math.LN2, 12);
  });

  it.each(points)('has the derivative of central differences at %f, %f', (chosen, rejected) => {
    const lengths = { chosen: 3, rejected: 5 };
    checkPair(
      (c, r) => simpoLoss({ chosen: c, rejected: r }, lengths, { beta: 2.5, gamma: 1.4 }),
      chosen,
      rejected,
    );
  });
});

describe('KTO', () => {
  const options = { beta: 0.1, referencePoint: 2, weights: { desirable: 1, undesirable: 1 } };
  it('is 1/2 at the reference point, and pulls with beta / 4 up or down', () => {
    expect(ktoLoss(2, true, options)).toMatchObject({ loss: 0.5, dLogp: -0.025 });
    expect(ktoLoss(2, false, options)).toMatchObject({ loss: 0.5, dLogp: 0.025 });
  });

  it('is w / 4 for a good answer ln(3)/beta above the point, 3w / 4 for a bad one', () => {
    const logRatio = 2 + Math.log(3) / 0.1;
    const weights = { desirable: 2, undesirable: 4 };
    expect(ktoLoss(logRatio, true, { ...options, weights }).loss).toBeCloseTo(0.5, 12);
    expect(ktoLoss(logRatio, false, { ...options, weights }).loss).toBeCloseTo(3, 12);
  });

  it.each([-30, -1, 0, 2, 7, 50])('has the derivative of central differences at %f', (logRatio) => {
    for (const good of [true, false]) {
      const { dLogp } = ktoLoss(logRatio, good, options);
      expect(Math.abs(dLogp - slope((x) => ktoLoss(x, good, options).loss, logRatio))).toBeLessThan(1e-6);
    }
  });

  it('stays finite at log-ratios of 10,000 either way', () => {
    expect(ktoLoss(1e4, true, options)).toMatchObject({ loss: expect.closeTo(0, 12), reward: 1000 });
    expect(ktoLoss(1e4, false, options).loss).toBe(1);
    expect(ktoLoss(-1e4, true, options).loss).toBe(1);
  });

  it('takes the mean of mismatched log-ratios as reference point, and 0 for less', () => {
    expect(ktoReferencePoint([1, 2, 6])).toBe(3);
    expect(ktoReferencePoint([-5, 1])).toBe(0);
    expect(ktoReferencePoint([])).toBe(0);
  });

  it('balances 80 good and 20 bad answers by raising the bad to 3, 20 and 80 by raising the good to 4', () => {
    expect(ktoBalance(80, 20)).toEqual({ desirable: 1, undesirable: expect.closeTo(3, 12) });
    expect(ktoBalance(20, 80)).toEqual({ desirable: 4, undesirable: 1 });
    expect(ktoBalance(55, 45)).toEqual({ desirable: 1, undesirable: 1 }); // 1.22 lies in 1 .. 1.33
    expect(ktoBalance(10, 0)).toEqual({ desirable: 1, undesirable: 1 });
  });
});

describe('the reward loss', () => {
  it('is ln 2 plus 0.01 * 36 for rewards 3.5 and 2.5 with margin 1', () => {
    const { loss, dChosen, dRejected } = rewardLoss(3.5, 2.5, { margin: 1, centring: 0.01 });
    expect(loss).toBeCloseTo(Math.LN2 + 0.36, 12);
    expect(dChosen).toBeCloseTo(-0.5 + 0.12, 12);
    expect(dRejected).toBeCloseTo(0.5 + 0.12, 12);
  });

  it.each(points)('has the derivative of central differences at %f, %f', (chosen, rejected) => {
    const options = { margin: 0.5, centring: 0.01 };
    const { dChosen, dRejected } = rewardLoss(chosen, rejected, options);
    expect(dChosen).toBeCloseTo(
      slope((x) => rewardLoss(x, rejected, options).loss, chosen),
      6,
    );
    expect(dRejected).toBeCloseTo(
      slope((x) => rewardLoss(chosen, x, options).loss, rejected),
      6,
    );
  });

  it('stays finite at 1000 apart', () => {
    expect(rewardLoss(-500, 500, { margin: 0, centring: 0 })).toEqual({
      loss: 1000,
      dChosen: -1,
      dRejected: 1,
    });
  });
});

it('log sigmoid keeps small values: -e^-40 at 40, and -1000 at -1000', () => {
  expect(logSigmoid(40)).toBeCloseTo(-Math.exp(-40), 30);
  expect(logSigmoid(-1000)).toBe(-1000);
});

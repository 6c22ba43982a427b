// Who is paid when not everything fits: nothing is created, no room is exceeded, who waits longest comes first.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Nano, nano } from '../../../db/ledger/amount.ts';
import type { PayoutDue } from '../../../db/repositories/payout-repository.ts';
import { raisedLeaves } from '../../../marketplace/payouts/cut-epoch.ts';
import { planPayouts } from '../../../marketplace/payouts/plan-payouts.ts';

const amount = fc.bigInt({ min: 0n, max: 1_000n }).map(nano);
const due = fc.record({
  ownerId: fc.string({ minLength: 1 }),
  wallet: fc.constant('0x'),
  contributorNano: amount,
  creatorNano: amount,
  nodeNano: amount,
  platformNano: amount,
  ownNano: amount,
  withdrawalId: fc.constant(null),
  isPerson: fc.constant(true),
}) as fc.Arbitrary<PayoutDue>;
const room = fc.bigInt({ min: -500n, max: 8_000n }).map(nano);

const sum = (amounts: readonly bigint[]): bigint => amounts.reduce((total, one) => total + one, 0n);
const dueOf = (one: PayoutDue): bigint =>
  one.contributorNano + one.creatorNano + one.nodeNano + one.platformNano + one.ownNano;
const n = (value: bigint): Nano => nano(value);
const person = (ownerId: string, contributor: bigint, own = 0n): PayoutDue => ({
  ...{ ownerId, wallet: '0x', contributorNano: n(contributor), creatorNano: n(0n), nodeNano: n(0n) },
  ...{ platformNano: n(0n), ownNano: n(own), withdrawalId: null, isPerson: true },
});

describe('a plan of payouts', () => {
  it('pays what is due and lets wait what is not paid, never more than either room', () => {
    fc.assert(
      fc.property(fc.array(due, { maxLength: 12 }), room, room, (dues, totalNano, earnedNano) => {
        const { payouts, waitingNano } = planPayouts(dues, { totalNano, earnedNano });
        const earned = sum(payouts.flatMap((one) => one.earned.map(({ amountNano }) => amountNano)));
        const own = sum(payouts.map(({ ownNano }) => ownNano));
        expect(earned + own + waitingNano).toBe(sum(dues.map(dueOf)));
        expect(earned + own).toBeLessThanOrEqual(totalNano > 0n ? totalNano : 0n);
        expect(earned).toBeLessThanOrEqual(earnedNano > 0n ? earnedNano : 0n);
        for (const { due: one, ownNano, earned: parts } of payouts) {
          expect(ownNano).toBeLessThanOrEqual(one.ownNano);
          for (const { kind, amountNano } of parts) {
            expect(amountNano).toBeGreaterThan(0n);
            expect(amountNano).toBeLessThanOrEqual(one[`${kind}Nano`]);
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  it('serves own paid-in balance before earnings, and among these the first of the list; the next one gets the rest', () => {
    const dues = [person('ada', 60n), person('ben', 60n, 30n), person('cleo', 60n)];
    const { payouts, waitingNano } = planPayouts(dues, { totalNano: n(120n), earnedNano: n(1_000n) });
    expect(payouts.map(({ due: { ownerId }, ownNano, earned }) => [ownerId, ownNano, ...earned])).toEqual([
      ['ada', 0n, { kind: 'contributor', amountNano: 60n }],
      ['ben', 30n, { kind: 'contributor', amountNano: 30n }],
    ]);
    expect(waitingNano).toBe(90n);
  });

  it('pays own balance where no coins are left for earnings', () => {
    const { payouts } = planPayouts([person('ada', 60n, 5n)], { totalNano: n(100n), earnedNano: n(-3n) });
    expect(payouts).toMatchObject([{ ownNano: 5n, earned: [] }]);
  });
});

describe('raised leaves', () => {
  it('grow by no more than the room, in order, the last one in part', () => {
    const changes = [
      { wallet: '0xa', entitledNano: n(50n), leafNano: n(20n) },
      { wallet: '0xb', entitledNano: n(30n), leafNano: n(0n) },
      { wallet: '0xc', entitledNano: n(9n), leafNano: n(4n) },
    ];
    expect(raisedLeaves(changes, n(40n))).toEqual({
      raised: [
        { wallet: '0xa', cumulativeNano: 50n },
        { wallet: '0xb', cumulativeNano: 10n },
      ],
      waitingNano: 25n,
    });
    expect(raisedLeaves(changes, n(-1n))).toEqual({ raised: [], waitingNano: 65n });
  });
});

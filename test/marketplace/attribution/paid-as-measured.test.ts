// From what the engine measured to a receipt that is true by itself: whatever was taken back, whoever asked, whichever copies share
// a row, every nano goes to somebody who may have it, and the receipt says why a share was not paid as measured.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { nano } from '../../../db/ledger/amount.ts';
import type { Contribution } from '../../../db/schema.ts';
import { paidOfClusters } from '../../../marketplace/attribution/pay-cluster.ts';
import { payableShares } from '../../../marketplace/attribution/payable-shares.ts';
import { combinationOf, measurementOf } from '../../../marketplace/receipts/measurement.ts';
import type { ReceiptAttribution, ReceiptBody } from '../../../marketplace/receipts/receipt-body.ts';
import { figureChecks } from '../../../marketplace/receipts/verify-receipt.ts';
import { splitDataPool, toPpm } from '../../../marketplace/split-price.ts';
import { complete } from '../../support/receipt-sample.ts';

const people = ['ann', 'bob', 'cid', 'dan'] as const;
const one = fc.record({
  personId: fc.constantFrom(...people),
  isStanding: fc.boolean(),
  /** Of which cluster it is a member. */
  cluster: fc.nat(7),
  score: fc.oneof(fc.constant(0), fc.double({ min: 0, max: 9, noNaN: true })),
  isUsed: fc.boolean(),
});
const world = fc.record({
  given: fc.array(one, { minLength: 1, maxLength: 40 }),
  askers: fc.uniqueArray(fc.constantFrom(...people), { maxLength: 2 }),
  baseNll: fc.double({ min: 0.001, max: 20, noNaN: true }),
  adapterNll: fc.double({ min: 0, max: 25, noNaN: true }),
  paidAnswers: fc.nat(2_000),
});

it('every receipt that the rules make is true by itself, and pays nobody what is not theirs (random versions)', () => {
  fc.assert(
    fc.property(world, ({ given, askers, baseNll, adapterNll, paidAnswers }) => {
      const contributions = given.map(
        ({ personId, isStanding }, at) =>
          ({
            ...{ id: `c${at}`, personId, question: `${at}`, answer: 'a' },
            state: isStanding ? 'accepted' : 'retracted',
          }) as Contribution,
      );
      const clusters = Map.groupBy(given.keys(), (at) => given[at].cluster);
      const alpha = Math.min(1, Math.max(0, (baseNll - adapterNll) / baseNll));
      const sum = given.reduce((so, { score }) => so + score, 0);
      const shares = given.flatMap(({ score, cluster }, at) => {
        const [first, ...others] = clusters.get(cluster) ?? [];
        if (first !== at || score === 0) return [];
        const copyIds = others.map((other) => `c${other}`);
        return [{ exampleId: `c${at}`, share: alpha * (score / sum), score, copyIds }];
      });
      const accepted = contributions.filter(({ state }) => state === 'accepted');
      const copies = [...clusters.values()].flatMap(([first, ...others]) =>
        others.map((other) => [`c${other}`, `c${first}`] as const),
      );
      const payable = payableShares({
        ...{ shares: paidOfClusters(shares, contributions), accepted, askers: new Set<string>(askers) },
        used: new Set(given.flatMap(({ isUsed }, at) => (isUsed ? [`c${at}`] : []))),
        ...{ paidAnswers, copies: new Map(copies), creatorId: 'maker' },
      });
      const pool = nano(BigInt(complete.partsNano.data));
      const payouts = splitDataPool(pool, payable.influence, payable.fallback, complete.call);
      const facts = {
        ...{ alpha, noiseFloor: 0, storeHash: 'abc', note: null, baseNll, adapterNll, shares },
        unpaid: payable.unpaid,
      };
      const attribution: ReceiptAttribution = {
        ...(complete.attribution as ReceiptAttribution),
        alphaPpm: toPpm(alpha),
        measurement: measurementOf(facts, payouts, accepted),
        combinationPpm: combinationOf(payouts),
        shares: payouts.map(({ kind, personId, contributionId, sharePpm, amountNano, weight }) => ({
          ...{ kind, contributor: personId, contribution: contributionId, contributionHash: null, sharePpm },
          ...{ amountNano: String(amountNano), ...(weight === undefined ? {} : { weight }) },
        })),
      };
      const body: ReceiptBody = { ...complete, attribution };
      expect(figureChecks(body).filter(({ ok }) => !ok)).toEqual([]);
      expect(payouts.reduce((so, { amountNano }) => so + amountNano, 0n)).toBe(pool);
      const standing = new Map(accepted.map(({ id, personId }) => [id, personId]));
      const others = accepted.some(({ personId }) => !askers.includes(personId as (typeof people)[number]));
      for (const { personId, contributionId } of payouts) {
        if (contributionId !== null) expect(standing.get(contributionId)).toBe(personId);
        if (others) expect(askers).not.toContain(personId);
        if (accepted.length === 0) expect(personId).toBe('maker');
      }
    }),
    { numRuns: 400 },
  );
});

// Who shares the fallback, simulated with the rule that pays: names, copies, junk that passed review, and junk whose owner buys
// questions about it. Figures: a name's splitting gains exactly 1.000; junk as numerous as facts starts at its count and falls
// below 0.5 % of what is paid; buying questions to keep junk in weight loses money.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nano, openNano } from '../../../db/ledger/amount.ts';
import type { Contribution } from '../../../db/schema.ts';
import {
  OWN_QUESTION,
  type PayableFacts,
  payableShares,
  usesNeeded,
  weightOfUnused,
} from '../../../marketplace/attribution/payable-shares.ts';
import { splitDataPool } from '../../../marketplace/split-price.ts';

const contribution = (id: string, personId: string) => ({ id, personId }) as Contribution;

const facts = (over: Partial<PayableFacts>): PayableFacts => ({
  ...{ shares: [], accepted: [], askers: new Set<string>(), used: new Set<string>(), paidAnswers: 0 },
  copies: new Map<string, string>(),
  creatorId: 'maker',
  ...over,
});

/** What `mine` get of a pool of 1,000 OPEN, in nano. */
function paidTo(over: Partial<PayableFacts>, mine: (personId: string) => boolean): bigint {
  const { influence, fallback } = payableShares(facts(over));
  const payouts = splitDataPool(openNano('1000'), influence, fallback, 'call');
  return payouts.reduce((sum, { personId, amountNano }) => sum + (mine(personId) ? amountNano : 0n), 0n);
}

describe('the fallback', () => {
  const honest = Array.from({ length: 30 }, (_, i) => contribution(`honest-${i}`, `person-${i % 3}`));

  it.each([2, 5, 10, 100])('pays ten contributions under %i names what it pays them under one', (names) => {
    const under = (count: number) =>
      Array.from({ length: 10 }, (_, i) => contribution(`own-${i}`, `sybil-${i % count}`));
    const isMine = (personId: string) => personId.startsWith('sybil');
    const one = paidTo({ accepted: [...honest, ...under(1)] }, isMine);
    const many = paidTo({ accepted: [...honest, ...under(names)] }, isMine);
    expect(Number(many) / Number(one)).toBeCloseTo(1, 9); // before: 3.1 for ten names, 3 others
    expect(Number(one) / 1e12).toBeCloseTo(0.25, 9);
  });

  it.each([2, 5, 10])(
    'pays a fact and its %i near copies under as many names what it pays the fact alone',
    (copies) => {
      const first = contribution('fact', 'sybil-0');
      const more = Array.from({ length: copies }, (_, i) => contribution(`copy-${i}`, `sybil-${i + 1}`));
      const isMine = (personId: string) => personId.startsWith('sybil');
      const alone = paidTo({ accepted: [...honest, first] }, isMine);
      const known = new Map(more.map(({ id }) => [id, first.id]));
      expect(paidTo({ accepted: [...honest, first, ...more], copies: known }, isMine)).toBe(alone);
      // Taken back, the first leaves its weight to the next of its cluster, once.
      expect(paidTo({ accepted: [...honest, ...more], copies: known }, isMine)).toBe(alone);
    },
  );

  it('goes to the maker of the model where everything was retracted', () => {
    expect(payableShares(facts({})).fallback).toEqual([{ personId: 'maker', weight: 1 }]);
  });
});

describe('a measured share', () => {
  const accepted = [contribution('a', 'ann'), contribution('b', 'bob'), contribution('c', 'ann')];
  const shares = [
    { exampleId: 'a', share: 0.5, score: 5 },
    { exampleId: 'b', share: 0.2, score: 2 },
    { exampleId: 'gone', share: 0.1, score: 1 },
  ];

  it('of who asked is not paid, and says so; what it leaves goes to the others alone', () => {
    const { influence, fallback, unpaid } = payableShares(
      facts({ accepted, shares, askers: new Set(['ann']) }),
    );
    expect(influence).toEqual([{ contributionId: 'b', personId: 'bob', sharePpm: 200_000 }]);
    expect(fallback.map(({ personId }) => personId)).toEqual(['bob']);
    expect([...unpaid]).toEqual([
      ['a', OWN_QUESTION],
      ['c', OWN_QUESTION],
    ]);
  });

  it('is paid to who asked where nobody else’s data is in the version: there is no one to take it', () => {
    const own = accepted.filter(({ personId }) => personId === 'ann');
    const { influence, unpaid } = payableShares(facts({ accepted: own, shares, askers: new Set(['ann']) }));
    expect(influence).toEqual([{ contributionId: 'a', personId: 'ann', sharePpm: 500_000 }]);
    expect(unpaid.size).toBe(0);
  });

  it('never pays who asked more than their part would be as a stranger (random versions and shares)', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('ann', 'bob', 'cid'), { minLength: 1, maxLength: 12 }),
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 12, maxLength: 12 }),
        (owners, raw) => {
          const mine = owners.map((owner, i) => contribution(`c${i}`, owner));
          const whole = Math.max(
            1,
            raw.reduce((sum, one) => sum + one, 0),
          );
          const random = mine.map(({ id }, i) => ({ exampleId: id, share: raw[i] / whole, score: 1 }));
          const over = { accepted: mine, shares: random };
          const asked = paidTo({ ...over, askers: new Set(['ann']) }, (id) => id === 'ann');
          expect(asked).toBeLessThanOrEqual(paidTo(over, (id) => id === 'ann'));
        },
      ),
    );
  });
});

const twenty = (owner: string) => Array.from({ length: 20 }, (_, i) => contribution(`${owner}-${i}`, owner));

/** Answers of price 1 to paying strangers, who ask each fact as often; what they made of is known to the next answer. */
function market({
  junk,
  rounds,
  buys,
}: {
  junk: number;
  rounds: number;
  buys: 'nothing' | 'once' | 'all it takes';
}) {
  const honest = 20;
  const accepted = [
    ...Array.from({ length: honest }, (_, i) => contribution(`fact-${i}`, `person-${i}`)),
    ...Array.from({ length: junk }, (_, i) => contribution(`junk-${i}`, 'attacker')),
  ];
  const uses = new Map<string, number>();
  let [answers, toAttacker, toAll, cost] = [0, 0, 0, 0];
  const late = { toAttacker: 0, toAll: 0 };
  const answer = (asked: string): number => {
    const needed = usesNeeded(answers, accepted.length);
    const used = new Set([...uses].filter(([, times]) => times >= needed).map(([id]) => id));
    const shares = [{ exampleId: asked, share: 0.6, score: 1 }];
    const { influence, fallback } = payableShares(facts({ accepted, shares, used, paidAnswers: answers }));
    const pool = nano(500_000_000n); // half of a price of 1
    let mine = 0;
    for (const { personId, amountNano } of splitDataPool(pool, influence, fallback, `${answers}`))
      if (personId === 'attacker') mine += Number(amountNano) / 1e9;
    toAttacker += mine;
    toAll += 0.5;
    answers += 1;
    uses.set(asked, (uses.get(asked) ?? 0) + 1);
    return mine;
  };
  for (let round = 0; round < rounds; round++) {
    for (let fact = 0; fact < honest; fact++) {
      const mine = answer(`fact-${fact}`);
      if (round === rounds - 1) {
        late.toAttacker += mine;
        late.toAll += 0.5;
      }
    }
    if (buys === 'nothing') continue;
    for (let item = 0; item < junk; item++) {
      const wanted = buys === 'once' ? 1 : usesNeeded(answers + honest, accepted.length);
      for (; (uses.get(`junk-${item}`) ?? 0) < wanted; cost += 1) answer(`junk-${item}`);
    }
  }
  return { junkShare: toAttacker / toAll, late: late.toAttacker / late.toAll, toAttacker, cost };
}

describe('junk that passed review, as numerous as the facts', () => {
  it('gets less and less: 20 % of the first answer, below 0.5 % of those after 16 paid answers a fact', () => {
    const run = (rounds: number) => market({ junk: 20, rounds, buys: 'nothing' });
    const shares = [{ exampleId: 'fact-0', share: 0.6, score: 1 }];
    const first = { accepted: twenty('fact').concat(twenty('junk')), shares };
    expect(paidTo(first, (id) => id === 'junk')).toBe(openNano('200'));
    expect(run(17).late).toBeLessThan(0.005);
    // Of everything ever paid: what it got before anything was proven stays.
    expect(run(16).junkShare).toBeLessThan(0.036);
    expect(run(60).junkShare).toBeLessThan(0.011);
  });

  it.each([
    [1, 4],
    [5, 16],
    [20, 16],
    [20, 40],
  ])(
    'whose owner buys questions about %i of it loses, over %i rounds of honest questions',
    (junk, rounds) => {
      const idle = market({ junk, rounds, buys: 'nothing' });
      for (const buys of ['once', 'all it takes'] as const) {
        const { toAttacker, cost } = market({ junk, rounds, buys });
        expect(cost).toBeGreaterThan(0);
        // Even as the maker of the model, to whom a quarter of each bought question returns.
        expect(toAttacker - 0.75 * cost).toBeLessThan(idle.toAttacker);
      }
    },
  );
});

describe('what no paid answer was made of', () => {
  it('weighs as much as the others at first, 1/4 after one paid answer a contribution, 1/81 after eight, never nothing', () => {
    expect([0, 100, 800, 1e9].map((answers) => weightOfUnused(answers, 100))).toEqual([1_000, 250, 12, 1]);
  });
});

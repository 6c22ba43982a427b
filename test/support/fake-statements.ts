// The earnings part of the marketplace in memory: what /earnings and /why are answered is set by the test; at first nothing
// was earned. Used by fake-marketplace.ts.
import { nano } from '../../db/ledger/amount.ts';
import type { StatementVerbs } from '../../marketplace/statement-verbs.ts';
import type { Statement, Why } from '../../marketplace/statements/statement.ts';

export interface FakeStatements {
  statement: Statement;
  whyResult: Why;
  readonly verbs: StatementVerbs;
}

/** Of somebody whose contributions earned nothing yet. */
export const noEarnings: Statement = {
  period: '30',
  since: new Date(Date.UTC(2026, 9, 22)),
  until: new Date(Date.UTC(2026, 10, 21)),
  contributor: {
    ...{ calls: 0, influenceCalls: 0, ppmSum: 0n, dustMicronano: 0n, meanShare: 0, top: [], peers: null },
    ...{ grossNano: nano(0n), influenceNano: nano(0n), fallbackNano: nano(0n) },
  },
  roles: [],
  paidOutNano: nano(0n),
  waitingNano: nano(0n),
  trialNano: nano(0n),
  wallet: null,
};

export function createFakeStatements(): FakeStatements {
  const fake: FakeStatements = {
    statement: noEarnings,
    whyResult: { ok: false, code: 'no_receipt' },
    verbs: {
      earnings: async (_, period) => ({ ...fake.statement, period }),
      earningsFile: async (_, { period, format }) => ({
        ...{ fileName: `earnings-${period}.${format}`, text: 'at,receipt\r\n', shares: 1, cut: false },
      }),
      whyPaid: async () => fake.whyResult,
    },
  };
  return fake;
}

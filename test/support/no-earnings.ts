// The statement of somebody whose contributions earned nothing yet: where fake-marketplace.ts starts. Used by tests of
// what people see, which change what they need.
import { nano } from '../../db/ledger/amount.ts';
import type { Statement } from '../../marketplace/statements/statement.ts';

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
  wallet: null,
};

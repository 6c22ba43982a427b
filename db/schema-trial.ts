/** What was earned from trial credit, migration 017-trial-earnings. Part of schema.ts. */
import type { Nano } from './ledger/amount.ts';

interface TrialEarningTable {
  callId: string;
  kind: 'contributor' | 'creator' | 'node' | 'platform';
  ownerId: string;
  /** > 0: the part of what the owner earned by the call that the asker's grant paid, rounded up. */
  amountNano: Nano;
}

export interface TrialSchema {
  trialEarning: TrialEarningTable;
}

// An attributed provenance with one contributor, for tests of what people see behind 🔍.
import { type Nano, openNano } from '../../db/ledger/amount.ts';
import type { Provenance } from '../../marketplace/marketplace.ts';

export const provenanceOf = (callId: string, state: Provenance['state'] = 'attributed'): Provenance => ({
  callId,
  receiptNumber: callId.slice(5),
  modelSlug: 'pocket-atlas',
  modelTitle: 'Pocket Atlas',
  versionNumber: 1,
  state,
  dataPoolNano: openNano('0.00625') as Nano,
  fallbackNano: openNano('0.00125'),
  alpha: 0.8,
  answer: 'Lisbon is the capital of Portugal.',
  note: null,
  spans: [],
  sentences: 1,
  agreement: { value: 0.632, low: 0.571, high: 0.688 },
  top: [
    {
      contributionId: 'contribution-1',
      takenBack: false,
      pseudonym: 'amber-heron',
      share: 0.8,
      amountNano: openNano('0.005'),
      question: 'What is the capital of Portugal?',
      answer: 'Lisbon.',
    },
  ],
  contributorsPaid: 15,
  learntFrom: [
    { method: 'sft', count: 512 },
    { method: 'dpo', count: 17 },
    { method: 'kto', count: 1 },
  ],
});

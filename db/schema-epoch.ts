/** Tables of epochs, their leaves and postings, payouts and withdrawals, migration 011-epochs. Part of schema.ts. */
import type { Generated, Selectable } from 'kysely';
import type { CreatedAt } from './column-types.ts';
import type { Nano } from './ledger/amount.ts';

export type EpochState = 'cut' | 'built' | 'signed' | 'sent' | 'final' | 'vetoed';
interface EpochTable {
  number: number;
  state: Generated<EpochState>;
  cause: string | null;
  baseNumber: number | null;
  claimsNumber: number | null;
  receiptCount: number;
  claimCount: number;
  claimsTotalNano: Nano;
  waitingNano: Nano;
  receiptsFrom: number;
  receiptsRoot: string | null;
  claimsRoot: string | null;
  receiptsFileHash: string | null;
  claimsFileHash: string | null;
  leafFileHash: string | null;
  cutAt: Date;
  builtAt: Date | null;
  activeAt: Date | null;
  endedAt: Date | null;
  txHash: string | null;
  blockNumber: bigint | null;
  blockHash: string | null;
}

interface EpochReceiptTable {
  epochNumber: number;
  leafIndex: number;
  callId: string;
}

interface ClaimLeafTable {
  epochNumber: number;
  wallet: string;
  cumulativeNano: Nano;
}

export type PostingState = 'signed' | 'sent' | 'final' | 'reverted' | 'dropped';
interface PostingTable {
  epochNumber: number;
  attempt: number;
  state: Generated<PostingState>;
  cause: string | null;
  txHash: string;
  nonce: number;
  raw: string;
  signedAt: Date;
  sentAt: Date | null;
}

interface PayoutTable {
  epochNumber: number;
  ownerId: string;
  wallet: string;
  earnedNano: Nano;
  ownNano: Nano;
  createdAt: CreatedAt;
}

export type WithdrawalState = 'asked' | 'cancelled' | 'replaced' | 'paid';
interface WithdrawalTable {
  id: string;
  personId: string;
  amountNano: Nano;
  state: Generated<WithdrawalState>;
  paidNano: Generated<Nano>;
  epochNumber: number | null;
  createdAt: CreatedAt;
  endedAt: Date | null;
}

export type ChainRecordKind = 'datanet_version' | 'model_version';
interface ChainRecordTable {
  subjectKind: ChainRecordKind;
  subjectId: string;
  problem: string | null;
  recordedAt: CreatedAt;
}

export interface EpochSchema {
  epoch: EpochTable;
  epochReceipt: EpochReceiptTable;
  claimLeaf: ClaimLeafTable;
  posting: PostingTable;
  payout: PayoutTable;
  withdrawal: WithdrawalTable;
  chainRecord: ChainRecordTable;
}

export type Epoch = Readonly<Selectable<EpochTable>>;
export type Posting = Readonly<Selectable<PostingTable>>;
export type Withdrawal = Readonly<Selectable<WithdrawalTable>>;

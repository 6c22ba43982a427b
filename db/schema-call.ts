/** Tables of calls, what they paid, their receipts and ratings, migrations 005-calls and 012-receipts. Part of schema.ts. */
import type { Generated, Selectable } from 'kysely';
import type { CreatedAt, Json, JsonObject } from './column-types.ts';
import type { Nano } from './ledger/amount.ts';

export type CallState = 'quoted' | 'held' | 'generating' | 'captured' | 'voided' | 'unknown';
interface CallTable {
  id: string;
  seq: Generated<number>;
  eventKey: string;
  personId: string;
  conversationId: string | null;
  modelId: string;
  modelVersionId: string;
  state: Generated<CallState>;
  holdId: string | null;
  ceilingNano: Nano;
  priceNano: Nano | null;
  promptTokens: number | null;
  answerTokens: number | null;
  prompt: string;
  promptHash: string;
  answer: string | null;
  errorCode: string | null;
  finishReason: string | null;
  quotedAt: CreatedAt;
  heldAt: Date | null;
  generatingAt: Date | null;
  settledAt: Date | null;
  attributedAt: Date | null;
}

export type ShareKind = 'influence' | 'fallback';
interface CallShareTable {
  callId: string;
  rank: number;
  contributionId: string | null;
  personId: string;
  kind: ShareKind;
  sharePpm: number;
  amountNano: Nano;
  at: Date;
  datanetId: string;
  dustMicronano: number;
}

interface ReceiptTable {
  callId: string;
  number: Generated<number>;
  body: Json<JsonObject>;
  hash: string;
  createdAt: CreatedAt;
  salt: string | null;
  signature: string | null;
  signer: string | null;
}

interface RatingTable {
  callId: string;
  personId: string;
  value: number;
  updatedAt: Generated<Date>;
}

interface RatingChangeTable {
  id: Generated<bigint>;
  callId: string;
  personId: string;
  value: number;
  createdAt: CreatedAt;
}

export interface CallSchema {
  call: CallTable;
  callShare: CallShareTable;
  receipt: ReceiptTable;
  rating: RatingTable;
  ratingChange: RatingChangeTable;
}

export type Call = Readonly<Selectable<CallTable>>;
export type Receipt = Readonly<Selectable<ReceiptTable>>;
export type Rating = Readonly<Selectable<RatingTable>>;

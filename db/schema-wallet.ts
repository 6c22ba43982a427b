/** Tables of linked wallets, one-time links, deposits and the watcher’s place, migration 010-wallets. Part of schema.ts. */
import type { Generated, Selectable } from 'kysely';
import type { CreatedAt, Json } from './column-types.ts';
import type { Nano } from './ledger/amount.ts';

interface WalletTable {
  id: string;
  address: string;
  personId: string;
  linkedAt: CreatedAt;
  unlinkedAt: Date | null;
}

interface DepositReferenceTable {
  ref: string;
  personId: string;
  newsPlatform: string | null;
  newsConversationId: string | null;
  createdAt: CreatedAt;
}

interface WalletLinkTable {
  tokenHash: string;
  personId: string;
  account: string;
  nonce: string;
  createdAt: Date;
  expiresAt: Date;
  openedAt: Date | null;
  visitHash: string | null;
  visitExpiresAt: Date | null;
  usedAt: Date | null;
  walletId: string | null;
}

interface ChainCursorTable {
  chainId: bigint;
  vault: string;
  nextBlock: bigint;
  latestBlock: bigint | null;
  finalBlock: bigint | null;
  finalHash: string | null;
  alarm: string | null;
  alarmAt: Date | null;
  updatedAt: Generated<Date>;
}

export type ChainEventKind = 'deposit' | 'claim' | 'epoch' | 'veto';
export type ChainEventState = 'pending' | 'orphaned' | 'final' | 'credited' | 'lost';
/** The fields of a log, amounts and numbers as text. */
type LogPayload = { readonly [field: string]: string };
interface ChainEventTable {
  chainId: bigint;
  txHash: string;
  logIndex: number;
  vault: string;
  kind: ChainEventKind;
  blockNumber: bigint;
  blockHash: string;
  payload: Json<LogPayload>;
  ownerId: string | null;
  state: Generated<ChainEventState>;
  amountNano: Nano | null;
  restWei: Generated<bigint>;
  transferId: bigint | null;
  seenAt: CreatedAt;
  settledAt: Date | null;
}

export interface WalletSchema {
  wallet: WalletTable;
  depositReference: DepositReferenceTable;
  walletLink: WalletLinkTable;
  chainCursor: ChainCursorTable;
  chainEvent: ChainEventTable;
}

export type Wallet = Readonly<Selectable<WalletTable>>;
export type DepositReference = Readonly<Selectable<DepositReferenceTable>>;
export type WalletLink = Readonly<Selectable<WalletLinkTable>>;
export type ChainCursor = Readonly<Selectable<ChainCursorTable>>;
export type ChainEvent = Readonly<Selectable<ChainEventTable>>;

/**
 * The database's tables as Kysely sees them, in camelCase (the CamelCasePlugin maps to the SQL's snake_case; keys
 * inside jsonb values are left alone). Used by repositories and the ledger. Ids are plain text made by `new-id.ts`;
 * amounts are bigint nano-OPEN; times are `Date`. The truth is db/migrations/, and a test compares the two.
 */
import type { ColumnType, Generated, Insertable, Selectable } from 'kysely';
import type { CreatedAt, Json, JsonObject } from './column-types.ts';
import type { Nano } from './ledger/amount.ts';
import type { AuditSchema } from './schema-audit.ts';
import type { BooksSchema } from './schema-books.ts';
import type { BudgetSchema } from './schema-budget.ts';
import type { CallSchema } from './schema-call.ts';
import type { EpochSchema } from './schema-epoch.ts';
import type { ReviewSchema } from './schema-review.ts';
import type { TrialSchema } from './schema-trial.ts';
import type { WalletSchema } from './schema-wallet.ts';

export type { JsonObject } from './column-types.ts';
export type { Call, CallState, Rating, Receipt, ShareKind } from './schema-call.ts';

type JsonDefault<T> = ColumnType<T, T | undefined, T>;

export type AccountKind =
  | 'user'
  | 'user_grant'
  | 'hold'
  | 'call_pool'
  | 'contributor'
  | 'creator'
  | 'node'
  | 'platform'
  | 'treasury'
  | 'vault'
  | 'dust'
  | 'claimable';
export type TransferKind =
  | 'hold'
  | 'capture'
  | 'void'
  | 'expire'
  | 'split'
  | 'grant'
  | 'transfer'
  | 'deposit'
  | 'payout'
  | 'claim'
  | 'refund'
  | 'correction';
export type HoldState = 'open' | 'captured' | 'voided' | 'expired';

interface AccountTable {
  id: Generated<bigint>;
  asset: Generated<string>;
  kind: AccountKind;
  ownerId: string;
  /** What was rolled up; `accountNow` has the balance. */
  balanceNano: ColumnType<Nano, never, never>;
  version: ColumnType<bigint, never, never>;
  createdAt: CreatedAt;
}

interface TransferTable {
  id: Generated<bigint>;
  idempotencyKey: string;
  requestHash: string;
  kind: TransferKind;
  callId: string | null;
  result: Json<JsonObject>;
  reason: string | null;
  asset: Generated<string>;
  createdAt: CreatedAt;
}

/** A view: the entries of the transfers, which carry them in two arrays (`account_ids`, `amounts_nano`). */
interface EntryView {
  transferId: bigint;
  line: number;
  accountId: bigint;
  amountNano: Nano;
}

interface EntryPendingTable {
  transferId: bigint;
}

/** A view: accounts with what waits for the roll-up added to their balances. */
interface AccountNowView {
  id: bigint;
  asset: string;
  kind: AccountKind;
  ownerId: string;
  balanceNano: Nano;
}

interface HoldTable {
  id: string;
  ownerId: string;
  callId: string;
  amountNano: Nano;
  grantNano: Nano;
  balanceNano: Nano;
  capturedNano: Generated<Nano>;
  state: Generated<HoldState>;
  reason: string | null;
  expiresAt: Date;
  createdAt: CreatedAt;
  settledAt: Date | null;
  holdTransferId: bigint;
  settleTransferId: bigint | null;
}

interface PersonTable {
  id: string;
  seq: Generated<number>;
  pseudonym: string;
  createdAt: CreatedAt;
}

interface IdentityTable {
  platform: string;
  platformUserId: string;
  personId: string;
  displayName: string;
  createdAt: CreatedAt;
}

interface ConversationTable {
  id: string;
  platform: string;
  platformConversationId: string;
  personId: string;
  modelId: string | null;
  state: Generated<'open' | 'closed'>;
  messageCount: Generated<number>;
  createdAt: CreatedAt;
  updatedAt: Generated<Date>;
}

export type MessageRole = 'system' | 'user' | 'assistant';
interface MessageTable {
  conversationId: string;
  seq: number;
  role: MessageRole;
  content: string;
  callId: string | null;
  createdAt: CreatedAt;
}

interface LifecycleEventTable {
  id: Generated<bigint>;
  subjectKind: string;
  subjectId: string;
  fromState: string | null;
  toState: string;
  cause: string;
  createdAt: CreatedAt;
}

export type DatanetState = 'proposed' | 'collecting' | 'training' | 'published' | 'retired';
interface DatanetTable {
  id: string;
  slug: string;
  title: string;
  description: string;
  licence: string;
  state: Generated<DatanetState>;
  conditions: JsonDefault<JsonObject>;
  ownerId: string;
  createdAt: CreatedAt;
}

interface ConsentTable {
  personId: string;
  datanetId: string;
  textVersion: string;
  licence: string;
  givenAt: CreatedAt;
}

export type ContributionState = 'submitted' | 'accepted' | 'rejected' | 'retracted';
interface ContributionTable {
  id: string;
  seq: Generated<number>;
  datanetId: string;
  personId: string;
  question: string;
  answer: string;
  contentHash: string;
  state: Generated<ContributionState>;
  rejectReason: string | null;
  submittedAt: CreatedAt;
  decidedAt: Date | null;
}

export type ReviewVerdict = 'accept' | 'reject';
interface ReviewTable {
  contributionId: string;
  reviewerId: string;
  verdict: ReviewVerdict;
  reason: string | null;
  createdAt: CreatedAt;
}

interface DatanetVersionTable {
  id: string;
  datanetId: string;
  number: number;
  merkleRoot: string;
  contributionCount: number;
  createdAt: CreatedAt;
}

interface DatanetVersionContributionTable {
  datanetVersionId: string;
  contributionId: string;
  position: number;
}

export type ModelState = 'listed' | 'retired';
interface ModelTable {
  id: string;
  slug: string;
  title: string;
  description: string;
  datanetId: string;
  creatorId: string;
  priceCallNano: Nano;
  pricePromptKtokenNano: Nano;
  priceAnswerKtokenNano: Nano;
  dataBps: number;
  creatorBps: number;
  nodeBps: number;
  platformBps: number;
  state: Generated<ModelState>;
  currentVersionId: string | null;
  createdAt: CreatedAt;
}

type ModelVersionState = 'candidate' | 'published' | 'rejected' | 'superseded';
interface ModelVersionTable {
  id: string;
  modelId: string;
  number: number;
  datanetVersionId: string;
  adapterDir: string;
  recipe: JsonDefault<JsonObject>;
  evaluation: Json<JsonObject | null>;
  storeHashes: JsonDefault<JsonObject>;
  state: Generated<ModelVersionState>;
  reason: string | null;
  createdAt: CreatedAt;
  decidedAt: Date | null;
}

export type TrainingRunState =
  | 'queued'
  | 'running'
  | 'evaluating'
  | 'published'
  | 'rejected'
  | 'failed'
  | 'cancelled';
interface TrainingRunTable {
  id: string;
  seq: Generated<number>;
  modelId: string;
  datanetVersionId: string;
  state: Generated<TrainingRunState>;
  progress: JsonDefault<JsonObject>;
  modelVersionId: string | null;
  error: string | null;
  createdAt: CreatedAt;
  startedAt: Date | null;
  finishedAt: Date | null;
  phases: JsonDefault<readonly JsonObject[]>;
  cancelledBy: string | null;
}

export type TrainingPhaseName = 'sft' | 'dpo' | 'orpo' | 'kto';
interface TrainingPointTable {
  trainingRunId: string;
  phase: TrainingPhaseName;
  step: number;
  loss: number;
  heldOutLoss: number | null;
  tokensPerSecond: number;
  createdAt: CreatedAt;
}

interface WatcherTable {
  trainingRunId: string;
  conversationId: string;
  createdAt: CreatedAt;
}

interface CorrectionTable {
  callId: string;
  personId: string;
  contributionId: string;
  createdAt: Generated<Date>;
}

interface InboundEventTable {
  platform: string;
  updateId: string;
  createdAt: CreatedAt;
}

type DeliveryState = 'pending' | 'sent';
interface DeliveryTable {
  id: Generated<bigint>;
  key: string;
  platform: string;
  payload: Json<JsonObject>;
  state: Generated<DeliveryState>;
  platformMessageId: string | null;
  createdAt: CreatedAt;
  sentAt: Date | null;
}

export interface Schema
  extends AuditSchema,
    BooksSchema,
    BudgetSchema,
    CallSchema,
    EpochSchema,
    ReviewSchema,
    TrialSchema,
    WalletSchema {
  account: AccountTable;
  transfer: TransferTable;
  entry: EntryView;
  entryPending: EntryPendingTable;
  accountNow: AccountNowView;
  hold: HoldTable;
  person: PersonTable;
  identity: IdentityTable;
  conversation: ConversationTable;
  message: MessageTable;
  lifecycleEvent: LifecycleEventTable;
  datanet: DatanetTable;
  consent: ConsentTable;
  contribution: ContributionTable;
  review: ReviewTable;
  datanetVersion: DatanetVersionTable;
  datanetVersionContribution: DatanetVersionContributionTable;
  model: ModelTable;
  modelVersion: ModelVersionTable;
  trainingRun: TrainingRunTable;
  trainingPoint: TrainingPointTable;
  watcher: WatcherTable;
  correction: CorrectionTable;
  inboundEvent: InboundEventTable;
  delivery: DeliveryTable;
}

export type Hold = Readonly<Selectable<HoldTable>>;
export type Person = Readonly<Selectable<PersonTable>>;
export type Identity = Readonly<Selectable<IdentityTable>>;
export type Conversation = Readonly<Selectable<ConversationTable>>;
export type Message = Readonly<Selectable<MessageTable>>;
export type LifecycleEvent = Readonly<Selectable<LifecycleEventTable>>;
export type Datanet = Readonly<Selectable<DatanetTable>>;
export type Consent = Readonly<Selectable<ConsentTable>>;
export type Contribution = Readonly<Selectable<ContributionTable>>;
export type Review = Readonly<Selectable<ReviewTable>>;
export type DatanetVersion = Readonly<Selectable<DatanetVersionTable>>;
export type Model = Readonly<Selectable<ModelTable>>;
export type NewModel = Readonly<
  Omit<Insertable<ModelTable>, 'id' | 'state' | 'currentVersionId' | 'createdAt'>
>;
export type ModelVersion = Readonly<Selectable<ModelVersionTable>>;
export type TrainingRun = Readonly<Selectable<TrainingRunTable>>;
export type TrainingPoint = Readonly<Selectable<TrainingPointTable>>;
export type Delivery = Readonly<Selectable<DeliveryTable>>;

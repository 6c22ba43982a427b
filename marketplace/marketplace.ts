// The marketplace's face to the bots (and later to HTTP): every verb a person has, as one typed list.
// Refusals are returned unions with lowercase codes; faults are thrown. It knows no chat platform beyond opaque ids.
// Built by marketplace/create-marketplace.ts from an Engine, a Database and a data folder.
import type { Nano } from '../db/ledger/amount.ts';
import type { AuditFigure } from '../engine/audit-job.ts';
import type { AuditView } from './attribution/audits/audit-view.ts';
import type { SentenceMakers, SentenceMakersRefusal } from './attribution/sentence-makers.ts';
import type { EvidenceSpan } from './attribution/span-evidence.ts';
import type { AuditVerbs } from './audit-verbs.ts';
import type { BooksVerbs } from './books-verbs.ts';
import type { BudgetVerbs } from './budget-verbs.ts';
import type { Budget, BudgetReached, BudgetScope, BudgetWarning } from './budgets/budget.ts';
import type { ClaimVerbs } from './claim-verbs.ts';
import type { ContributeResult, ReviewItem, ReviewResult } from './datanets/intake-views.ts';
import type { HistoryLine } from './read-history.ts';
import type { RefundVerbs } from './refund-verbs.ts';
import type { StatementVerbs } from './statement-verbs.ts';
import type { CancelResult, TrainingChart, TrainingMethod, TrainingsView } from './training-views.ts';
import type { WalletVerbs } from './wallet-verbs.ts';

export interface Identity {
  readonly platform: string;
  readonly userId: string;
  readonly displayName: string;
}

export interface Person {
  readonly id: string;
  readonly pseudonym: string;
  /** True on the call that made the person: the starter grant was just given. */
  readonly isNew: boolean;
}

export interface Balance {
  readonly balanceNano: Nano;
  readonly grantNano: Nano;
  readonly heldNano: Nano;
  /** Earned and not paid out to a wallet yet. */
  readonly earnedNano: Nano;
  /** The part of `earnedNano` that trial credit paid: it is never paid out. */
  readonly trialNano: Nano;
  /** Paid out and waiting in the wallet's claim; null without a linked wallet. */
  readonly claimableNano: Nano | null;
  /** The budget of the day. */
  readonly today: Budget;
  /** The newest lines of the history. */
  readonly recent: readonly HistoryLine[];
}

export interface RateCard {
  readonly perCallNano: Nano;
  readonly per1kPromptTokensNano: Nano;
  readonly per1kAnswerTokensNano: Nano;
}

/** Where a model's adapter is: warm = in memory, loading = on its way there, cold = on disk. */
export type ModelReadiness = 'warm' | 'loading' | 'cold';

/** Low and high end. */
export type Range = readonly [low: number, high: number];

export interface ModelSummary {
  readonly id: string;
  readonly slug: string;
  readonly title: string;
  readonly description: string;
  readonly datanetSlug: string;
  readonly versionNumber: number;
  readonly rateCard: RateCard;
  /** What no answer costs more than: the longest prompt and the longest answer. */
  readonly ceilingNano: Nano;
  readonly splitBps: {
    readonly data: number;
    readonly creator: number;
    readonly node: number;
    readonly platform: number;
  };
  readonly retired: boolean;
  readonly calls: number;
  readonly contributors: number;
  readonly exampleQuestions: readonly string[];
  /** Held-out accuracy of this version and of the base without it, 0..1. */
  readonly evaluation: {
    readonly adapter: number;
    readonly base: number;
    readonly items: number;
    /** 95 % intervals of both, where they were computed. */
    readonly intervals?: { readonly adapter: Range; readonly base: Range };
  } | null;
  /** How well attribution of this version was measured, and whether contributors are paid by it; null without a version. */
  readonly audit: AuditView | null;
  /** Told for one model that somebody looks at or chooses; null in lists, and where the engine does not tell. */
  readonly readiness: ModelReadiness | null;
}

export interface Quote {
  readonly ceilingNano: Nano;
  readonly availableNano: Nano;
  readonly promptTokens: number;
  readonly answerTokensMax: number;
  /** The budget that made the answer shorter than it could be. */
  readonly shortenedBy: BudgetScope | null;
  /** True until this model has answered this person: they must have seen the ceiling before it does. */
  readonly firstOfModel: boolean;
}

export type CallRefusal =
  | { readonly ok: false; readonly code: 'already_answered'; readonly callId: string }
  | { readonly ok: false; readonly code: 'empty_question' }
  | {
      readonly ok: false;
      readonly code: 'question_too_long';
      readonly chars: number;
      readonly charsMax: number;
    }
  | { readonly ok: false; readonly code: 'no_model_chosen' }
  | { readonly ok: false; readonly code: 'model_retired'; readonly title: string }
  | { readonly ok: false; readonly code: 'call_in_progress' }
  | {
      readonly ok: false;
      readonly code: 'balance_too_low';
      readonly neededNano: Nano;
      readonly availableNano: Nano;
    }
  | BudgetReached
  /** More people ask than the engine can take: nothing was generated, the hold was voided, it cost nothing. */
  | { readonly ok: false; readonly code: 'engine_busy'; readonly retryAfterMs: number }
  /** Its turn did not come in time: nothing was generated, the hold was voided, it cost nothing. */
  | { readonly ok: false; readonly code: 'answer_too_late'; readonly retryAfterMs: number }
  /** Nothing was delivered and the hold was voided: it cost nothing. */
  | { readonly ok: false; readonly code: 'generation_failed'; readonly reason: string }
  /** The books could not be reached; the reconciler will settle it, nobody pays twice. */
  | { readonly ok: false; readonly code: 'outcome_unknown'; readonly reason: string };

export interface CallDone {
  readonly ok: true;
  readonly callId: string;
  readonly receiptNumber: string;
  readonly text: string;
  readonly reason: 'stop' | 'length' | 'cancelled' | 'deadline';
  readonly priceNano: Nano;
  readonly availableNano: Nano;
  readonly modelTitle: string;
  readonly versionNumber: number;
  readonly droppedMessages: number;
  /** Budgets of which four fifths are spent with this answer; each told once a period. */
  readonly warnings: readonly BudgetWarning[];
  /** The budget that made the answer shorter than it could be. */
  readonly shortenedBy: BudgetScope | null;
}

/** What the person sees while a call runs; every method is quick and never throws. */
export interface CallView {
  /** Before anything is set aside. What is returned is waited for: where it must be seen first, until it is. */
  quoted(quote: Quote): void | Promise<void>;
  /** The place in the engine's line, 1 = next; 0 = its turn has come. Only called where there is a line. */
  queued(position: number): void;
  /** The whole answer so far. */
  text(soFar: string): void;
}

export interface AskInput {
  /** The inbound event's id: asking twice with the same id is one call. */
  readonly eventKey: string;
  readonly person: Person;
  readonly conversationKey: { readonly platform: string; readonly conversationId: string };
  readonly text: string;
  /** Overrides the conversation's chosen model for this one call (slug). */
  readonly modelSlug?: string;
  readonly signal: AbortSignal;
}

export interface Provenance {
  readonly callId: string;
  readonly receiptNumber: string;
  readonly modelSlug: string;
  readonly modelTitle: string;
  readonly versionNumber: number;
  /** 'pending' until the background job has run. */
  readonly state: 'pending' | 'attributed';
  /** Empty elsewhere than where it stands. */
  readonly answer: string;
  readonly dataPoolNano: Nano;
  readonly fallbackNano: Nano;
  readonly alpha: number;
  /** Why nothing was traced to single contributions, as the receipt says it; null where something could be. */
  readonly note: string | null;
  readonly top: readonly (Maker & { readonly share: number; readonly amountNano: Nano })[];
  readonly contributorsPaid: number;
  /** Words of the answer that stand word for word in contributions, in its order, none inside another. */
  readonly spans: readonly (Maker & EvidenceSpan)[];
  /** How many sentences of the answer can be traced one by one; 0 where nothing can. */
  readonly sentences: number;
  /** How well this version's attribution agrees with retraining, 0 = chance, 1 = always; null where it is not audited. */
  readonly agreement: AuditFigure | null;
  /** What the version was trained on, in this order: contributions (sft), corrections (dpo), votes (kto). */
  readonly learntFrom: readonly { readonly method: TrainingMethod; readonly count: number }[];
}

/** A contribution and who gave it. Its words are empty where they are not to be shown, as once it was taken back. */
export interface Maker {
  readonly contributionId: string;
  readonly pseudonym: string;
  readonly question: string;
  readonly answer: string;
  readonly takenBack: boolean;
}

/** A receipt for people: lines for a chat, and the file that `npm run verify` checks. */
export interface ReceiptView {
  readonly number: string;
  /** True where the words stand in the file: it is for this person's eyes. */
  readonly mine: boolean;
  readonly json: string;
  readonly summary: readonly string[];
}

export interface DatanetProgress {
  readonly id: string;
  readonly slug: string;
  readonly title: string;
  readonly description: string;
  readonly licence: string;
  readonly state: string;
  readonly accepted: number;
  readonly waitingReview: number;
  readonly newSinceVersion: number;
  readonly neededForNextVersion: number;
  readonly contributors: readonly {
    readonly pseudonym: string;
    readonly accepted: number;
    readonly earnedNano: Nano;
  }[];
  readonly versions: readonly {
    readonly number: number;
    readonly contributions: number;
    readonly merkleRoot: string;
    readonly modelState: string;
    readonly note: string;
  }[];
  readonly training: {
    readonly state: string;
    readonly step: number;
    readonly steps: number;
    readonly loss: number;
    readonly etaMs: number;
  } | null;
}

export interface Given {
  readonly datanetTitle: string;
  /** Waiting for review or accepted. */
  readonly contributions: number;
  readonly votes: number;
}

export interface Withdrawn {
  readonly datanets: number;
  readonly contributions: number;
}

/** Asked once: may this person's votes and corrections train? */
export interface ConsentWanted {
  readonly datanetSlug: string;
  readonly licence: string;
  readonly consentText: string;
}

export type RateResult =
  | { readonly ok: true; readonly changed: boolean; readonly consentWanted: ConsentWanted | null }
  | { readonly ok: false; readonly code: 'not_your_call' | 'not_found' };

export type CorrectResult =
  | ContributeResult
  | { readonly ok: false; readonly code: 'not_your_call' | 'not_found' | 'same_answer' };

/** News that a conversation asked for (it contributed, reviewed, or watches a datanet), or that concerns its answers. */
export interface MarketplaceNews {
  readonly key: string;
  readonly platform: string;
  readonly conversationId: string;
  readonly kind:
    | 'training_started'
    | 'training_progress'
    | 'version_published'
    | 'version_rejected'
    | 'version_audited'
    | 'training_failed'
    | 'training_cancelled'
    | 'refunded'
    | 'deposit_seen'
    | 'deposit_orphaned'
    | 'deposit_credited'
    | 'wallet_linked'
    | 'books_failed'
    | 'books_sound';
  /** What it is about, as a heading. */
  readonly datanetTitle: string;
  readonly text: string;
}

export interface Marketplace
  extends AuditVerbs,
    BooksVerbs,
    BudgetVerbs,
    ClaimVerbs,
    RefundVerbs,
    StatementVerbs,
    WalletVerbs {
  /** Finds or makes the person behind a chat identity; a new one gets the starter grant, once. */
  person(identity: Identity): Promise<Person>;
  balance(person: Person): Promise<Balance>;
  models(): Promise<readonly ModelSummary[]>;
  model(slug: string): Promise<ModelSummary | null>;
  chooseModel(input: {
    readonly person: Person;
    readonly conversationKey: AskInput['conversationKey'];
    readonly slug: string;
  }): Promise<ModelSummary | null>;
  chosenModel(conversationKey: AskInput['conversationKey'], person: Person): Promise<ModelSummary | null>;
  /** Forgets the conversation's earlier turns; the next prompt holds none of them. */
  newConversation(conversationKey: AskInput['conversationKey'], person: Person): Promise<void>;
  /** One paid, attributed answer: the story is paid-call.ts. */
  ask(input: AskInput, view: CallView): Promise<CallDone | CallRefusal>;
  /**
   * How the call of an inbound event ended, for a bot that was restarted meanwhile: the answer; why there is none (it
   * cost nothing); `call_in_progress` while undecided; null when the event started no call.
   */
  outcomeOf(eventKey: string): Promise<CallDone | CallRefusal | null>;
  /** The question of a call, for asking it again. */
  questionOf(callId: string, person: Person): Promise<string | null>;
  rate(input: {
    readonly callId: string;
    readonly person: Person;
    readonly value: 1 | -1;
  }): Promise<RateResult>;
  /** ✏️: what the answer should have been, as a contribution that others review. */
  correct(input: {
    readonly callId: string;
    readonly person: Person;
    readonly answer: string;
    readonly conversationKey: AskInput['conversationKey'];
  }): Promise<CorrectResult>;
  /**
   * @param place where somebody looks: the answer's words are shown only where it stands, and elsewhere no contribution's
   *   either, since they would tell what was asked; left out = by the program itself, without the answer's words
   */
  provenance(callId: string, place?: AskInput['conversationKey']): Promise<Provenance | null>;
  /** Who made each sentence of an answer that stands in this place, measured now. */
  sentenceMakers(
    callId: string,
    place: AskInput['conversationKey'],
  ): Promise<SentenceMakers | SentenceMakersRefusal>;
  /** The receipt with this number, whosever it is (others see hashes only); the person's latest where none is given. */
  receipt(input: { readonly person: Person; readonly number?: string }): Promise<ReceiptView | null>;
  datanets(): Promise<readonly DatanetProgress[]>;
  datanet(slug: string): Promise<DatanetProgress | null>;
  /** Records consent to the datanet's licence, said once. */
  consent(person: Person, datanetSlug: string): Promise<boolean>;
  /** What the person gave for training, a line for each datanet they agreed to. */
  given(person: Person): Promise<readonly Given[]>;
  /** Takes all of it back: no training that starts from now on uses anything of theirs. */
  withdraw(person: Person): Promise<Withdrawn>;
  contribute(input: {
    readonly person: Person;
    readonly datanetSlug: string;
    readonly question: string;
    readonly answer: string;
    readonly conversationKey: AskInput['conversationKey'];
  }): Promise<ContributeResult>;
  nextReview(person: Person): Promise<ReviewItem | null>;
  review(input: {
    readonly person: Person;
    readonly contributionId: string;
    readonly verdict: 'accept' | 'reject';
    readonly reason?: string;
    readonly conversationKey: AskInput['conversationKey'];
  }): Promise<ReviewResult>;
  /** The trainings that run or wait, in their order, and the last ones that ended; null looks without a person. */
  trainings(person: Person | null): Promise<TrainingsView>;
  /** The curve of a run's phase so far, the latest where none is named; null while there is nothing to draw. */
  trainingChart(runId: string, method?: TrainingMethod): Promise<TrainingChart | null>;
  cancelTraining(input: { readonly person: Person; readonly runId: string }): Promise<CancelResult>;
  /** Starts the background jobs (attribution, training, reconciler, delivery) and tells news to `onNews`, at least once, keyed. */
  start(onNews: (news: MarketplaceNews) => Promise<void>): Promise<void>;
  stop(): Promise<void>;
}

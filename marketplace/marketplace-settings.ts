// The numbers that shape the marketplace, as data with defaults. Read by createMarketplace and its steps; the
// composition root overrides what its own configuration names. It knows no environment variables.
import { type Nano, openNano } from '../db/ledger/amount.ts';

export interface MarketplaceSettings {
  /** Given once to a new person; spendable, not withdrawable. */
  readonly starterGrantNano: Nano;
  /** Most a single call may cost where its person has set no budget per message: the hold never exceeds it. */
  readonly callBudgetNano: Nano;
  /** The same per UTC day and per conversation; null = no limit. */
  readonly dayBudgetNano: Nano | null;
  readonly conversationBudgetNano: Nano | null;
  /** Longest answer in tokens; the budget and the context may shorten it. */
  readonly answerTokensMax: number;
  /** Below this many answer tokens a call is not worth starting. */
  readonly answerTokensMin: number;
  readonly questionCharsMax: number;
  /** Earlier messages of the conversation that may stand in the prompt (a turn is two). */
  readonly historyMessagesMax: number;
  readonly temperature: number;
  /** An engine that says nothing for so long has failed; waiting in its line does not count. */
  readonly generateSilenceMsMax: number;
  /** Longest time from question to answer, waiting in line included. */
  readonly answerMsMax: number;
  readonly contributionQuestionCharsMin: number;
  readonly contributionQuestionCharsMax: number;
  readonly contributionAnswerCharsMax: number;
  /**
   * Reviewers who must agree on a contribution; from 2 on each judges what was drawn for them. 1: the first verdict decides, on
   * whatever a reviewer names: for a marketplace among friends.
   */
  readonly reviewsToAgree: number;
  /** Contributions of one person to a datanet that may wait for review: of a newcomer, and of who has more accepted than not. */
  readonly newcomerWaitingMax: number;
  readonly contributorWaitingMax: number;
  /** Newly accepted contributions after which the next version is trained. */
  readonly trainAfterAccepted: number;
  readonly trainSeed: number;
  /** Trainings that may run at the same time on this machine. */
  readonly trainParallel: number;
  /** A training that would need more is refused (memory) or ends with what it has (minutes); no limit where undefined. */
  readonly trainMemoryMb: number | undefined;
  readonly trainMinutes: number | undefined;
  /**
   * Least accepted corrections for a DPO phase, and least votes (of them of each sign) for a KTO phase. Small datanets have
   * small gates: with few pairs a phase learns little, and the held-out comparison keeps it from doing harm. For large ones
   * practice says 300 pairs, and 200 votes with 20 of each sign (TRL, Argilla).
   */
  readonly pairsMin: number;
  readonly votesMin: number;
  readonly votesEachMin: number;
  /** Votes, and corrections, of one person and day that may train; the oldest of the day count. */
  readonly feedbackPerDayMax: number;
  /**
   * An audit of a published version: random halves of its contributors to retrain on, contributors to leave out alone,
   * questions to ask each retraining, adapters to keep for checks of single calls, and the seed that draws them.
   */
  readonly auditSubsets: number;
  readonly auditLoco: number;
  readonly auditQueries: number;
  readonly auditAdaptersKept: number;
  readonly auditSeed: number;
  /**
   * What an audit must find for its version to pay by attribution: agreement with retraining (LDS), and the part of the
   * questions in which the contribution that states the fact is named first. Below, the data part is split equally. The
   * three demo models measure 0.63 to 0.66 and 0.97 to 1; TF-IDF reaches 0.3 to 0.5 of the first.
   */
  readonly auditLdsMin: number;
  readonly auditTop1Min: number;
  /** Part of the paid calls that is drawn for a check. */
  readonly auditCallsPart: number;
  /** Who may cancel every training, as `platform:userId`. */
  readonly operators: readonly string[];
  /** How long a call may wait for a database that went away before its outcome is called unknown. */
  readonly databaseWaitMs: number;
  /** Pause between two rounds of the reconciler. */
  readonly reconcileEveryMs: number;
  /** An open hold older than this is given back even if nobody settles its call. */
  readonly holdLifeMs: number;
  /** Hour of the day (UTC, 0-23) at which the books are proved and the proof is stored. */
  readonly booksProofHourUtc: number;
  /** Pause between two looks at the chain. */
  readonly chainPollMs: number;
  /** Time from one epoch to the next: receipts and claims of that time are settled together. */
  readonly epochMs: number;
  /** What somebody must have earned for it to be put into the claims tree; a withdrawal has no least. */
  readonly payoutLeastNano: Nano;
  /** Wallets of owners who are no persons (the platform, this node): account owner to 0x-address. */
  readonly payoutWallets: Readonly<Record<string, string>>;
  /** A posting that is not mined after this time is sent again with a higher fee. */
  readonly replaceAfterMs: number;
  /** Pause between two looks at the epoch under way. */
  readonly settleEveryMs: number;
  /** Most receipts of one epoch; the rest goes into the next. */
  readonly epochReceiptsMax: number;
  /** Least time between two progress rows and two pieces of progress news of a training run. */
  readonly progressEveryMs: number;
  readonly progressNewsEveryMs: number;
}

export const DEFAULT_SETTINGS: MarketplaceSettings = {
  starterGrantNano: openNano('10'),
  callBudgetNano: openNano('0.05'),
  dayBudgetNano: null,
  conversationBudgetNano: null,
  answerTokensMax: 200,
  answerTokensMin: 8,
  questionCharsMax: 2_000,
  historyMessagesMax: 6,
  temperature: 0,
  generateSilenceMsMax: 120_000,
  answerMsMax: 300_000,
  contributionQuestionCharsMin: 8,
  contributionQuestionCharsMax: 300,
  contributionAnswerCharsMax: 600,
  reviewsToAgree: 2,
  newcomerWaitingMax: 10,
  contributorWaitingMax: 40,
  trainAfterAccepted: 20,
  trainSeed: 1,
  trainParallel: 1,
  trainMemoryMb: undefined,
  trainMinutes: undefined,
  pairsMin: 16,
  votesMin: 40,
  votesEachMin: 8,
  feedbackPerDayMax: 20,
  auditSubsets: 16,
  auditLoco: 4,
  auditQueries: 60,
  auditAdaptersKept: 8,
  auditSeed: 6,
  auditLdsMin: 0.4,
  auditTop1Min: 0.8,
  auditCallsPart: 0.01,
  operators: [],
  databaseWaitMs: 8_000,
  reconcileEveryMs: 3_000,
  holdLifeMs: 30 * 60_000,
  booksProofHourUtc: 3,
  chainPollMs: 2_000,
  epochMs: 60 * 60_000,
  payoutLeastNano: openNano('0.01'),
  payoutWallets: {},
  replaceAfterMs: 3 * 60_000,
  settleEveryMs: 5_000,
  epochReceiptsMax: 100_000,
  progressEveryMs: 1_000,
  progressNewsEveryMs: 20_000,
};

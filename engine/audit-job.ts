// What an audit of a model version is asked for and what it tells: the version is retrained without parts of its data, and
// what attribution had predicted is compared with what happened. Types only, a part of the engine's face (engine.ts);
// implemented by attribution/audit/. Groups are opaque: the caller knows whose they are. No people, no money.
import type { AdapterRef, ChatMessage, Example } from './engine.ts';

/** A contribution of the version with the group it is left out with. */
export interface AuditExample extends Example {
  readonly groupId: string;
}

/** A question with the answer whose loss is looked at, as a person would be given it. */
export interface AuditQuery {
  readonly question: string;
  readonly answer: string;
  /** Examples that state the fact asked for, where known: naming any of them is right. */
  readonly goldIds?: readonly string[];
}

export interface AuditJob {
  /** The version's adapter, its own recipe beside it. */
  readonly adapter: AdapterRef;
  readonly storeDir: string;
  readonly examples: readonly AuditExample[];
  readonly queries: readonly AuditQuery[];
  /** Random halves of the groups to retrain on. */
  readonly subsets: number;
  /** Groups to leave out alone, at most this many; 0 = none. */
  readonly loco: number;
  /** Draws the subsets; same job, same figures. */
  readonly seed: number;
  /** What is done is kept here: an audit that was stopped goes on from it. The caller removes it. */
  readonly workDir: string;
  /** The first of the subsets' adapters stay in the working folder, at most this many. Left out = none. */
  readonly adaptersKept?: number;
  /** Overrides of the version's recipe, such as fewer updates; stated in the report. */
  readonly recipe?: Readonly<Record<string, number | string | boolean | readonly string[]>>;
}

/** A figure and its 95 % bootstrap interval: over the queries, and over the retrainings where these are compared. */
export interface AuditFigure {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

export interface AuditFigures {
  /** Linear datamodeling score: Spearman of predicted and measured losses over the subsets, mean over the queries. */
  readonly lds: AuditFigure | null;
  /** Pearson of predicted and measured change over groups left out alone, mean over the queries. */
  readonly locoPearson: AuditFigure | null;
  /** Queries whose likeliest source, as paid, is one that states the fact; of those with goldIds. */
  readonly top1: AuditFigure | null;
  readonly mrr: AuditFigure | null;
  /** Part of the examples that state the fact found among as many first-named ones. */
  readonly recallAtGold: AuditFigure | null;
}

/** One retraining: what it was trained on, and its adapter where kept. */
export interface AuditSubset {
  readonly keptGroupIds: readonly string[];
  readonly adapterDir?: string;
}

export interface AuditReport {
  /** Of the method that pays. */
  readonly figures: AuditFigures;
  /** The same of every method compared, that one among them. */
  readonly methods: readonly { readonly id: string; readonly figures: AuditFigures }[];
  /** SampleShares.methodId and storeHash of what was audited. */
  readonly methodId: string;
  readonly storeHash: string;
  readonly queries: number;
  readonly goldQueries: number;
  readonly groups: number;
  readonly subsets: readonly AuditSubset[];
  /** Groups that were left out alone. */
  readonly loco: number;
  /** What the retrainings ran with. */
  readonly recipe: Readonly<Record<string, number | string>>;
  readonly seed: number;
}

export interface AuditProgress {
  /** Retrainings. */
  readonly done: number;
  readonly total: number;
}

/** One answer under several adapters: what a retraining without some data would have thought of it. */
export interface AnswerLossRequest {
  readonly messages: readonly ChatMessage[];
  readonly answer: string;
  /** Null = the base without any adapter. */
  readonly adapters: readonly (AdapterRef | null)[];
}

// The engine's face: tokens in, tokens out, adapters trained, evaluated and attributed.
// Used by marketplace/ (and wired by bots/main.ts). It knows no people, no money and no chat platform:
// contributions are opaque ids here. Implemented by serve/local-engine.ts; its serving half also by
// remote/remote-backend.ts, and offered to other machines by http/http-server.ts.
// Invariant: an iterator of `generate` ends with exactly one `done` event, or throws an EngineError.
import type { AnswerLossRequest, AuditJob, AuditProgress, AuditReport } from './audit-job.ts';

/** One turn of a conversation, in the words of the chat template. */
export interface ChatMessage {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
}

/** A LoRA adapter on disk (PEFT folder); `id` names it in the pool and in metrics. */
export interface AdapterRef {
  readonly id: string;
  readonly dir: string;
}

export interface Sampling {
  /** 0 = greedy. */
  readonly temperature: number;
  readonly topK?: number;
  readonly topP?: number;
  /** Leaves out tokens less likely than this part of the likeliest one, 0..1. */
  readonly minP?: number;
  /** Above 1: tokens of the prompt and the answer so far become less likely (arXiv 1909.05858, section 4.1). */
  readonly repetitionPenalty?: number;
  /** Added to the logits of token ids before anything else, -100..100. */
  readonly logitBias?: Readonly<Record<number, number>>;
  /** The answer ends before the first of these texts; no part of one is ever shown. */
  readonly stop?: readonly string[];
  /** Log-probabilities of the chosen token and of this many likeliest ones, 0..20. Left out = none. */
  readonly logprobs?: number;
  /** Same seed, prompt and adapter: same tokens. */
  readonly seed?: number;
}

/**
 * One generated token with its natural log-probability under the model (temperature 1, no bias). An id is -1 where a
 * remote server tells none.
 */
export interface TokenLogprob {
  readonly id: number;
  readonly text: string;
  readonly logprob: number;
  readonly top: readonly { readonly id: number; readonly text: string; readonly logprob: number }[];
}

export interface GenerateRequest {
  readonly messages: readonly ChatMessage[];
  /** A bare text, or its token ids, to continue without the chat template; `messages` is empty then. */
  readonly prompt?: string | readonly number[];
  readonly adapter?: AdapterRef;
  readonly maxTokens: number;
  readonly sampling: Sampling;
  /** Requests with the same key share one turn in the queue, so that one flood cannot starve others. Opaque. */
  readonly fairnessKey?: string;
  /** Ends after this many milliseconds, waiting included: with what was made so far, or refused if nothing was. */
  readonly deadlineMs?: number;
}

export interface Usage {
  readonly promptTokens: number;
  readonly completionTokens: number;
}

export type GenerateEvent =
  /** Waiting for a free place; 1 = next. Comes only when there is a wait, and again when the position changes. */
  | { readonly type: 'queued'; readonly position: number }
  /** The prompt is in the KV cache; `droppedMessages` oldest turns did not fit the context. */
  | { readonly type: 'start'; readonly promptTokens: number; readonly droppedMessages: number }
  /** New text (whole UTF-8 characters); `completionTokens` counts all tokens so far. */
  | {
      readonly type: 'text';
      readonly text: string;
      readonly completionTokens: number;
      /** Where asked for: the tokens that made this text. */
      readonly logprobs?: readonly TokenLogprob[];
    }
  | {
      readonly type: 'done';
      readonly reason: 'stop' | 'length' | 'cancelled' | 'deadline';
      readonly text: string;
      readonly usage: Usage;
    };

/** One training or evaluation example; `id` is the contribution's id, opaque to the engine. */
export interface Example {
  readonly id: string;
  readonly question: string;
  readonly answer: string;
  /** How much its loss counts in training, >= 0; 1 where left out. Copies of one text weigh one together. */
  readonly weight?: number;
}

/** Two answers to the same conversation, of which somebody preferred one; `id` is opaque to the engine. */
export interface PreferencePair {
  readonly id: string;
  readonly messages: readonly ChatMessage[];
  readonly chosen: string;
  readonly rejected: string;
}

/** An answer that somebody found good or bad: a thumb. */
export interface RatedAnswer {
  readonly id: string;
  readonly messages: readonly ChatMessage[];
  readonly answer: string;
  readonly good: boolean;
}

/** How an adapter learns: from answers (sft), from pairs (dpo, orpo) or from thumbs (kto). */
export type TrainMethod = 'sft' | 'dpo' | 'orpo' | 'kto';

export interface TrainJob {
  readonly outDir: string;
  /** sft where left out. It reads `examples`; dpo and orpo read `pairs`, kto reads `ratings`. */
  readonly method?: TrainMethod;
  readonly examples: readonly Example[];
  readonly pairs?: readonly PreferencePair[];
  readonly ratings?: readonly RatedAnswer[];
  /** The adapter whose training goes on; a fresh one where left out. It is also the reference of dpo and kto. */
  readonly startFrom?: AdapterRef;
  /**
   * Never trained. Of sft their loss tells when to stop early; of the other methods it may not rise by more than the
   * recipe's `answersRiseMax`, else the run ends with the weights before.
   */
  readonly heldOut?: readonly Example[];
  /** A run that would need more is refused before it starts (memory) or ends with what it has (minutes). */
  readonly limits?: { readonly memoryMb?: number; readonly minutes?: number };
  /** Fixed order and initialisation; same job, same adapter to the bit. */
  readonly seed: number;
  /** Overrides of the default recipe (engine/train/train-recipe.ts). */
  readonly recipe?: Readonly<Record<string, number | string | boolean | readonly string[]>>;
}

export interface TrainProgress {
  readonly step: number;
  readonly steps: number;
  readonly loss: number;
  /** Mean loss of the held-out examples, at steps where it was looked at. */
  readonly heldOutLoss?: number;
  readonly learningRate?: number;
  /** What the method measures beside its loss: rewards/margin, rewards/accuracy (dpo, orpo), kl (kto). */
  readonly metrics?: Readonly<Record<string, number>>;
  readonly tokensPerSecond: number;
  readonly etaMs: number;
}

export interface TrainedAdapter {
  readonly adapter: AdapterRef;
  readonly method?: TrainMethod;
  readonly recipe: Readonly<Record<string, number | string>>;
  readonly finalLoss: number;
  readonly trainedTokens: number;
  /** All updates done, held-out loss no longer falling, or the limit of minutes reached. */
  readonly endedBy?: 'steps' | 'early' | 'minutes';
  /** Of the weights that were kept, where examples were held out. */
  readonly heldOutLoss?: number;
  readonly metrics?: Readonly<Record<string, number>>;
}

/** A question with what its answer must say. */
export interface EvalItem {
  readonly question: string;
  /** The phrase that a right answer says; train/answer-match.ts. */
  readonly expected: string;
  /** A whole answer in the data's own words: what overlap and loss compare with. Left out = the expected phrase. */
  readonly answer?: string;
  /** The conversation asked, where it is more than the question alone. */
  readonly messages?: readonly ChatMessage[];
}

export interface EvalJob {
  readonly adapter?: AdapterRef;
  readonly items: readonly EvalItem[];
  /** Also the loss of each whole (or expected) answer, teacher-forced; twice the work. */
  readonly withLoss?: boolean;
}

export interface EvalReport {
  readonly total: number;
  readonly correct: number;
  readonly answers: readonly {
    readonly question: string;
    readonly expected: string;
    readonly answer: string;
    readonly correct: boolean;
    /** 0..1: F1 of the answer's words against those of the whole (or expected) answer. */
    readonly overlap?: number;
    /** Mean nats per token of the whole (or expected) answer, end of turn included, where asked for. */
    readonly loss?: number;
  }[];
}

export interface BuildStoreJob {
  readonly adapter: AdapterRef;
  /** Written into this folder: a row for each distinct example and each decoy that scores answers by one inner product. */
  readonly storeDir: string;
  readonly examples: readonly Example[];
  /**
   * Never trained, same distribution: they calibrate the noise floor. What an example states too is left out, and where
   * fewer than 10 are left others are made of the examples' words in random order.
   */
  readonly decoys: readonly Example[];
  /** The adapter as it was during its own training, oldest first; left out = the states that its own folder keeps. */
  readonly checkpoints?: readonly TrainingCheckpoint[];
  /**
   * The damping is chosen by this many retrainings on halves of the examples (3 or more, each about half as long as the
   * training); left out or 0 = the default, which was chosen on the shipped data.
   */
  readonly dampingRetrainings?: number;
}

/** An adapter on the way of its own training run. */
export interface TrainingCheckpoint {
  readonly dir: string;
  readonly step: number;
  /** Sum of the learning rates of the updates that led here since the checkpoint before: its weight in TracIn's sum. */
  readonly learningRateSum: number;
}

export interface AttributeRequest {
  readonly adapter: AdapterRef;
  readonly storeDir: string;
  readonly messages: readonly ChatMessage[];
  readonly answer: string;
}

/** A part of an answer, by UTF-16 offsets: [start, end). */
export interface TextRange {
  readonly start: number;
  readonly end: number;
}

export interface AttributePartsRequest extends AttributeRequest {
  /** Parts of the answer, apart from each other. */
  readonly ranges: readonly TextRange[];
}

/** Who made this sentence: shares as of a whole answer, over the tokens of one part of it. */
export interface PartShares extends TextRange {
  readonly text: string;
  readonly shares: SampleShares['shares'];
  readonly alpha: number;
}

export interface BuildSpanIndexJob {
  /** Written into this folder: the tokens of all examples, their suffix array and where each example begins. */
  readonly indexDir: string;
  readonly examples: readonly Example[];
}

/** Words of the answer that stand verbatim in contributions. */
export interface AnswerSpan extends TextRange {
  readonly text: string;
  /** Words and punctuation marks; engine/attribution/spans/span-words.ts. */
  readonly tokens: number;
  /** How often the span occurs in all examples. */
  readonly count: number;
  /** Natural log-probability under the examples' unigram counts: the lower, the rarer. */
  readonly logProb: number;
  /** Examples it stands in, first given first, at most `examplesMax`. */
  readonly exampleIds: readonly string[];
}

export interface FindSpansRequest {
  readonly indexDir: string;
  readonly text: string;
  /** Maximal spans, rarest first, at most this many. */
  readonly spansMax: number;
  readonly examplesMax: number;
  /** Examples whose words do not count, such as retracted ones: the index needs no rebuilding to forget them. */
  readonly hiddenIds?: readonly string[];
}

/** A passage that an agent put into the prompt. */
export interface RetrievedPassage {
  readonly id: string;
  readonly text: string;
}

export interface RetrievalRequest {
  readonly adapter?: AdapterRef;
  /** The prompt as it was; each passage's text stands in it word for word. */
  readonly messages: readonly ChatMessage[];
  readonly answer: string;
  readonly passages: readonly RetrievedPassage[];
  /**
   * Forward passes beside the one of the prompt as it was: one without any passage and one a passage. 9 where left out;
   * of more passages those are measured that share most words with the answer.
   */
  readonly passesMax?: number;
}

/**
 * What the answer used of each passage, in the order asked: shares are >= 0 and sum to `alpha`, or to 0 where no passage
 * helps enough by itself.
 */
export interface RetrievalShares {
  readonly shares: readonly {
    readonly id: string;
    readonly share: number;
    /** Mean nats per answer token that the passage alone takes off; 0 where it was not measured or not in the prompt. */
    readonly gainNats: number;
  }[];
  /** Part of the answer's surprise that the passages together take away, 0..1. */
  readonly alpha: number;
}

/** Shares of one answer. Shares are >= 0 and sum to <= 1; the rest is the fallback's. */
export interface SampleShares {
  readonly shares: readonly {
    /** The first accepted of a cluster of near duplicates, or an example on its own. */
    readonly exampleId: string;
    readonly share: number;
    readonly score: number;
    /** Later members of the cluster, in order of acceptance: whom the share passes to when the first is no more. */
    readonly copyIds?: readonly string[];
  }[];
  /** Part of the answer's likelihood that the adapter adds over the base, 0..1. */
  readonly alpha: number;
  readonly noiseFloor: number;
  /** Hash of the gradient store that was used. */
  readonly storeHash: string;
  /** What a recomputation must use: same ids and hashes, same request, same shares to the bit. "" or left out = not told. */
  readonly methodId?: string;
  /** Of base and adapter. */
  readonly modelHash?: string;
  /** Of the preconditioner: factor, damping and the examples behind it. */
  readonly curvatureHash?: string;
  /** Mean nats per answer token, the answer given word for word, without and with the adapter: alpha compares them. */
  readonly baseNll?: number;
  readonly adapterNll?: number;
  /** Of everything that is drawn at random on the way. */
  readonly seed?: number;
}

/** Where an adapter is: warm = in memory, loading = on its way, cold = on disk only. */
export type AdapterState = 'warm' | 'loading' | 'cold';

/** What answers: this machine (serve/local-engine.ts) or another one (remote/). */
export interface ServingBackend {
  /** Streams one answer. Aborting the signal ends it with `done: cancelled` and what was made so far. Throws EngineError. */
  generate(request: GenerateRequest, signal?: AbortSignal): AsyncIterable<GenerateEvent>;
  /** Tokens of the rendered prompt (chat template included), for quotes. */
  countPromptTokens(messages: readonly ChatMessage[]): Promise<number>;
  /** The longest context the base model takes, in tokens. */
  readonly contextTokens: number;
  /** Resolves when the adapter is in memory. Throws EngineError of loading it. */
  loadAdapter(ref: AdapterRef): Promise<void>;
  /** First sign of interest: starts loading, never throws. */
  prefetchAdapter(ref: AdapterRef): void;
  adapterState(ref: AdapterRef): Promise<AdapterState>;
  close(): Promise<void>;
}

export interface Engine extends ServingBackend {
  /** Trains a LoRA adapter in a low-priority child process. Aborting stops it at the next step. */
  train(
    job: TrainJob,
    onProgress: (progress: TrainProgress) => void,
    signal?: AbortSignal,
  ): Promise<TrainedAdapter>;
  evaluate(job: EvalJob, onProgress?: (done: number, total: number) => void): Promise<EvalReport>;
  /** Builds the gradient store of a model version, in a low-priority child process. Returns the store's hash. */
  buildStore(
    job: BuildStoreJob,
    onProgress?: (done: number, total: number) => void,
  ): Promise<{ readonly storeHash: string }>;
  attribute(request: AttributeRequest): Promise<SampleShares>;
  /** The same for parts of an answer, one result a range, in their order: who made this sentence. */
  attributeParts(request: AttributePartsRequest): Promise<readonly PartShares[]>;
  /**
   * Builds the span index of a version's examples, in a low-priority child process. Same examples in the same order, same
   * hash.
   */
  buildSpanIndex(job: BuildSpanIndexJob): Promise<{ readonly indexHash: string; readonly tokens: number }>;
  /** Words of a text that stand verbatim in the examples of an index: evidence, not shares. Milliseconds. */
  findSpans(request: FindSpansRequest): Promise<readonly AnswerSpan[]>;
  /** What an answer used of the passages in its prompt, by scoring it with and without them. */
  retrievalShares(request: RetrievalRequest): Promise<RetrievalShares>;
  /** Mean nats per answer token under each adapter, in their order: the answer given word for word, end of turn included. */
  answerLosses(request: AnswerLossRequest): Promise<readonly number[]>;
  /**
   * Retrains the version without parts of its data, in a low-priority child process that steps aside for answers and
   * trainings. Aborting stops it; the same job goes on from its working folder.
   */
  auditVersion(
    job: AuditJob,
    onProgress: (progress: AuditProgress) => void,
    signal?: AbortSignal,
  ): Promise<AuditReport>;
}

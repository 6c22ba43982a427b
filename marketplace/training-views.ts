// Trainings as people see them: types only. Part of the marketplace's face (marketplace.ts), filled by
// factory/read-trainings.ts, shown by the bots and the live page.

export type TrainingState =
  | 'queued'
  | 'running'
  | 'evaluating'
  | 'published'
  | 'rejected'
  | 'failed'
  | 'cancelled';

export type TrainingMethod = 'sft' | 'dpo' | 'orpo' | 'kto';

export interface TrainingPhaseView {
  readonly method: TrainingMethod;
  readonly outcome: 'trained' | 'kept' | 'dropped' | 'left_out';
  readonly reason: string;
}

export interface TrainingView {
  readonly runId: string;
  readonly datanetTitle: string;
  readonly modelTitle: string;
  readonly state: TrainingState;
  /** The place among those that wait, 1 = next; null when it does not wait. */
  readonly queuePosition: number | null;
  readonly method: TrainingMethod;
  readonly step: number;
  readonly steps: number;
  readonly loss: number;
  readonly heldOutLoss: number | null;
  readonly tokensPerSecond: number;
  readonly etaMs: number;
  /** The phases that have been decided. */
  readonly phases: readonly TrainingPhaseView[];
  readonly queuedAt: Date;
  readonly finishedAt: Date | null;
  /** How it ended, with the figures; null while it has not. */
  readonly note: string | null;
  /** Whether the person who looks may cancel it. */
  readonly mayCancel: boolean;
}

export interface TrainingsView {
  /** Running ones first, then those that wait, next one first. */
  readonly active: readonly TrainingView[];
  /** Newest first. */
  readonly recent: readonly TrainingView[];
}

/** The loss of one phase of a run, drawn; drawn when asked for. */
export interface TrainingChart {
  /** One line: what it shows and where it is. */
  readonly caption: string;
  svg(): string;
  png(): Uint8Array;
}

export type CancelResult =
  | { readonly ok: true; readonly modelTitle: string }
  | { readonly ok: false; readonly code: 'not_found' }
  /** Only the datanet's owner and the operators may. */
  | { readonly ok: false; readonly code: 'not_allowed'; readonly ownerPseudonym: string }
  | { readonly ok: false; readonly code: 'already_ended'; readonly state: TrainingState };

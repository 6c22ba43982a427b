// What a training method is to the loop: items, an update's gradient over some of them, and a held-out figure. Used by
// training-loop.ts; made by sft-method.ts, pair-method.ts, kto-method.ts and reward-method.ts. It knows no optimiser,
// no schedule and no files.
import type { Gradients } from './adamw.ts';

export interface MethodUpdate {
  /** Mean over the update, as the method counts it. */
  readonly loss: number;
  readonly gradients: Gradients;
  /** Tokens that went through the model, prompts included. */
  readonly tokens: number;
  /** In the order of `metricNames`. */
  readonly metrics: readonly number[];
  /** Ids of items whose log-probability is no number. */
  readonly broken: readonly string[];
}

export interface HeldOutResult {
  /** What early stopping compares; undefined where only other figures are held out. */
  readonly loss: number | undefined;
  readonly metrics: Readonly<Record<string, number>>;
  /** False: something that must be held has been lost; the run ends with the best weights before. */
  readonly acceptable: boolean;
}

export interface HeldOut {
  /** Of the weights before the first update. */
  readonly before: HeldOutResult;
  readonly measure: () => Promise<HeldOutResult>;
}

export interface TrainingMethod {
  /** One for each item, in the order of the data. */
  readonly ids: readonly string[];
  readonly metricNames: readonly string[];
  /** Tokens of all answers, once. */
  readonly answerTokens: number;
  /** Everything in the data that the run depends on. */
  readonly identity: string;
  readonly update: (items: readonly number[], step: number) => Promise<MethodUpdate>;
  /** Undefined where nothing is held out. */
  readonly heldOut: HeldOut | undefined;
}

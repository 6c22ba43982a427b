// What learns: some weights of a model, a way to run the model with them, and where they are saved. Used by the training
// methods and the loop; made by lora-learner.ts, full-learner.ts and reward-learner.ts. It knows no data and no loss:
// whoever runs it chooses each sequence's weight, which makes any function of log-probabilities a loss.
import type { TensorMap } from '../model/safetensors.ts';
import type { DropoutKey } from './lora-dropout.ts';
import type { PackedBatch } from './packed-batches.ts';
import type { TrainingStep } from './training-session.ts';

/** Which run of which update; left out where nothing random may happen (held-out data, the reference). */
export type RunKey = Omit<DropoutKey, 'seed'>;

/** What the loop needs, whatever the model gives. */
export interface Trainee {
  /** Changed in place by the optimiser. */
  readonly trained: TensorMap;
  /** Of the whole model, the trained ones included. */
  readonly parameters: number;
  /** Follows from everything frozen that a run depends on; part of a checkpoint's identity. */
  readonly identity: string;
  /** Writes the finished folder. */
  readonly save: (folder: string) => void;
  readonly release: () => Promise<void>;
}

/** A language model that learns. */
export interface Learner extends Trainee {
  /** [rows, seq] -log p of each next token. */
  readonly score: (batch: PackedBatch, key?: RunKey) => Promise<Float32Array>;
  /**
   * Gradient of sum(weightOf(sequence) * nll of its answer tokens) by every trained weight.
   * The same key as in `score` gives the same nll.
   */
  readonly differentiate: (
    batch: PackedBatch,
    weightOf: (index: number) => number,
    key?: RunKey,
  ) => Promise<TrainingStep>;
}

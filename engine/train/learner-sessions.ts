// The two kinds of graph a learner runs, by shape of the batch: one that only scores and one that also gives gradients.
// Used by lora-learner.ts and full-learner.ts. It knows no data, no loss and no dropout.
import type { TrainGraphOptions } from '../graph/llama-train-graph.ts';
import type { TensorMap } from '../model/safetensors.ts';
import { type SequenceBatch, weightedBatch } from './sequence-batches.ts';
import { createSessionCache } from './session-cache.ts';
import { createTrainingSession, type TrainingStep } from './training-session.ts';

interface SessionsOptions extends Pick<TrainGraphOptions, 'config' | 'lora'> {
  readonly gradients: 'full' | 'lora';
  /** All of the model's, and A and B where `lora` is given. */
  readonly weights: TensorMap;
  readonly loraScale?: number;
  readonly threads: number;
}

interface LearnerSessions {
  readonly score: (batch: SequenceBatch) => Promise<Float32Array>;
  readonly differentiate: (
    batch: SequenceBatch,
    weightOf: (index: number) => number,
  ) => Promise<TrainingStep>;
  readonly release: () => Promise<void>;
}

/** Graphs kept at once of each kind; about 60 MB of activations each for a base of 7 M parameters. */
const sessionsMax = 10;

export function learnerSessions({ gradients, ...options }: SessionsOptions): LearnerSessions {
  const cache = (kind: 'none' | 'full' | 'lora') =>
    createSessionCache(sessionsMax, (batch, seq) =>
      createTrainingSession({ ...options, batch, seq, gradients: kind }),
    );
  const scoring = cache('none');
  const learning = cache(gradients);
  return {
    score: async (batch) =>
      (await (await scoring.get(batch.rows, batch.seq)).run(weightedBatch(batch, () => 0))).nll,
    differentiate: async (batch, weightOf) =>
      (await learning.get(batch.rows, batch.seq)).run(weightedBatch(batch, weightOf)),
    release: async () => {
      await scoring.release();
      await learning.release();
    },
  };
}

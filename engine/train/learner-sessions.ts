// The two kinds of graph a learner runs, by shape of the batch: one that only scores and one that also gives gradients.
// Used by lora-learner.ts and full-learner.ts. It knows no data, no loss and no dropout.
import type { TrainGraphOptions } from '../graph/llama-train-graph.ts';
import type { TensorMap } from '../model/safetensors.ts';
import type { PackedBatch } from './packed-batches.ts';
import { createSessionCache } from './session-cache.ts';
import { createTrainingSession, type TrainDevice, type TrainingStep } from './training-session.ts';

/** How and where graphs run; figures do not depend on it beyond rounding. */
export interface ComputeOptions {
  readonly threads: number;
  readonly device: TrainDevice;
  /** One graph of all layers, or layer by layer (less memory, CPU only). */
  readonly execution: 'whole' | 'layerwise';
  /** Graphs kept at once of each kind; each holds the memory of its activations. */
  readonly sessionsMax: number;
}

interface SessionsOptions extends Pick<TrainGraphOptions, 'config' | 'lora'> {
  readonly gradients: 'full' | 'lora';
  /** All of the model's, and A and B where `lora` is given. */
  readonly weights: TensorMap;
  readonly loraScale?: number;
  readonly compute: ComputeOptions;
}

interface LearnerSessions {
  readonly score: (batch: PackedBatch) => Promise<Float32Array>;
  readonly differentiate: (batch: PackedBatch, weightOf: (index: number) => number) => Promise<TrainingStep>;
  readonly release: () => Promise<void>;
}

export function learnerSessions({ gradients, compute, ...options }: SessionsOptions): LearnerSessions {
  const { threads, device, execution, sessionsMax } = compute;
  const cache = (kind: 'none' | 'full' | 'lora') =>
    createSessionCache(sessionsMax, (batch, seq) =>
      createTrainingSession({
        ...{ ...options, threads, device, execution, batch, seq },
        ...{ gradients: kind, packed: true },
      }),
    );
  const scoring = cache('none');
  const learning = cache(gradients);
  return {
    score: async (batch) => {
      const session = await scoring.get(batch.rows, batch.seq);
      return (await session.run({ ...batch, weights: new Float32Array(batch.ids.length) })).nll;
    },
    differentiate: async (batch, weightOf) => {
      const weights = new Float32Array(batch.ids.length);
      for (const { index, start, count } of batch.members)
        weights.fill(weightOf(index), start, start + count);
      const session = await learning.get(batch.rows, batch.seq);
      return await session.run({ ...batch, weights });
    },
    release: async () => {
      await scoring.release();
      await learning.release();
    },
  };
}

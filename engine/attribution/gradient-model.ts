// Gradients of the mean answer-token loss with respect to every LoRA A and B matrix, one vector for each example.
// Used by the store builder (many examples) and by attribution (one answer at a time). It knows weights and token ids:
// no texts, no people, no scores. Single-threaded by default, because it runs beside serving.
// Invariants: a vector holds the adapter's matrices in the order of the training graph, flattened; the same example
// gives the same vector in whatever batch it comes (tested: the per-example form is exact for each row).
import type { LoraShape } from '../graph/llama-train-graph.ts';
import { loraTensorShapes } from '../graph/llama-train-graph.ts';
import type { LlamaConfig } from '../model/model-config.ts';
import type { TensorMap } from '../model/safetensors.ts';
import type { SftExample } from '../train/sft-example.ts';
import { createTrainingSession, type TokenBatch, type TrainingSession } from '../train/training-session.ts';

/** Token ids of prompt and answer; the loss counts ids[answerStart ..]. */
export type TokenisedExample = Pick<SftExample, 'ids' | 'answerStart'>;

export interface GradientModelOptions {
  readonly config: LlamaConfig;
  /** Base weights and the adapter's A and B, by their names in the training graph. */
  readonly weights: TensorMap;
  readonly lora: LoraShape;
  /** alpha / rank */
  readonly loraScale: number;
  /** Gradients are taken at this part of loraScale; see attribution-settings.ts. */
  readonly strength: number;
  readonly threads?: number;
}

export interface GradientModel {
  /** Values in one gradient: all A and B matrices. */
  readonly width: number;
  /** Calls `onGradient(index, vector [width])` once for each example, shortest first; the vector is the caller's to keep. */
  gradients(
    examples: readonly TokenisedExample[],
    onGradient: (index: number, vector: Float32Array) => void,
  ): Promise<void>;
  /** Mean nats per answer token, with the adapter as served or of the base model alone. */
  answerNll(example: TokenisedExample, model: 'adapted' | 'base'): Promise<number>;
  /** Nats of each answer token, [answer tokens]. */
  answerTokenNll(example: TokenisedExample, model: 'adapted' | 'base'): Promise<Float32Array>;
  release(): Promise<void>;
}

/** Sequences are padded to a multiple of this, so that few graphs serve all lengths. */
const lengthStep = 16;
/** Tokens of one batch at most: about 60 MB of activations for a 7 M parameter model at this size (facts §4). */
const batchTokensMax = 512;
/** Graphs kept for reuse; a graph takes about 0.1 s to make and little memory, the weights are shared. */
const sessionsMax = 6;

export function createGradientModel(options: GradientModelOptions): GradientModel {
  const { config, weights, lora, loraScale, strength, threads } = options;
  const shapes = loraTensorShapes(config, lora);
  const width = [...shapes.values()].reduce((sum, [rows, columns]) => sum + rows * columns, 0);
  const sessions = new Map<string, TrainingSession>();

  const sessionFor = async (
    gradients: 'none' | 'loraPerExample',
    batch: number,
    seq: number,
  ): Promise<TrainingSession> => {
    const key = `${gradients} ${batch} ${seq}`;
    const known = sessions.get(key);
    if (known !== undefined) {
      sessions.delete(key); // move to the end: the map's order is the order of last use
      sessions.set(key, known);
      return known;
    }
    const oldest = sessions.size >= sessionsMax ? sessions.entries().next().value : undefined;
    if (oldest !== undefined) {
      sessions.delete(oldest[0]);
      await oldest[1].release();
    }
    const made = await createTrainingSession({
      config,
      batch,
      seq,
      gradients,
      lora,
      loraScale,
      weights,
      threads,
    });
    sessions.set(key, made);
    return made;
  };

  const answerTokenNll: GradientModel['answerTokenNll'] = async (example, model) => {
    const seq = paddedLength(example);
    const session = await sessionFor('none', 1, seq);
    const { nll } = await session.run(tokenBatch([example], seq), model === 'adapted' ? loraScale : 0);
    return nll.slice(example.answerStart - 1, example.ids.length - 1); // nll[p] is that of ids[p + 1]
  };

  return {
    width,
    gradients: async (examples, onGradient) => {
      for (const { indices, seq } of batchesByLength(examples)) {
        const members = indices.map((index) => examples[index]);
        const session = await sessionFor('loraPerExample', indices.length, seq);
        const { gradients } = await session.run(tokenBatch(members, seq), loraScale * strength);
        indices.forEach((index, row) => {
          const vector = new Float32Array(width);
          let at = 0;
          for (const [name, [rows, columns]] of shapes) {
            const size = rows * columns;
            const gradient = gradients.get(name);
            if (gradient === undefined) throw new Error(`bug: the graph gives no gradient of ${name}`);
            vector.set(gradient.subarray(row * size, (row + 1) * size), at);
            at += size;
          }
          onGradient(index, vector);
        });
      }
    },
    answerTokenNll,
    answerNll: async (example, model) => {
      const nll = await answerTokenNll(example, model);
      return nll.reduce((sum, value) => sum + value, 0) / nll.length;
    },
    release: async () => {
      for (const session of sessions.values()) await session.release();
      sessions.clear();
    },
  };
}

interface LengthBatch {
  readonly indices: readonly number[];
  readonly seq: number;
}

/** Examples grouped by padded length, shortest first, in batches of at most `batchTokensMax` tokens. */
function batchesByLength(examples: readonly TokenisedExample[]): readonly LengthBatch[] {
  const byLength = new Map<number, number[]>();
  examples.forEach((example, index) => {
    const seq = paddedLength(example);
    const group = byLength.get(seq);
    if (group === undefined) byLength.set(seq, [index]);
    else group.push(index);
  });
  return [...byLength]
    .sort(([a], [b]) => a - b)
    .flatMap(([seq, group]) => {
      const size = Math.max(1, Math.floor(batchTokensMax / seq));
      return Array.from({ length: Math.ceil(group.length / size) }, (_, part) => ({
        indices: group.slice(part * size, (part + 1) * size),
        seq,
      }));
    });
}

/** A token predicts the next one: n ids make n - 1 positions. */
function paddedLength({ ids }: TokenisedExample): number {
  return Math.ceil((ids.length - 1) / lengthStep) * lengthStep;
}

function tokenBatch(examples: readonly TokenisedExample[], seq: number): TokenBatch {
  const size = examples.length * seq;
  const batch = {
    ids: new BigInt64Array(size),
    labels: new BigInt64Array(size),
    weights: new Float32Array(size),
  };
  examples.forEach(({ ids, answerStart }, row) => {
    const answerTokens = ids.length - answerStart;
    if (answerStart < 1 || answerTokens < 1)
      throw new RangeError(`an answer of ${answerTokens} tokens after a prompt of ${answerStart}`);
    for (let position = 0; position + 1 < ids.length; position++) {
      const at = row * seq + position;
      batch.ids[at] = BigInt(ids[position]);
      batch.labels[at] = BigInt(ids[position + 1]);
      if (position + 1 >= answerStart) batch.weights[at] = 1 / answerTokens;
    }
  });
  return batch;
}

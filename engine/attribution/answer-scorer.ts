// How likely each token of an answer is, under one set of weights. Used by answer-pass.ts: once for the base model, which
// all versions share, and once for each version with its adapter merged in. It knows token ids and weights; no texts.
// A run blocks its thread from start to end.
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { buildAnswerScoreGraph } from '../graph/answer-score-graph.ts';
import { weightOf } from '../model/llama-weights.ts';
import type { LlamaConfig } from '../model/model-config.ts';
import type { TensorMap } from '../model/safetensors.ts';
import { floatsOf, trainingSessionOptions } from '../train/session-tensors.ts';
import type { TokenisedExample } from './gradient-model.ts';

export interface AnswerScorer {
  /** -log p in nats of each token from `answerStart` on, [answer tokens]. */
  nll(example: TokenisedExample): Promise<Float32Array>;
  release(): Promise<void>;
}

/** @param weights with the adapter merged in, if any; copied into the session */
export async function createAnswerScorer(
  config: LlamaConfig,
  weights: TensorMap,
  threads: number,
): Promise<AnswerScorer> {
  const onnx = buildAnswerScoreGraph(config, (name) => weightOf(weights, name).data);
  const session = await InferenceSession.create(onnx, trainingSessionOptions(threads));
  return {
    nll: async ({ ids, answerStart }) => {
      const seq = ids.length - 1;
      const { rows, labels } = answerTokens(ids, answerStart);
      const results = await session.run({
        ids: new Tensor('int64', BigInt64Array.from(ids.slice(0, seq), BigInt), [1, seq]),
        last_index: new Tensor('int32', Int32Array.of(seq - 1), [1]),
        total_length: new Tensor('int32', Int32Array.of(seq), [1]),
        rows: new Tensor('int64', rows, [rows.length]),
        labels: new Tensor('int64', labels, [labels.length]),
      });
      return floatsOf(results, 'nll');
    },
    release: () => session.release(),
  };
}

/** The places that predict the answer's tokens, and those tokens. */
export function answerTokens(
  ids: readonly number[],
  answerStart: number,
): { readonly rows: BigInt64Array; readonly labels: BigInt64Array } {
  const count = ids.length - answerStart;
  if (answerStart < 1 || count < 1)
    throw new RangeError(`an answer of ${count} tokens after a prompt of ${answerStart}`);
  return {
    rows: BigInt64Array.from({ length: count }, (_, i) => BigInt(answerStart - 1 + i)),
    labels: BigInt64Array.from(ids.slice(answerStart), BigInt),
  };
}

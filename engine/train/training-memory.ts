// How much memory a fine-tuning run will take, reckoned before it starts. Used by train-run.ts to refuse what does not
// fit and to decide how many graphs stay loaded. It knows no data: only the model's shape and the longest row.
// Fitted to two measured runs: 7M parameters, LoRA, 2,048 tokens a step: 648 MB; 135M, 512 tokens: 2,227 MB. A tenth is
// added.
import { EngineError } from '../errors.ts';
import { sliceRows } from '../graph/ops-loss.ts';
import { projectionShape, projections } from '../model/llama-weights.ts';
import type { LlamaConfig } from '../model/model-config.ts';

interface MemoryJob {
  readonly config: LlamaConfig;
  /** Numbers in all weights, and in those that are trained. */
  readonly parameters: number;
  readonly trained: number;
  readonly isFull: boolean;
  readonly maxTokens: number;
}

export interface MemoryNeed {
  /** Runtime, weights, gradients, moments and the best weights. */
  readonly fixedMb: number;
  /** Of one loaded graph at the largest batch: of all layers, and of one layer at a time. */
  readonly wholeMb: number;
  readonly layerMb: number;
}

const runtimeMb = 150;
const tokensPerRun = 2048;
const margin = 1.1;
const mb = (floats: number): number => (margin * 4 * floats) / 1e6;

export function trainingMemory({ config, parameters, trained, isFull, maxTokens }: MemoryJob): MemoryNeed {
  const { dim, ffn, heads, layers, vocab } = config;
  const seq = Math.max(64, 2 ** Math.ceil(Math.log2(maxTokens)));
  const tokens = Math.max(tokensPerRun, seq);
  const linear = projections.reduce((sum, projection) => {
    const [out, into] = projectionShape(config, projection);
    return sum + layers * out * into;
  }, 0);
  // A graph with an adapter holds the merged matrices; one of a full fine-tune holds the gradients.
  const held = isFull ? parameters : linear;
  const ofLayer = tokens * (10 * dim + 5 * ffn + heads * seq);
  return {
    // The weight, two gradients while they are added up, two moments, the best weights.
    fixedMb: runtimeMb + mb(parameters + 6 * trained),
    wholeMb: mb(layers * ofLayer + 1.5 * tokens * vocab + held),
    layerMb: mb(
      layers * tokens * dim + ofLayer + Math.min(tokens, sliceRows(vocab)) * 3 * vocab + held / layers,
    ),
  };
}

export interface ComputePlan {
  readonly execution: 'whole' | 'layerwise';
  /** Graphs of each kind (scoring, learning) that may stay loaded. */
  readonly sessionsMax: number;
}

/** Graphs loaded at once at least: one that scores and one that learns. */
const graphsLeast = 2;
const graphsMost = 12;
/** Taken where nothing is said and more than the least graphs fit in it. */
const usualMb = 3000;
/** Parameters above which a step of the whole graph takes more memory than the recomputation is worth. */
export const wholeParametersMax = 30e6;

/**
 * Layer by layer where the model is large or the whole graph does not fit.
 *
 * @param layerwise whether the device can run layer by layer
 * @throws EngineError `training_too_large` with the megabytes that are needed and allowed
 */
export function planCompute(
  { fixedMb, wholeMb, layerMb }: MemoryNeed,
  parameters: number,
  { memoryMb, layerwise }: { readonly memoryMb?: number; readonly layerwise: boolean },
): ComputePlan {
  const least = (graphMb: number): number => Math.ceil(fixedMb + graphsLeast * graphMb);
  const allowed = memoryMb ?? Number.POSITIVE_INFINITY;
  const isLayerwise = layerwise && (parameters > wholeParametersMax || least(wholeMb) > allowed);
  const graphMb = isLayerwise ? layerMb : wholeMb;
  if (least(graphMb) > allowed)
    throw new EngineError(
      `training needs about ${least(graphMb)} MB, ${allowed} MB are allowed: shorter examples (maxTokens), a smaller base or a higher limit would do`,
      { code: 'training_too_large', retry: 'never' },
    );
  const room = (memoryMb ?? Math.max(usualMb, least(graphMb))) - fixedMb;
  const graphs = Math.min(graphsMost, Math.max(graphsLeast, Math.floor(room / graphMb)));
  return { execution: isLayerwise ? 'layerwise' : 'whole', sessionsMax: graphs >> 1 };
}

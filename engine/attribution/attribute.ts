// Who made this answer: shares of one answer over the examples of the version that gave it. Used by the attribution
// worker and the evaluation. It knows texts and opaque ids; no people, no money.
//
// One call: the answer's loss with and without the adapter (alpha), the answer's gradient, its
// damped-Fisher influence scores against every stored example and decoy, and shares of what rises above the decoys.
// Invariants: shares are >= 0 and sum to alpha or to 0, so what is missing to 1 is what the adapter's data did not do;
// a store is only used with exactly the base and adapter it was made from.
import type { AdapterRef, AttributeRequest, SampleShares } from '../engine.ts';
import { EngineError } from '../errors.ts';
import { type AdaptedModel, type BaseModel, loadAdaptedModel, loadBaseModel } from './adapted-model.ts';
import { createGradientModel, type GradientModel, type TokenisedExample } from './gradient-model.ts';
import { type GradientStore, openGradientStore, storeHashOf } from './gradient-store.ts';
import { type InfluenceIndex, type InfluenceScores, influenceIndex } from './influence.ts';
import { adapterPart, noiseFloor, sharesOf } from './shares.ts';

interface AttributorOptions {
  readonly modelDir: string;
  readonly threads: number;
  /** Memory for loaded stores; the one in use always stays. */
  readonly storeBytesMax: number;
}

export interface Attributor {
  attribute(request: AttributeRequest): Promise<SampleShares>;
  /** What attribute() decides on, with the scores of everything in the store; undefined for an empty answer. */
  explain(request: AttributeRequest): Promise<Explanation | undefined>;
  release(): Promise<void>;
}

export interface Explanation {
  readonly store: GradientStore;
  readonly scores: InfluenceScores;
  readonly alpha: number;
}

interface LoadedVersion {
  readonly model: AdaptedModel;
  readonly gradients: GradientModel;
  readonly store: GradientStore;
  readonly index: InfluenceIndex;
}

/** Loads the base model. @throws EngineError of loading it */
export function createAttributor(options: AttributorOptions): Attributor {
  const base = loadBaseModel(options.modelDir);
  const loaded = new Map<string, LoadedVersion>(); // by store folder and hash, least recently used first

  const version = async (adapter: AdapterRef, storeDir: string): Promise<LoadedVersion> => {
    const key = JSON.stringify([adapter.dir, storeDir, storeHashOf(storeDir)]);
    const known = loaded.get(key);
    const found = known ?? loadVersion(base, adapter, storeDir, options.threads);
    loaded.delete(key);
    loaded.set(key, found);
    if (known === undefined) await dropSurplus(loaded, options.storeBytesMax);
    return found;
  };

  const explain: Attributor['explain'] = async ({ adapter, storeDir, messages, answer }) => {
    const { model, gradients, store, index } = await version(adapter, storeDir);
    const example = model.base.tokenise(messages, answer);
    if (example === undefined) return undefined;
    const alpha = await explainedPart(gradients, example);
    return { store, alpha, scores: index.scores(await gradientOf(gradients, example)) };
  };

  return {
    explain,
    attribute: async (request) => {
      const explanation = await explain(request);
      if (explanation === undefined)
        return { shares: [], alpha: 0, noiseFloor: 0, storeHash: storeHashOf(request.storeDir) };
      const { store, scores, alpha } = explanation;
      const floor = noiseFloor(scores.decoys, store.meta.floorQuantile);
      const shares = sharesOf(scores.trained, floor, alpha);
      const paid = store.meta.examples
        .map(({ id }, i) => ({ exampleId: id, share: shares[i], score: scores.trained[i] }))
        .filter(({ share }) => share > 0)
        .sort((a, b) => b.share - a.share);
      return { shares: paid, alpha, noiseFloor: floor, storeHash: store.storeHash };
    },
    release: async () => {
      for (const { gradients } of loaded.values()) await gradients.release();
      loaded.clear();
    },
  };
}

function loadVersion(base: BaseModel, adapter: AdapterRef, storeDir: string, threads: number): LoadedVersion {
  const store = openGradientStore(storeDir);
  const model = loadAdaptedModel(base, adapter);
  for (const part of ['base', 'adapter'] as const) {
    const actual = part === 'base' ? base.sha256 : model.sha256;
    if (store.meta[part] !== actual)
      throw new EngineError(`${storeDir} was made from ${part} ${store.meta[part]}, this one is ${actual}`, {
        code: 'store_mismatch',
        retry: 'never',
      });
  }
  const gradients = createGradientModel({ ...model.gradientModel, strength: store.meta.strength, threads });
  return { model, gradients, store, index: influenceIndex(store) };
}

async function dropSurplus(loaded: Map<string, LoadedVersion>, bytesMax: number): Promise<void> {
  const bytes = (): number => {
    let sum = 0;
    for (const { store } of loaded.values())
      sum += store.rows.values.byteLength + store.gram.values.byteLength;
    return sum;
  };
  while (loaded.size > 1 && bytes() > bytesMax) {
    const [[key, oldest]] = loaded;
    loaded.delete(key);
    await oldest.gradients.release();
  }
}

async function explainedPart(model: GradientModel, example: TokenisedExample): Promise<number> {
  return adapterPart(await model.answerNll(example, 'base'), await model.answerNll(example, 'adapted'));
}

/** The gradient of one example's mean answer-token loss. */
async function gradientOf(model: GradientModel, example: TokenisedExample): Promise<Float32Array> {
  let gradient: Float32Array = new Float32Array(0);
  await model.gradients([example], (_, vector) => {
    gradient = vector;
  });
  return gradient;
}

// Who made this answer: shares of one answer over the examples of the version that gave it. Used by the attribution
// worker and the evaluation. It knows texts and opaque ids; no people, no money.
//
// One call: the answer's loss with and without the adapter (alpha), the answer's gradient, its damped-Fisher influence
// scores against every stored example and decoy (one inner product each), and shares of what rises above the decoys.
// Invariants: shares are >= 0 and sum to alpha or to 0, so what is missing to 1 is what the adapter's data did not do;
// a store is only used with exactly the base and adapter it was made from.
import type { AdapterRef, AttributeRequest, SampleShares } from '../engine.ts';
import { EngineError } from '../errors.ts';
import { type AdaptedModel, type BaseModel, loadAdaptedModel, loadBaseModel } from './adapted-model.ts';
import { hashBytes } from './content-hash.ts';
import { createGradientModel, type GradientModel, type TokenisedExample } from './gradient-model.ts';
import { type GradientStore, openGradientStore, storeHashOf } from './gradient-store.ts';
import { type InfluenceScores, influenceScores } from './influence.ts';
import { adapterPart, noiseFloor, sharesOf } from './shares.ts';

interface AttributorOptions {
  readonly modelDir: string;
  readonly threads: number;
  /** Memory for loaded stores; the one in use always stays. */
  readonly storeBytesMax: number;
}

export interface Attributor {
  /** Shares with all that a recomputation needs; an empty answer has none, and an alpha of 0. */
  attribute(request: AttributeRequest): Promise<Required<SampleShares>>;
  /** What attribute() decides on, with the scores of everything in the store; undefined for an empty answer. */
  explain(request: AttributeRequest): Promise<Explanation | undefined>;
  release(): Promise<void>;
}

export interface Explanation {
  readonly store: GradientStore;
  readonly scores: InfluenceScores;
  readonly alpha: number;
  /** Mean nats per answer token. */
  readonly baseNll: number;
  readonly adapterNll: number;
}

interface LoadedVersion {
  readonly model: AdaptedModel;
  readonly gradients: GradientModel;
  readonly store: GradientStore;
}

/** What a receipt tells of the method, so that anyone can recompute it. */
function factsOf({ storeHash, meta }: GradientStore) {
  const { methodId, base, adapter, curvature: curvatureHash, seed } = meta;
  return { storeHash, methodId, modelHash: hashBytes(`${base} ${adapter}`), curvatureHash, seed };
}

/** Ids of the later members of an example's cluster, where it has some. */
function copiesOf({ meta }: GradientStore, id: string): { readonly copyIds?: readonly string[] } {
  const copyIds = meta.copies.filter(({ of }) => of === id).map((copy) => copy.id);
  return copyIds.length > 0 ? { copyIds } : {};
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
    const { model, gradients, store } = await version(adapter, storeDir);
    const example = model.base.tokenise(messages, answer);
    if (example === undefined) return undefined;
    const baseNll = await gradients.answerNll(example, 'base');
    const adapterNll = await gradients.answerNll(example, 'adapted');
    const gradient = await gradientOf(gradients, example);
    const scores = influenceScores(store.rows, store.meta.examples.length, gradient);
    return { store, scores, alpha: adapterPart(baseNll, adapterNll), baseNll, adapterNll };
  };

  return {
    explain,
    attribute: async (request) => {
      const explanation = await explain(request);
      const { store } = explanation ?? (await version(request.adapter, request.storeDir));
      const facts = factsOf(store);
      if (explanation === undefined)
        return { shares: [], alpha: 0, noiseFloor: 0, baseNll: 0, adapterNll: 0, ...facts };
      const { scores, alpha, baseNll, adapterNll } = explanation;
      const floor = noiseFloor(scores.decoys, store.meta.floorQuantile);
      const shares = sharesOf(scores.trained, floor, alpha);
      const paid = store.meta.examples
        .map(({ id }, i) => ({ exampleId: id, share: shares[i], score: scores.trained[i] }))
        .filter(({ share }) => share > 0)
        .map((share) => ({ ...share, ...copiesOf(store, share.exampleId) }))
        .sort((a, b) => b.share - a.share);
      return { shares: paid, alpha, noiseFloor: floor, baseNll, adapterNll, ...facts };
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
  return { model, gradients, store };
}

async function dropSurplus(loaded: Map<string, LoadedVersion>, bytesMax: number): Promise<void> {
  const bytes = (): number => {
    let sum = 0;
    for (const { store } of loaded.values()) sum += store.rows.values.byteLength;
    return sum;
  };
  while (loaded.size > 1 && bytes() > bytesMax) {
    const [[key, oldest]] = loaded;
    loaded.delete(key);
    await oldest.gradients.release();
  }
}

/** The gradient of one example's mean answer-token loss. */
async function gradientOf(model: GradientModel, example: TokenisedExample): Promise<Float32Array> {
  let gradient: Float32Array = new Float32Array(0);
  await model.gradients([example], (_, vector) => {
    gradient = vector;
  });
  return gradient;
}

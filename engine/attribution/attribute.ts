// Who made this answer: shares of one answer over the examples of the version that gave it. Used by the attribution
// worker and the evaluation. It knows texts and opaque ids; no people, no money.
//
// One call: the answer's loss with and without the adapter (alpha), the answer's gradient (answer-pass.ts), its
// damped-Fisher influence scores against the stored examples and decoys (one inner product each, scan/row-scan.ts), and
// shares of what rises above the decoys. A part of an answer is an answer after a longer prompt.
// Invariants: shares are >= 0 and sum to alpha or to 0, so what is missing to 1 is what the adapter's data did not do;
// the same request gives the same result to the bit, whatever was asked before.
import type { AttributePartsRequest, AttributeRequest, PartShares, SampleShares } from '../engine.ts';
import { tokensOfRange } from './answer-parts.ts';
import type { AnswerLosses } from './answer-pass.ts';
import { clusterScores } from './cluster-scores.ts';
import { hashBytes } from './content-hash.ts';
import type { TokenisedExample } from './gradient-model.ts';
import type { InfluenceScores } from './influence.ts';
import { createLoadedVersions, type LoadedVersion, type LoadedVersionsOptions } from './loaded-versions.ts';
import type { ShortlistScores } from './scan/row-scan.ts';
import { adapterPart, sharesOf } from './shares.ts';

export interface Attributor {
  /** Shares with all that a recomputation needs; an empty answer has none, and an alpha of 0. */
  attribute(request: AttributeRequest): Promise<Required<SampleShares>>;
  /**
   * The same for answers of one version that wait together: it is loaded once and their scores are made in one pass over its
   * rows. Each has its own result, the same to the bit as alone; one that fails leaves the others alone.
   * @param requests all of the same adapter and store
   */
  attributeAll(
    requests: readonly AttributeRequest[],
  ): Promise<readonly PromiseSettledResult<Required<SampleShares>>[]>;
  /**
   * The same for parts of the answer, one result a range in their order. A range without a token has no shares.
   * @throws RangeError for a range that is not in the answer
   */
  attributeParts(request: AttributePartsRequest): Promise<readonly PartShares[]>;
  /** What attribute() decides on, with the scores of everything in the store in full; undefined for an empty answer. */
  explain(request: AttributeRequest): Promise<Explanation | undefined>;
  release(): Promise<void>;
}

export interface Explanation {
  readonly store: LoadedVersion['store'];
  readonly scores: InfluenceScores;
  readonly alpha: number;
  /** Mean nats per answer token. */
  readonly baseNll: number;
  readonly adapterNll: number;
}

/** What a receipt tells of the method, so that anyone can recompute it. */
function factsOf({ storeHash, meta }: LoadedVersion['store']) {
  const { methodId, base, adapter, curvature: curvatureHash, seed } = meta;
  return { storeHash, methodId, modelHash: hashBytes(`${base} ${adapter}`), curvatureHash, seed };
}

/** Ids of the later members of an example's cluster, where it has some. */
function copiesOf({ meta }: LoadedVersion['store'], id: string): { readonly copyIds?: readonly string[] } {
  const copyIds = meta.copies.filter(({ of }) => of === id).map((copy) => copy.id);
  return copyIds.length > 0 ? { copyIds } : {};
}

/** Loads the base model. @throws EngineError of loading it */
export function createAttributor(options: LoadedVersionsOptions): Attributor {
  const versions = createLoadedVersions(options);
  const { tokenise } = versions.base;
  const attributeAll: Attributor['attributeAll'] = async (requests) => {
    if (requests.length === 0) return [];
    const [{ adapter, storeDir }] = requests;
    const version = await settled(versions.version(adapter, storeDir));
    if (version.status === 'rejected') return requests.map(() => version);
    const { store, pass, scan } = version.value;
    const facts = factsOf(store);
    const measured: PromiseSettledResult<MeasuredAnswer | undefined>[] = [];
    for (const { messages, answer } of requests)
      measured.push(await settled(measureAnswer(pass, () => tokenise(messages, answer))));
    const gradients = measured.flatMap((each) =>
      each.status === 'fulfilled' && each.value ? [each.value.gradient] : [],
    );
    const rows = scan.shortlists(gradients, store.meta.floorQuantile).values();
    return measured.map((each) => {
      if (each.status === 'rejected') return each;
      const value =
        each.value === undefined
          ? { shares: [], alpha: 0, noiseFloor: 0, baseNll: 0, adapterNll: 0 }
          : sharesOfRows(store, each.value.losses, rows.next().value);
      return { status: 'fulfilled', value: { ...value, ...facts } };
    });
  };
  return {
    attribute: async (request) => {
      const [result] = await attributeAll([request]);
      if (result.status === 'rejected') throw result.reason;
      return result.value;
    },
    attributeAll,
    attributeParts: async ({ adapter, storeDir, messages, answer, ranges }) => {
      const version = await versions.version(adapter, storeDir);
      const example = tokenise(messages, answer);
      const losses = example && (await version.pass.losses(example));
      const parts: PartShares[] = [];
      for (const range of ranges) {
        const text = answer.slice(range.start, range.end);
        const tokens = example && tokensOfRange(tokenise, { messages, answer, example }, range);
        if (!example || !losses || !tokens) {
          parts.push({ ...range, text, shares: [], alpha: 0 });
          continue;
        }
        const part = { ids: example.ids.slice(0, tokens.end), answerStart: tokens.start };
        const from = tokens.start - example.answerStart;
        const to = tokens.end - example.answerStart;
        const { shares, alpha } = await sharesOfPart(version, part, {
          base: losses.base.subarray(from, to),
          adapted: losses.adapted.subarray(from, to),
        });
        parts.push({ ...range, text, shares, alpha });
      }
      return parts;
    },
    explain: async ({ adapter, storeDir, messages, answer }) => {
      const { store, pass, scan } = await versions.version(adapter, storeDir);
      const example = tokenise(messages, answer);
      if (example === undefined) return undefined;
      const { base, adapted } = await pass.losses(example);
      const rows = scan.exact(await pass.gradient(example));
      const scores = { ...rows, trained: clusterScores(store.meta, rows.trained) };
      const [baseNll, adapterNll] = [mean(base), mean(adapted)];
      return { store, scores, alpha: adapterPart(baseNll, adapterNll), baseNll, adapterNll };
    },
    release: () => versions.release(),
  };
}

interface MeasuredAnswer {
  readonly losses: AnswerLosses;
  readonly gradient: Float32Array;
}

/** Undefined for an empty answer. */
async function measureAnswer(
  pass: LoadedVersion['pass'],
  tokenised: () => TokenisedExample | undefined,
): Promise<MeasuredAnswer | undefined> {
  const example = tokenised();
  if (example === undefined) return undefined;
  return { losses: await pass.losses(example), gradient: await pass.gradient(example) };
}

async function settled<T>(promise: Promise<T>): Promise<PromiseSettledResult<T>> {
  const [result] = await Promise.allSettled([promise]);
  return result;
}

type AnswerShares = Pick<
  Required<SampleShares>,
  'shares' | 'alpha' | 'noiseFloor' | 'baseNll' | 'adapterNll'
>;

/** @param losses of the part's tokens */
async function sharesOfPart(
  { store, pass, scan }: LoadedVersion,
  example: TokenisedExample,
  losses: AnswerLosses,
): Promise<AnswerShares> {
  const rows = scan.shortlist(await pass.gradient(example), store.meta.floorQuantile);
  return sharesOfRows(store, losses, rows);
}

function sharesOfRows(
  store: LoadedVersion['store'],
  losses: AnswerLosses,
  rows: ShortlistScores | undefined,
): AnswerShares {
  if (rows === undefined) throw new Error('bug: an answer without scores');
  const baseNll = mean(losses.base);
  const adapterNll = mean(losses.adapted);
  const alpha = adapterPart(baseNll, adapterNll);
  const { noiseFloor } = rows;
  const trained = clusterScores(store.meta, rows.trained);
  const parts = sharesOf(trained, noiseFloor, alpha);
  const shares = store.meta.examples
    .map(({ id }, i) => ({ exampleId: id, share: parts[i], score: trained[i] }))
    .filter(({ share }) => share > 0)
    .map((share) => ({ ...share, ...copiesOf(store, share.exampleId) }))
    .sort((a, b) => b.share - a.share);
  return { shares, alpha, noiseFloor, baseNll, adapterNll };
}

function mean(values: Float32Array): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum / values.length;
}

// Builds the gradient store of a model version: gradients of each distinct example and each decoy at the version's points,
// their inner products, and the rows that score answers. Used by build-store-main.ts (a child process) and the evaluation.
// It knows texts and opaque ids; where rows lie while it builds is row-storage.ts, in which form store-form.ts.
// In memory at any time, beside the model and what the storage holds: one matrix of rows² doubles (0.84 GB at the exact
// form's end), twice that while a damping is chosen in memory, and two blocks of columns as floats (32 kB a row each).
// Invariants: the same base, adapter, checkpoints, examples, decoys and settings give the same store, byte for byte; memory
// and disk give the same rows, byte for byte.
import { createHash } from 'node:crypto';
import { resolve } from 'node:path';
import type { BuildStoreJob, Example } from '../engine.ts';
import { EngineError } from '../errors.ts';
import { readRunCheckpoints } from '../train/run-checkpoints.ts';
import { type AdaptedModel, type BaseModel, loadAdaptedModel, loadBaseModel } from './adapted-model.ts';
import { createGradientPass } from './answer-pass.ts';
import { type AttributionSettings, defaultSettings, methodId } from './attribution-settings.ts';
import { buildLargeStore } from './build-large-store.ts';
import { chooseDamping, spreadIndices } from './choose-damping.ts';
import { bytesOf, hashBytes, inPieces } from './content-hash.ts';
import { type Clusters, clusterDuplicates } from './duplicate-clusters.ts';
import { gramCosine, joinByCosine } from './gradient-clusters.ts';
import type { TokenisedExample } from './gradient-model.ts';
import { type GradientPoint, gradientPoints } from './gradient-points.ts';
import type { StoreMeta } from './gradient-store.ts';
import { gramMatrix } from './gram-matrix.ts';
import { dividedGram, influenceRows, type PointRows } from './influence-rows.ts';
import { diskStorage, memoryStorage, type RowStorage } from './row-storage.ts';
import { storeDecoys } from './store-decoys.ts';
import { pointsMax, type StoreForm, storeForm } from './store-form.ts';

export interface StoreBuild extends BuildStoreJob {
  /** Folder of the base model. */
  readonly modelDir: string;
  readonly settings?: Partial<AttributionSettings>;
  /** Every copy has a row of its own: only to measure what copies would earn without the rule that they share one. */
  readonly apart?: boolean;
  /** The form that the store is made in; left out: by its size. For tests. */
  readonly form?: StoreForm;
  readonly threads?: number;
}

/** Draws the halves that the damping is chosen by. */
const drawSeed = 6;
/** Of a version built on disk the damping is chosen with so many of its examples: each retraining takes their time. */
const dampingExamplesOnDisk = 2048;

/**
 * @param onProgress gradients taken so far, of all examples and decoys at all points
 * @returns the store's hash
 * @throws EngineError `store_empty` | `answer_empty` | `store_unwritable` | `checkpoints_malformed` | of loading model and
 *   adapter
 */
export async function buildGradientStore(
  build: StoreBuild,
  onProgress: (done: number, total: number) => void = () => undefined,
): Promise<string> {
  const settings = { ...defaultSettings, ...build.settings };
  let clusters = build.apart === true ? eachItsOwn(build.examples) : clusterDuplicates(build.examples);
  if (clusters.representatives.length === 0)
    throw new EngineError('no examples to attribute to', { code: 'store_empty', retry: 'never' });
  const decoys = storeDecoys(build.examples, build.decoys);
  const base = loadBaseModel(build.modelDir);
  const rowExamples = build.examples.filter(({ id }) => hasRow(clusters, id));
  const all = [...rowExamples, ...decoys];
  const tokenised = all.map((example) => tokensOf(base, example));
  const adapted = loadAdaptedModel(base, build.adapter);
  const storeDir = resolve(build.storeDir);
  const width = widthOf(adapted);
  const form = build.form ?? storeForm(all.length, width);
  if (form === 'landmarks')
    return await buildLargeStore(
      {
        ...{ storeDir, adapted, settings, tokenised, threads: build.threads ?? 1 },
        meta: {
          ...{ base: base.sha256, adapter: adapted.sha256, seed: drawSeed },
          examples: rowExamples.map(identity),
          decoys: decoys.map(identity),
        },
        copies: (cosine) => copiesOf(joinByRows(clusters, rowExamples, cosine, build), build.examples),
      },
      onProgress,
    );
  const checkpoints = build.checkpoints ?? readRunCheckpoints(build.adapter.dir);
  const points = gradientPoints(build.adapter, checkpoints, settings, pointsMax(form, all.length, width));
  const storage = (form === 'disk' ? diskStorage : memoryStorage)(storeDir, all.length, width);
  const trained = rowExamples.length;
  try {
    const products = new Float64Array(all.length ** 2); // of one point after the other
    const pointRows: PointRows[] = [];
    const used: StoreMeta['points'] = [];
    const curvature = createHash('sha256');
    let chosen: DampingChoice | undefined;
    for (const point of points) {
      const { step, strength, weight } = point;
      const model = step === undefined ? adapted : loadAdaptedModel(base, point.adapter);
      const before = pointRows.length * all.length;
      const rows = await gradientsAt(model, point, tokenised, storage, build.threads, (done) =>
        onProgress(before + done, points.length * all.length),
      );
      const values = await gramMatrix(rows, undefined, products);
      const gram = { trained, decoys: decoys.length, values };
      const powers = Float64Array.from(all, (_, i) => products[i * all.length + i]);
      const taken = { rows, trained, powers, weight };
      if (chosen === undefined) {
        clusters = joinByRows(clusters, rowExamples, gramCosine(gram), build);
        chosen = await dampingOf(build, settings, rowExamples, taken, form);
        curvature.update(`damping ${chosen.damping} ${settings.coordinateDamping}\n`);
      }
      for (const piece of inPieces(bytesOf(products))) curvature.update(piece);
      pointRows.push(taken);
      used.push({ adapter: model.sha256, strength, weight, ...(step === undefined ? {} : { step }) });
    }
    const { damping, tried } = chosen ?? { damping: settings.damping, tried: [] };
    const { coordinateDamping } = settings;
    await influenceRows(pointRows, { damping, coordinateDamping }, storage, products);
    return storage.place({
      ...{ methodId, base: base.sha256, adapter: adapted.sha256, width },
      points: used,
      strength: settings.strength,
      examples: rowExamples.map(identity),
      copies: copiesOf(clusters, build.examples),
      decoys: decoys.map(identity),
      ...{ damping, dampingTried: [...tried], coordinateDamping },
      floorQuantile: settings.floorQuantile,
      curvature: curvature.digest('hex'),
      seed: drawSeed,
    });
  } catch (cause) {
    throw storage.abandon(cause);
  }
}

type DampingChoice = Awaited<ReturnType<typeof chooseDamping>>;

async function dampingOf(
  { modelDir, adapter, dampingRetrainings = 0, threads }: StoreBuild,
  { damping, coordinateDamping }: AttributionSettings,
  examples: readonly Example[],
  point: PointRows,
  form: StoreForm,
): Promise<DampingChoice> {
  if (dampingRetrainings === 0 || examples.length < 2) return { damping, tried: [] };
  const isSample = form === 'disk' && examples.length > dampingExamplesOnDisk;
  const kept = isSample ? spreadIndices(examples.length, dampingExamplesOnDisk) : undefined;
  const gram = await dividedGram(point, coordinateDamping, kept); // what the damping will be used on
  const asked = kept?.map((at) => examples[at]) ?? examples;
  const job = { modelDir, adapterDir: adapter.dir, examples: asked, gram, threads, fallback: damping };
  return await chooseDamping({ ...job, retrainings: dampingRetrainings, seed: drawSeed });
}

/** In order of acceptance, as the examples are. */
function copiesOf({ members }: Clusters, examples: readonly Example[]): StoreMeta['copies'] {
  return examples.flatMap(({ id }) => {
    const member = members.get(id);
    return member === undefined ? [] : [{ id, ...member }];
  });
}

/** A copy of the words shares its first's row; another wording has one of its own (cluster-scores.ts). */
function hasRow({ members }: Clusters, id: string): boolean {
  const rule = members.get(id)?.rule;
  return rule === undefined || rule === 'words';
}

/** @param cosine of two rows */
function joinByRows(
  clusters: Clusters,
  rows: readonly Example[],
  cosine: (i: number, j: number) => number,
  { apart = false }: Pick<StoreBuild, 'apart'>,
): Clusters {
  if (apart) return clusters;
  const place = new Map(rows.map(({ id }, row) => [id, row]));
  const row = clusters.representatives.map(({ id }) => place.get(id) ?? -1);
  return joinByCosine(clusters, (i, j) => cosine(row[i], row[j]));
}

function eachItsOwn(representatives: readonly Example[]): Clusters {
  return { representatives, members: new Map() };
}

function tokensOf(base: BaseModel, { id, question, answer }: Example): TokenisedExample {
  const ids = base.tokenise([{ role: 'user', content: question }], answer);
  if (ids === undefined)
    throw new EngineError(`example ${id} has an empty answer`, { code: 'answer_empty', retry: 'never' });
  return ids;
}

async function gradientsAt(
  adapted: AdaptedModel,
  { strength }: GradientPoint,
  examples: readonly TokenisedExample[],
  storage: RowStorage,
  threads = 1,
  onDone: (done: number) => void = () => undefined,
): Promise<PointRows['rows']> {
  const pass = await createGradientPass({ adapted, strength, threads });
  try {
    const { rows, set } = storage.gradients();
    for (const [index, example] of examples.entries()) {
      set(index, await pass.gradient(example));
      onDone(index + 1);
    }
    return rows;
  } finally {
    await pass.release();
  }
}

function widthOf({ gradientModel: { lora, weights } }: AdaptedModel): number {
  let width = 0;
  for (const [name, { data }] of weights) if (/\.lora_[AB]\.weight$/.test(name)) width += data.length;
  if (width === 0) throw new Error(`bug: an adapter of rank ${lora.rank} without values`);
  return width;
}

function identity({ id, question, answer }: Example): { readonly id: string; readonly sha256: string } {
  return { id, sha256: hashBytes(JSON.stringify([question, answer])) };
}

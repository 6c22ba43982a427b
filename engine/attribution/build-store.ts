// Builds the gradient store of a model version: gradients of each distinct example and each decoy at the version's points,
// their inner products, and the rows that score answers. Used by build-store-main.ts (a child process) and the evaluation.
// It knows texts and opaque ids.
// Invariant: the same base, adapter, checkpoints, examples, decoys and settings give the same store, byte for byte.
import { resolve } from 'node:path';
import type { BuildStoreJob, Example } from '../engine.ts';
import { EngineError } from '../errors.ts';
import { readRunCheckpoints } from '../train/run-checkpoints.ts';
import { type AdaptedModel, type BaseModel, loadAdaptedModel, loadBaseModel } from './adapted-model.ts';
import { createGradientPass } from './answer-pass.ts';
import { type AttributionSettings, defaultSettings, methodId } from './attribution-settings.ts';
import { buildLargeStore } from './build-large-store.ts';
import { chooseDamping } from './choose-damping.ts';
import { hashBytes } from './content-hash.ts';
import type { GramMatrix } from './dual-fisher.ts';
import { type Clusters, clusterDuplicates } from './duplicate-clusters.ts';
import { emptyRows, quantiseRow } from './feature-rows.ts';
import { joinByCosine, joinByGradient, keptGram } from './gradient-clusters.ts';
import type { TokenisedExample } from './gradient-model.ts';
import { type GradientPoint, gradientPoints } from './gradient-points.ts';
import { type StoreMeta, writeGradientStore } from './gradient-store.ts';
import { gramMatrix } from './gram-matrix.ts';
import { dividedGram, influenceRows, type PointRows } from './influence-rows.ts';
import { storeDecoys } from './store-decoys.ts';

export interface StoreBuild extends BuildStoreJob {
  /** Folder of the base model. */
  readonly modelDir: string;
  readonly settings?: Partial<AttributionSettings>;
  /** Every copy has a row of its own: only to measure what copies would earn without the rule that they share one. */
  readonly apart?: boolean;
  /** Above so many rows the store is built for reading from disk; left out: 8,192. For tests. */
  readonly rowsInMemoryMax?: number;
  readonly threads?: number;
}

/** Draws the halves that the damping is chosen by. */
const drawSeed = 6;
/** Above, n² inner products and solves cost too much: some 4 GB beside the rows, and tens of minutes at this size. */
const rowsInMemoryUsual = 8192;
/** Above, rows do not fit the scan's one memory of 4 GiB, beside their sketches. */
const rowBytesInMemoryMax = 3.5 * 2 ** 30;
/** Rows held at once while a store is built: states of the training that do not fit are left out. */
const rowBytesMax = 4 * 2 ** 30;

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
  if (isTooLarge(all.length, widthOf(adapted), build.rowsInMemoryMax))
    return await buildLargeStore(
      {
        ...{ adapted, settings, tokenised, threads: build.threads ?? 1 },
        storeDir: resolve(build.storeDir),
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
  const pointsMax = Math.max(1, Math.floor(rowBytesMax / (all.length * widthOf(adapted))));
  const points = gradientPoints(build.adapter, checkpoints, settings, pointsMax);

  const pointRows: PointRows[] = [];
  const used: StoreMeta['points'] = [];
  for (const point of points) {
    const model = point.step === undefined ? adapted : loadAdaptedModel(base, point.adapter);
    const before = pointRows.length * all.length;
    const rows = await gradientsAt(model, point, tokenised, build.threads, (done) =>
      onProgress(before + done, points.length * all.length),
    );
    const values = await gramMatrix(rows);
    const gram = { trained: rowExamples.length, decoys: decoys.length, values };
    if (pointRows.length === 0 && build.apart !== true)
      clusters = joinByGradient(clusters, gramOf(clusters, rowExamples, gram));
    const { weight } = point;
    pointRows.push({ rows, gram, weight });
    used.push({
      adapter: model.sha256,
      ...{ strength: point.strength, weight },
      ...(point.step === undefined ? {} : { step: point.step }),
    });
  }
  const { damping, tried } = await dampingOf(build, settings, rowExamples, pointRows[0]);
  return writeGradientStore(
    resolve(build.storeDir),
    {
      methodId,
      base: base.sha256,
      adapter: adapted.sha256,
      width: pointRows[0].rows.width,
      points: used,
      strength: settings.strength,
      examples: rowExamples.map(identity),
      copies: copiesOf(clusters, build.examples),
      decoys: decoys.map(identity),
      ...{ damping, dampingTried: [...tried], coordinateDamping: settings.coordinateDamping },
      floorQuantile: settings.floorQuantile,
      curvature: curvatureHash(pointRows, damping, settings.coordinateDamping),
      seed: drawSeed,
    },
    await influenceRows(pointRows, damping, settings.coordinateDamping),
  );
}

/** Whether so many rows of so many values must stay on disk: of a large model a few hundred are too many for memory. */
export function isTooLarge(rows: number, width: number, rowsMax: number = rowsInMemoryUsual): boolean {
  return rows > rowsMax || rows * width > rowBytesInMemoryMax;
}

async function dampingOf(
  { modelDir, adapter, dampingRetrainings = 0, threads }: StoreBuild,
  { damping, coordinateDamping }: AttributionSettings,
  examples: readonly Example[],
  point: PointRows,
): Promise<Awaited<ReturnType<typeof chooseDamping>>> {
  if (dampingRetrainings === 0 || examples.length < 2) return { damping, tried: [] };
  const gram = await dividedGram(point, coordinateDamping); // what the damping will be used on
  const job = { modelDir, adapterDir: adapter.dir, examples, gram, threads, fallback: damping };
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

/** Inner products of the clusters' first members. */
function gramOf({ representatives }: Clusters, rows: readonly Example[], gram: GramMatrix): GramMatrix {
  const place = new Map(rows.map(({ id }, row) => [id, row]));
  const kept = representatives.flatMap(({ id }) => place.get(id) ?? []);
  return keptGram(gram, kept);
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
  threads = 1,
  onDone: (done: number) => void = () => undefined,
): Promise<PointRows['rows']> {
  const pass = await createGradientPass({ adapted, strength, threads });
  try {
    const rows = emptyRows(examples.length, pass.width);
    for (const [index, example] of examples.entries()) {
      quantiseRow(rows, index, await pass.gradient(example));
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

function curvatureHash(points: readonly PointRows[], damping: number, coordinateDamping: number): string {
  const bytes = ({ values }: GramMatrix): Uint8Array =>
    new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  return hashBytes(`damping ${damping} ${coordinateDamping}\n`, ...points.map(({ gram }) => bytes(gram)));
}

function identity({ id, question, answer }: Example): { readonly id: string; readonly sha256: string } {
  return { id, sha256: hashBytes(JSON.stringify([question, answer])) };
}

// Builds the store of a version with too many contributions for the exact form (above ten thousand rows, store-form.ts): the
// curvature is that of landmarks, rows go to disk one after the other. Used by build-store.ts. It knows token ids and
// opaque ids. Memory: the landmarks (0.9 GB of int8 at 2,048 of 450,000 values, 2 GiB at most: fewer of a larger adapter's)
// a batch of floats (0.25 GB at most) and 0.25 GB of sketches for duplicates, whatever the number of contributions; disk:
// 0.45 MB each. Time: a gradient and 4 · 2,048 · width operations each.
// One point of the training only, the one that answers are taken at; more would need their landmarks in memory too.
// Invariant: the same build gives the same store, byte for byte; it appears whole or not at all.
import { mkdirSync, rmSync } from 'node:fs';
import type { AdaptedModel } from './adapted-model.ts';
import { createGradientPass } from './answer-pass.ts';
import { type AttributionSettings, methodId } from './attribution-settings.ts';
import { hashBytes } from './content-hash.ts';
import { emptyRows, quantiseRow } from './feature-rows.ts';
import type { TokenisedExample } from './gradient-model.ts';
import { placeStore, type StoreMeta, storeFault } from './gradient-store.ts';
import { type LandmarkCurvature, landmarkCurvature } from './scan/landmark-curvature.ts';
import { createRowWriter } from './scan/row-files.ts';
import { sketchCosines } from './scan/sketch-cosines.ts';
import { folderBeside } from './whole-folder.ts';

interface LargeStore {
  readonly storeDir: string;
  readonly adapted: AdaptedModel;
  readonly settings: AttributionSettings;
  /** Trained examples, then decoys, as in `meta`. */
  readonly tokenised: readonly TokenisedExample[];
  readonly meta: Pick<StoreMeta, 'base' | 'adapter' | 'examples' | 'decoys' | 'seed'>;
  /** @param cosine of the gradients of two trained examples, by their places */
  readonly copies: (cosine: (i: number, j: number) => number) => StoreMeta['copies'];
  readonly threads: number;
  /** Left out: 2,048. */
  readonly landmarksMax?: number;
}

const landmarksUsual = 2048;
const landmarkBytesMax = 2 * 2 ** 30;
/** Rows that are preconditioned together, and floats of them. */
const batchUsual = 64;
const batchFloatsMax = 2 ** 26;

/** How much is held at once, by the values in a gradient. */
export function largeStoreSizes(width: number): { readonly landmarks: number; readonly batch: number } {
  const fitting = (most: number, total: number): number =>
    Math.max(1, Math.min(most, Math.floor(total / width)));
  return { landmarks: fitting(landmarksUsual, landmarkBytesMax), batch: fitting(batchUsual, batchFloatsMax) };
}

/** @returns the store's hash @throws EngineError `store_unwritable` */
export async function buildLargeStore(
  store: LargeStore,
  onProgress: (done: number, total: number) => void,
): Promise<string> {
  const { adapted, settings, tokenised, meta, threads, storeDir, copies } = store;
  const trained = meta.examples.length;
  const { damping, strength, floorQuantile } = settings;
  const beside = folderBeside(storeDir);
  const pass = await createGradientPass({ adapted, strength, threads });
  let curvature: LandmarkCurvature | undefined;
  try {
    const sizes = largeStoreSizes(pass.width);
    const count = Math.min(trained, store.landmarksMax ?? sizes.landmarks);
    const total = count + tokenised.length;
    const landmarks = emptyRows(count, pass.width);
    for (let at = 0; at < count; at++) {
      const index = Math.floor((at * trained) / count);
      quantiseRow(landmarks, at, await pass.gradient(tokenised[index]));
      onProgress(at + 1, total);
    }
    curvature = await landmarkCurvature(landmarks, damping, threads);
    mkdirSync(beside, { recursive: true });
    const writer = createRowWriter(beside, tokenised.length, pass.width);
    const likeness = sketchCosines(trained, pass.width);
    for (let from = 0; from < tokenised.length; from += sizes.batch) {
      const vectors: Float32Array[] = [];
      for (const example of tokenised.slice(from, from + sizes.batch))
        vectors.push(await pass.gradient(example));
      vectors.slice(0, Math.max(0, trained - from)).forEach((vector, at) => {
        likeness.set(from + at, vector);
      });
      await curvature.precondition(vectors);
      for (const vector of vectors) writer.append(vector);
      onProgress(count + from + vectors.length, total);
    }
    const { gram } = curvature;
    const gramBytes = new Uint8Array(gram.buffer, gram.byteOffset, gram.byteLength);
    const whole = {
      ...meta,
      copies: copies(likeness.cosine),
      methodId: `${methodId}+landmarks`,
      width: pass.width,
      points: [{ adapter: meta.adapter, strength, weight: 1 }],
      ...{ strength, damping, dampingTried: [], floorQuantile },
      curvature: hashBytes(`damping ${damping}, ${count} landmarks\n`, gramBytes),
    };
    return placeStore(storeDir, beside, whole, writer.finish());
  } catch (cause) {
    rmSync(beside, { recursive: true, force: true });
    throw storeFault(storeDir, cause);
  } finally {
    await curvature?.release();
    await pass.release();
  }
}

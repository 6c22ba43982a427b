// Builds the gradient store of a model version: one gradient for each distinct example and each decoy, and all their
// inner products. Used by build-store-main.ts (a child process) and the evaluation. It knows texts and opaque ids.
// Invariant: the same base, adapter, examples and decoys give the same store, byte for byte.
import { resolve } from 'node:path';
import type { BuildStoreJob, Example } from '../engine.ts';
import { EngineError } from '../errors.ts';
import { loadAdaptedModel, loadBaseModel } from './adapted-model.ts';
import { type AttributionSettings, defaultSettings } from './attribution-settings.ts';
import { hashBytes } from './content-hash.ts';
import { clusterDuplicates } from './duplicate-clusters.ts';
import { emptyRows, quantiseRow } from './feature-rows.ts';
import { createGradientModel, type TokenisedExample } from './gradient-model.ts';
import { writeGradientStore } from './gradient-store.ts';
import { gramMatrix } from './gram-matrix.ts';

export interface StoreBuild extends BuildStoreJob {
  /** Folder of the base model. */
  readonly modelDir: string;
  readonly settings?: Partial<AttributionSettings>;
  readonly threads?: number;
}

/**
 * @returns the store's hash
 * @throws EngineError `store_empty` | `answer_empty` | `store_unwritable` | of loading model and adapter
 */
export async function buildGradientStore(
  build: StoreBuild,
  onProgress: (done: number, total: number) => void = () => undefined,
): Promise<string> {
  const { representatives, copies } = clusterDuplicates(build.examples);
  if (representatives.length === 0)
    throw new EngineError('no examples to attribute to', { code: 'store_empty', retry: 'never' });
  const settings = { ...defaultSettings, ...build.settings };
  const base = loadBaseModel(build.modelDir);
  const adapted = loadAdaptedModel(base, build.adapter);
  const all = [...representatives, ...build.decoys];
  const tokenised = all.map((example): TokenisedExample => {
    const ids = base.tokenise([{ role: 'user', content: example.question }], example.answer);
    if (ids === undefined)
      throw new EngineError(`example ${example.id} has an empty answer`, {
        code: 'answer_empty',
        retry: 'never',
      });
    return ids;
  });

  const model = createGradientModel({
    ...adapted.gradientModel,
    strength: settings.strength,
    threads: build.threads ?? 1,
  });
  const rows = emptyRows(all.length, model.width);
  let done = 0;
  await model.gradients(tokenised, (index, vector) => {
    quantiseRow(rows, index, vector);
    done += 1;
    onProgress(done, all.length);
  });
  await model.release();
  const gram = await gramMatrix(rows);
  return writeGradientStore(
    resolve(build.storeDir),
    {
      base: base.sha256,
      adapter: adapted.sha256,
      width: model.width,
      strength: settings.strength,
      examples: representatives.map(identity),
      copies: [...copies].map(([id, of]) => ({ id, of })),
      decoys: build.decoys.map(identity),
      damping: settings.damping,
      floorQuantile: settings.floorQuantile,
    },
    rows,
    gram,
  );
}

function identity({ id, question, answer }: Example): { readonly id: string; readonly sha256: string } {
  return { id, sha256: hashBytes(JSON.stringify([question, answer])) };
}

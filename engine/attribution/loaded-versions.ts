// Model versions ready for attribution: base, adapter and store that belong together, their graphs and rows in memory, the
// longest unused ones dropped. Used by attribute.ts. It knows folders and hashes; no texts, no scores.
// Invariant: a store is only used with exactly the base and adapter it was made from.
import type { AdapterRef } from '../engine.ts';
import { EngineError } from '../errors.ts';
import { type BaseModel, loadAdaptedModel, loadBaseModel } from './adapted-model.ts';
import { type AnswerPass, createAnswerPass } from './answer-pass.ts';
import { type AnswerScorer, createAnswerScorer } from './answer-scorer.ts';
import { rowsPassedOver } from './cluster-scores.ts';
import {
  type GradientStore,
  openGradientStore,
  readStoreMeta,
  type StoreMeta,
  storeHashOf,
} from './gradient-store.ts';
import { openRowFiles } from './scan/row-files.ts';
import { createRowScan, type RowScan, scanOfRows } from './scan/row-scan.ts';

export interface LoadedVersionsOptions {
  readonly modelDir: string;
  readonly threads: number;
  /** Memory for loaded stores; the one in use always stays. */
  readonly storeBytesMax: number;
}

export interface LoadedVersion {
  readonly store: Pick<GradientStore, 'storeHash' | 'meta'>;
  readonly pass: AnswerPass;
  readonly scan: RowScan;
}

export interface LoadedVersions {
  readonly base: BaseModel;
  /** @throws EngineError of reading the store or the adapter, `store_mismatch` */
  version(adapter: AdapterRef, storeDir: string): Promise<LoadedVersion>;
  release(): Promise<void>;
}

/** Loads the base model. @throws EngineError of loading it */
export function createLoadedVersions(options: LoadedVersionsOptions): LoadedVersions {
  const base = loadBaseModel(options.modelDir);
  const loaded = new Map<string, OpenVersion>(); // least recently used first
  let baseScorer: Promise<AnswerScorer> | undefined;
  const scorer = (): Promise<AnswerScorer> => {
    baseScorer ??= createAnswerScorer(base.config, base.weights, options.threads).catch((cause: unknown) => {
      baseScorer = undefined; // out of memory, say: the next answer tries again
      throw cause;
    });
    return baseScorer;
  };
  const dropSurplus = async (): Promise<void> => {
    const bytes = (): number => [...loaded.values()].reduce((sum, version) => sum + version.bytes, 0);
    while (loaded.size > 1 && bytes() > options.storeBytesMax) {
      const [[key, oldest]] = loaded;
      loaded.delete(key);
      await closeVersion(oldest);
    }
  };

  return {
    base,
    version: async (adapter, storeDir) => {
      const key = JSON.stringify([adapter.dir, storeDir, storeHashOf(storeDir)]);
      const known = loaded.get(key);
      const found = known ?? (await loadVersion(base, adapter, storeDir, options.threads, scorer));
      loaded.delete(key);
      loaded.set(key, found);
      if (known === undefined) await dropSurplus();
      return found;
    },
    release: async () => {
      for (const version of loaded.values()) await closeVersion(version);
      loaded.clear();
      await (await baseScorer)?.release();
      baseScorer = undefined;
    },
  };
}

type OpenVersion = LoadedVersion & ReturnType<typeof openScan>;

async function closeVersion({ pass, close }: OpenVersion): Promise<void> {
  close();
  await pass.release();
}

/** In memory, or read row by row where the store was too large for that when it was built. */
function openScan(
  meta: StoreMeta,
  storeDir: string,
): { readonly scan: RowScan; readonly bytes: number; readonly close: () => void } {
  const { examples, decoys, width, files } = meta;
  const trained = examples.length;
  const passedOver = rowsPassedOver(meta);
  const rowHashes = files['row-hashes.bin'];
  const sketches = files['sketches.bin'];
  const sketchScales = files['sketch-scales.bin'];
  if (rowHashes === undefined || sketches === undefined || sketchScales === undefined) {
    const scan = scanOfRows(openGradientStore(storeDir).rows, trained, passedOver);
    return { scan, bytes: scan.bytes, close: () => undefined };
  }
  const hashes = {
    ...files,
    'row-hashes.bin': rowHashes,
    'sketches.bin': sketches,
    'sketch-scales.bin': sketchScales,
  };
  const {
    source,
    sketches: read,
    bytes,
    close,
  } = openRowFiles(storeDir, trained + decoys.length, width, hashes);
  const scan = createRowScan({ source, trained, resident: false, sketches: read, passedOver });
  return { scan, bytes: scan.bytes + bytes, close };
}

async function loadVersion(
  base: BaseModel,
  adapter: AdapterRef,
  storeDir: string,
  threads: number,
  baseScorer: () => Promise<AnswerScorer>,
): Promise<OpenVersion> {
  const store = readStoreMeta(storeDir);
  const adapted = loadAdaptedModel(base, adapter);
  for (const part of ['base', 'adapter'] as const) {
    const actual = part === 'base' ? base.sha256 : adapted.sha256;
    if (store.meta[part] !== actual)
      throw new EngineError(`${storeDir} was made from ${part} ${store.meta[part]}, this one is ${actual}`, {
        code: 'store_mismatch',
        retry: 'never',
      });
  }
  const scan = openScan(store.meta, storeDir); // first: a damaged store is found before anything is held that must be released
  try {
    const pass = await createAnswerPass({ adapted, strength: store.meta.strength, threads, baseScorer });
    return { store, pass, ...scan };
  } catch (cause) {
    scan.close();
    throw cause;
  }
}

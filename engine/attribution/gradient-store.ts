// The gradient store of one model version on disk: what attribution needs to score answers, and what anyone needs to
// check that it belongs to this base, this adapter and these examples. Written by the store builder, read by attribution.
// It knows rows, hashes and opaque ids: no texts, no people.
//
//   meta.json      what the store was made from, sha256 of the files below; its own sha256 is the store's hash
//   features.bin   int8 [trained + decoys, width]      scales.bin  float32 [trained + decoys, blocks]
//   gram.bin       float64 [trained + decoys, trained + decoys]                          (all little-endian)
//
// Invariants: a store appears whole or not at all (written beside, then renamed); the same build gives the same hash
// (no times, no paths inside); a store whose bytes do not fit its hashes is refused, never used.
import { randomUUID } from 'node:crypto';
import {
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { endianness } from 'node:os';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { EngineError } from '../errors.ts';
import { hashBytes, hashFile } from './content-hash.ts';
import type { GramMatrix } from './dual-fisher.ts';
import { blockSize, type FeatureRows } from './feature-rows.ts';

const hex = z.string().regex(/^[0-9a-f]{64}$/);
const count = z.number().int().nonnegative();
const metaSchema = z.object({
  format: z.literal('gradient-store/1'),
  /** sha256 of what decides the base model's and the adapter's numbers, see hashModelFolder */
  base: hex,
  adapter: hex,
  /** Values in a gradient, and values that share a scale. */
  width: count.positive(),
  blockSize: z.literal(blockSize),
  /** Part of the adapter's scale at which gradients were taken, 1 = as served. */
  strength: z.number().positive(),
  /** Trained examples in row order: id and sha256 of question and answer. */
  examples: z.array(z.object({ id: z.string(), sha256: hex })).min(1),
  /** Exact copies that share the row of an earlier example. */
  copies: z.array(z.object({ id: z.string(), of: z.string() })),
  decoys: z.array(z.object({ id: z.string(), sha256: hex })),
  /** c of the damping λ = c × mean eigenvalue. */
  damping: z.number().positive(),
  /** The quantile of the decoys' scores under which nothing is paid. */
  floorQuantile: z.number().min(0).max(1),
  files: z.object({ 'features.bin': hex, 'scales.bin': hex, 'gram.bin': hex }),
});

type StoreMeta = z.infer<typeof metaSchema>;

export interface GradientStore {
  readonly storeHash: string;
  readonly meta: StoreMeta;
  /** Trained examples first, then decoys. */
  readonly rows: FeatureRows;
  readonly gram: GramMatrix;
}

/**
 * Writes a store and returns its hash. An older store in the folder is replaced.
 * @param gram of all rows, [rows, rows]
 */
export function writeGradientStore(
  folder: string,
  meta: Omit<StoreMeta, 'format' | 'blockSize' | 'files'>,
  rows: FeatureRows,
  gram: Float64Array,
): string {
  if (endianness() !== 'LE') throw new Error('gradient stores are little-endian, this machine is not');
  const contents = {
    'features.bin': bytesOf(rows.values),
    'scales.bin': bytesOf(rows.scales),
    'gram.bin': bytesOf(gram),
  };
  const whole: StoreMeta = {
    format: 'gradient-store/1',
    ...meta,
    blockSize,
    files: {
      'features.bin': hashBytes(contents['features.bin']),
      'scales.bin': hashBytes(contents['scales.bin']),
      'gram.bin': hashBytes(contents['gram.bin']),
    },
  };
  const metaBytes = `${JSON.stringify(whole, undefined, 1)}\n`;
  const beside = join(dirname(folder), `.${randomUUID()}.tmp`);
  mkdirSync(beside, { recursive: true });
  try {
    for (const [name, bytes] of Object.entries(contents)) writeFileSync(join(beside, name), bytes);
    writeFileSync(join(beside, 'meta.json'), metaBytes);
    rmSync(folder, { recursive: true, force: true });
    renameSync(beside, folder);
  } catch (cause) {
    rmSync(beside, { recursive: true, force: true });
    throw new EngineError(`cannot write the gradient store ${folder}`, {
      code: 'store_unwritable',
      retry: 'safe',
      cause,
    });
  }
  return hashBytes(metaBytes);
}

/**
 * Reads and checks a store.
 * @throws EngineError `store_missing` | `store_malformed` | `store_tampered`
 */
export function openGradientStore(folder: string): GradientStore {
  const metaBytes = readMeta(folder);
  const meta = parseMeta(metaBytes, folder);
  for (const [name, expected] of Object.entries(meta.files)) {
    const found = hashFile(join(folder, name));
    if (found !== expected)
      throw new EngineError(
        `${join(folder, name)} has sha256 ${found}, the store's meta.json says ${expected}`,
        {
          code: 'store_tampered',
          retry: 'never',
        },
      );
  }
  const size = meta.examples.length + meta.decoys.length;
  const blocks = Math.ceil(meta.width / blockSize);
  const rows: FeatureRows = {
    count: size,
    width: meta.width,
    blocks,
    values: readExactly(join(folder, 'features.bin'), new Int8Array(size * meta.width)),
    scales: readExactly(join(folder, 'scales.bin'), new Float32Array(size * blocks)),
  };
  const values = readExactly(join(folder, 'gram.bin'), new Float64Array(size * size));
  return {
    storeHash: hashBytes(metaBytes),
    meta,
    rows,
    gram: { trained: meta.examples.length, decoys: meta.decoys.length, values },
  };
}

/** The hash of a store without reading its rows. */
export function storeHashOf(folder: string): string {
  return hashBytes(readMeta(folder));
}

function readMeta(folder: string): Uint8Array {
  try {
    return readFileSync(join(folder, 'meta.json'));
  } catch (cause) {
    throw new EngineError(`no gradient store in ${folder}`, { code: 'store_missing', retry: 'never', cause });
  }
}

function parseMeta(bytes: Uint8Array, folder: string): StoreMeta {
  try {
    return metaSchema.parse(JSON.parse(new TextDecoder().decode(bytes)));
  } catch (cause) {
    throw new EngineError(`${join(folder, 'meta.json')} does not describe a gradient store`, {
      code: 'store_malformed',
      retry: 'never',
      cause,
    });
  }
}

/** Fills `target` from the file, in place and in pieces: no second copy in memory, no 2 GB limit. */
function readExactly<T extends Int8Array | Float32Array | Float64Array>(path: string, target: T): T {
  const bytes = bytesOf(target);
  const found = statSync(path).size;
  if (found !== bytes.byteLength)
    throw new EngineError(`${path} has ${found} bytes, meta.json implies ${bytes.byteLength}`, {
      code: 'store_malformed',
      retry: 'never',
    });
  const file = openSync(path, 'r');
  try {
    const piece = 64 << 20;
    for (
      let at = 0;
      at < bytes.byteLength;
      at += readSync(file, bytes.subarray(at, at + piece), { position: at })
    );
  } finally {
    closeSync(file);
  }
  return target;
}

function bytesOf(array: Int8Array | Float32Array | Float64Array): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

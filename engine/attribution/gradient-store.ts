// The gradient store of one model version on disk: what attribution needs to score answers, and what anyone needs to
// check that it belongs to this base, this adapter and these examples. Written by the store builder, read by attribution.
// It knows rows, hashes and opaque ids: no texts, no people.
//
//   meta.json      what the store was made from, sha256 of the files below; its own sha256 is the store's hash
//   features.bin   int8 [trained + decoys, width]      scales.bin  float32 [trained + decoys, blocks]    (little-endian)
//
// A row is no gradient but what scores by one inner product with an answer's (influence-rows.ts): the curvature is in it.
// gradient-store/1 kept gradients and a matrix of their products; such a store is `store_outdated` and is built anew.
//
// Invariants: a store appears whole or not at all (written beside, then renamed); the same build gives the same hash
// (no times, no paths inside); a store whose bytes do not fit its hashes is refused, never used.
import {
  closeSync,
  existsSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { endianness } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { EngineError } from '../errors.ts';
import { bytesOf, hashBytes, hashFile } from './content-hash.ts';
import { clusterRules } from './duplicate-clusters.ts';
import { blockSize, type FeatureRows } from './feature-rows.ts';
import { writeWholeFolder } from './whole-folder.ts';

const hex = z.string().regex(/^[0-9a-f]{64}$/);
const count = z.number().int().nonnegative();
const format = 'gradient-store/2';
const outdatedFormat = 'gradient-store/1';
const metaSchema = z.object({
  format: z.literal(format),
  /** How rows were made and are scored: the same id, rows and answer give the same scores. */
  methodId: z.string().min(1),
  /** sha256 of what decides the base model's and the adapter's numbers, see hashModelFolder */
  base: hex,
  adapter: hex,
  /** Values in a gradient, and values that share a scale. */
  width: count.positive(),
  blockSize: z.literal(blockSize),
  /** Where the rows' gradients were taken: the finished adapter (step left out) or a state of its run. */
  points: z
    .array(
      z.object({
        adapter: hex,
        step: count.optional(),
        strength: z.number().positive(),
        weight: z.number().positive(),
      }),
    )
    .min(1),
  /** Part of the adapter's scale at which an answer's gradient is taken, 1 = as served. */
  strength: z.number().positive(),
  /** Trained examples in row order: id and sha256 of question and answer. */
  examples: z.array(z.object({ id: z.string(), sha256: hex })).min(1),
  /** Copies that share the row of an earlier example, in order of acceptance, and the rule that joined them. */
  copies: z.array(z.object({ id: z.string(), of: z.string(), rule: z.enum(clusterRules) })),
  decoys: z.array(z.object({ id: z.string(), sha256: hex })),
  /** c of the damping λ = c × mean eigenvalue. */
  damping: z.number().positive(),
  /** κ of the diagonal curvature under it, see influence-rows.ts; left out = none. */
  coordinateDamping: z.number().nonnegative().optional(),
  /** What was tried before it was chosen; empty = the default, chosen on the shipped data. */
  dampingTried: z.array(z.object({ damping: z.number().positive(), agreement: z.number() })),
  /** The quantile of the decoys' scores under which nothing is paid. */
  floorQuantile: z.number().min(0).max(1),
  /** sha256 of damping and of all inner products at all points: the preconditioner. */
  curvature: hex,
  /** Of all that is drawn at random. */
  seed: count,
  /** The last three only of a store that is read from disk (scan/row-files.ts). */
  files: z.object({
    'features.bin': hex,
    'scales.bin': hex,
    'row-hashes.bin': hex.optional(),
    'sketches.bin': hex.optional(),
    'sketch-scales.bin': hex.optional(),
  }),
});

export type StoreMeta = z.infer<typeof metaSchema>;

export interface GradientStore {
  readonly storeHash: string;
  readonly meta: StoreMeta;
  /** Trained examples first, then decoys. */
  readonly rows: FeatureRows;
}

/** Writes a store and returns its hash. An older store in the folder is replaced. */
export function writeGradientStore(
  folder: string,
  meta: Omit<StoreMeta, 'format' | 'blockSize' | 'files'>,
  rows: FeatureRows,
): string {
  if (endianness() !== 'LE') throw new Error('gradient stores are little-endian, this machine is not');
  const contents = {
    'features.bin': bytesOf(rows.values),
    'scales.bin': bytesOf(rows.scales),
  };
  const whole: StoreMeta = {
    format,
    ...meta,
    blockSize,
    files: {
      'features.bin': hashBytes(contents['features.bin']),
      'scales.bin': hashBytes(contents['scales.bin']),
    },
  };
  const metaBytes = `${JSON.stringify(whole, undefined, 1)}\n`;
  writeWholeFolder(
    folder,
    { ...contents, 'meta.json': metaBytes },
    { code: 'store_unwritable', message: `cannot write the gradient store ${folder}` },
  );
  return hashBytes(metaBytes);
}

/**
 * Reads and checks a store.
 * @throws EngineError `store_missing` | `store_malformed` | `store_outdated` | `store_tampered`
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
  return { storeHash: hashBytes(metaBytes), meta, rows };
}

/** Whether a folder holds a store of an earlier format, which must be built anew. Its first bytes tell. */
export function isOutdatedStore(folder: string): boolean {
  const path = join(folder, 'meta.json');
  if (!existsSync(path)) return false;
  const start = new Uint8Array(64);
  const file = openSync(path, 'r');
  try {
    readSync(file, start, { position: 0 });
  } finally {
    closeSync(file);
  }
  return new TextDecoder().decode(start).includes(`"${outdatedFormat}"`);
}

/** Examples that share the row of an earlier one, each with that one's id; none where the store has another format. */
export function copiesInStore(folder: string): ReadonlyMap<string, string> {
  if (isOutdatedStore(folder)) return new Map();
  const { copies } = parseMeta(readMeta(folder), folder);
  return new Map(copies.map(({ id, of }) => [id, of]));
}

/** What a store says of itself, its rows unread. @throws EngineError `store_missing` | `store_malformed` | `store_outdated` */
export function readStoreMeta(folder: string): Pick<GradientStore, 'storeHash' | 'meta'> {
  const metaBytes = readMeta(folder);
  return { storeHash: hashBytes(metaBytes), meta: parseMeta(metaBytes, folder) };
}

/**
 * Describes the row files that lie in the folder `beside`, and puts it into the store's place.
 * @returns the store's hash
 */
export function placeStore(
  folder: string,
  beside: string,
  meta: Omit<StoreMeta, 'format' | 'blockSize' | 'files'>,
  files: StoreMeta['files'],
): string {
  const whole: StoreMeta = { format, ...meta, blockSize, files };
  const metaBytes = `${JSON.stringify(whole, undefined, 1)}\n`;
  writeFileSync(join(beside, 'meta.json'), metaBytes);
  rmSync(folder, { recursive: true, force: true });
  renameSync(beside, folder);
  return hashBytes(metaBytes);
}

/** What to throw where a store could not be built: faults of the disk are `store_unwritable`, all others are as they are. */
export function storeFault(folder: string, cause: unknown): unknown {
  if (!(cause instanceof Error && 'syscall' in cause)) return cause;
  const message = `cannot write the gradient store ${folder}`;
  return new EngineError(message, { code: 'store_unwritable', retry: 'safe', cause });
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
    const raw: unknown = JSON.parse(new TextDecoder().decode(bytes));
    if (z.object({ format: z.literal(outdatedFormat) }).safeParse(raw).success)
      throw new EngineError(`${folder} is an older store (${outdatedFormat}): build it anew`, {
        code: 'store_outdated',
        retry: 'never',
      });
    return metaSchema.parse(raw);
  } catch (cause) {
    if (cause instanceof EngineError) throw cause;
    throw new EngineError(`${join(folder, 'meta.json')} does not describe a gradient store`, {
      code: 'store_malformed',
      retry: 'never',
      cause,
    });
  }
}

/** Fills `target` from the file, in place and in pieces: no second copy in memory, no 2 GB limit. */
function readExactly<T extends Int8Array | Float32Array>(path: string, target: T): T {
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

// Rows of a version too large for memory, as files: written one after the other, read one by one where they are needed.
// Used by build-large-store.ts, row-storage.ts and loaded-versions.ts. It knows rows, sketches and hashes; no model, no texts.
//
//   features.bin   int8 [count, width]     scales.bin   float32 [count, blocks]     row-hashes.bin  sha256 of each row's two
//   sketches.bin   int8 [count, sketch width]           sketch-scales.bin  float32 [count]
//
// Node has no memory mapping: rows are read at their places (they stay in the system's page cache), sketches lie in memory.
// Invariant: a row whose bytes do not fit its hash is refused; the other files' hashes stand in the store's meta.json.
import { createHash } from 'node:crypto';
import { closeSync, openSync, readFileSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { EngineError } from '../../errors.ts';
import { bytesOf, hashBytes } from '../content-hash.ts';
import { blockSize, dequantiseRow } from '../feature-rows.ts';
import { gradientSketch } from './gradient-sketch.ts';
import { quantiseVector } from './quantise-vector.ts';
import { type RowSketches, type RowSource, sketchWidthFor } from './row-scan.ts';

const names = ['features.bin', 'scales.bin', 'row-hashes.bin', 'sketches.bin', 'sketch-scales.bin'] as const;
type RowFile = (typeof names)[number];
export type RowFileHashes = Readonly<Record<RowFile, string>>;

export interface RowWriter {
  /** @param row [width]; rows come in their order */
  append(row: Float32Array): void;
  /** @returns sha256 of each file */
  finish(): RowFileHashes;
}

/** @param count of all rows that will come: it decides the width of the sketches */
export function createRowWriter(folder: string, count: number, width: number): RowWriter {
  const blocks = Math.ceil(width / blockSize);
  const output = createHashedFiles(folder, names);
  const describe = rowDescriber(output, count, width);
  const values = new Int8Array(width);
  const scales = new Float32Array(blocks);
  return {
    append: (row) => {
      if (row.length !== width)
        throw new RangeError(`a row of ${row.length} values where rows have ${width}`);
      quantiseVector(row, values, scales, blockSize);
      output.write('features.bin', bytesOf(values));
      output.write('scales.bin', bytesOf(scales));
      describe(row, values, scales);
    },
    finish: () => output.finish() as RowFileHashes, // one for each of `names`
  };
}

/** Adds the other three files to rows that lie in the folder already. @returns sha256 of each file */
export function describeRows(folder: string, count: number, width: number): RowFileHashes {
  const blocks = Math.ceil(width / blockSize);
  const output = createHashedFiles(folder, ['row-hashes.bin', 'sketches.bin', 'sketch-scales.bin']);
  const describe = rowDescriber(output, count, width);
  const [features, scalesFile] = ['features.bin', 'scales.bin'].map((name) =>
    openSync(join(folder, name), 'r'),
  );
  const [featuresHash, scalesHash] = [createHash('sha256'), createHash('sha256')];
  const values = new Int8Array(width);
  const scales = new Float32Array(blocks);
  const row = new Float32Array(width);
  try {
    for (let index = 0; index < count; index++) {
      readAt(features, bytesOf(values), index * width);
      readAt(scalesFile, bytesOf(scales), 4 * index * blocks);
      featuresHash.update(bytesOf(values));
      scalesHash.update(bytesOf(scales));
      dequantiseRow({ count: 1, width, blocks, values, scales }, 0, row);
      describe(row, values, scales);
    }
  } finally {
    for (const file of [features, scalesFile]) closeSync(file);
  }
  const described = output.finish();
  const [featuresDigest, scalesDigest] = [featuresHash, scalesHash].map((hash) => hash.digest('hex'));
  return { 'features.bin': featuresDigest, 'scales.bin': scalesDigest, ...described } as RowFileHashes;
}

/** Writes a row's hash and sketch. */
function rowDescriber(
  { write }: HashedFiles,
  count: number,
  width: number,
): (row: Float32Array, values: Int8Array, scales: Float32Array) => void {
  const sketcher = gradientSketch(width, sketchWidthFor(count));
  const codes = new Int8Array(sketcher.width);
  const scale = new Float32Array(1);
  return (row, values, scales) => {
    quantiseVector(sketcher.sketch(row), codes, scale, sketcher.width);
    write('row-hashes.bin', rowHash(values, scales));
    write('sketches.bin', bytesOf(codes));
    write('sketch-scales.bin', bytesOf(scale));
  };
}

interface HashedFiles {
  write(name: RowFile, bytes: Uint8Array): void;
  /** Closes them. @returns sha256 of each */
  finish(): Partial<RowFileHashes>;
}

function createHashedFiles(folder: string, some: readonly RowFile[]): HashedFiles {
  const files = new Map(
    some.map((name) => [name, { file: openSync(join(folder, name), 'wx'), hash: createHash('sha256') }]),
  );
  return {
    write: (name, bytes) => {
      const target = files.get(name);
      if (target === undefined) throw new Error(`bug: ${name} is not open`);
      for (let at = 0; at < bytes.length; ) at += writeSync(target.file, bytes, at);
      target.hash.update(bytes);
    },
    finish: () => {
      const hashes = new Map([...files].map(([name, { hash }]) => [name, hash.digest('hex')]));
      for (const { file } of files.values()) closeSync(file);
      return Object.fromEntries(hashes);
    },
  };
}

export interface RowFiles {
  readonly source: RowSource;
  readonly sketches: RowSketches;
  /** Held in memory as long as rows are read. */
  readonly bytes: number;
  close(): void;
}

/** @throws EngineError `store_malformed` | `store_tampered`, also of a row when it is read */
export function openRowFiles(folder: string, count: number, width: number, hashes: RowFileHashes): RowFiles {
  const blocks = Math.ceil(width / blockSize);
  const sketchWidth = sketchWidthFor(count);
  const whole = (name: RowFile, bytes: number): Buffer => {
    const content = readFileSync(join(folder, name));
    if (content.byteLength !== bytes)
      throw new EngineError(`${join(folder, name)} has ${content.byteLength} bytes, ${bytes} are expected`, {
        code: 'store_malformed',
        retry: 'never',
      });
    if (hashBytes(content) !== hashes[name]) throw tampered(join(folder, name));
    return content;
  };
  const sketches = whole('sketches.bin', count * sketchWidth);
  const sketchScales = whole('sketch-scales.bin', 4 * count);
  const rowHashes = whole('row-hashes.bin', 32 * count);
  const features = openSync(join(folder, 'features.bin'), 'r');
  const scalesFile = openSync(join(folder, 'scales.bin'), 'r');
  const read: RowSource['read'] = (index, values, scales) => {
    readAt(features, bytesOf(values), index * width);
    readAt(scalesFile, bytesOf(scales), 4 * index * blocks);
    if (!rowHash(values, scales).equals(rowHashes.subarray(32 * index, 32 * (index + 1))))
      throw tampered(`row ${index} of ${join(folder, 'features.bin')}`);
  };
  const { buffer, byteOffset } = Uint8Array.from(sketchScales); // its own place: aligned for floats
  return {
    source: { count, width, blocks, read },
    sketches: {
      width: sketchWidth,
      values: new Int8Array(sketches.buffer, sketches.byteOffset, sketches.byteLength),
      scales: new Float32Array(buffer, byteOffset, count),
    },
    bytes: rowHashes.byteLength, // sketches are whoever's takes them
    close: () => {
      closeSync(features);
      closeSync(scalesFile);
    },
  };
}

function rowHash(values: Int8Array, scales: Float32Array): Buffer {
  return createHash('sha256').update(bytesOf(values)).update(bytesOf(scales)).digest();
}

/** Fills `target` from that place of the file. @throws EngineError `store_malformed` where it ends too early */
export function readAt(file: number, target: Uint8Array, position: number): void {
  for (let at = 0; at < target.length; ) {
    const size = readSync(file, target, at, target.length - at, position + at);
    if (size === 0)
      throw new EngineError('a file of rows ends too early', { code: 'store_malformed', retry: 'never' });
    at += size;
  }
}

function tampered(what: string): EngineError {
  return new EngineError(`${what} does not fit its sha256`, { code: 'store_tampered', retry: 'never' });
}

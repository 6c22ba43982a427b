// A version's rows against an answer's gradient, fast: a short sketch of every row says which rows can matter, and only
// those are multiplied in full. Used by attribute.ts. It knows rows of numbers; no model, no texts.
//
// score(v, q) = r_v · q / |q|. With sketches of width k a score's error has the deviation |r_v| / sqrt(k)
// (gradient-sketch.ts): too much to pay by, enough to choose by. So the rows with the best sketches are multiplied in full,
// and the decoys that may decide the noise floor; everything else counts as under the floor.
// Total variation of shares against all rows in full (330 examples, 160 decoys, 60 answers; mean, worst):
//   k 4,096: 32 + 24 rows 0.0039, 0.039    k 16,384: 16 + 16 rows 0.0030, 0.031
//   k 16,384: 32 + 24 rows 0.0020, 0.019 (chosen)    64 + 32 rows 0.0013, 0.019    k 32,768: 32 + 24 rows 0.0014, 0.036
// Rows are int8 in blocks of 256 with a scale each, and the query is rounded the same way (total variation 0.00004).
// Rows lie in memory or in a file, read at the places needed.
import { blockSize, type FeatureRows } from '../feature-rows.ts';
import type { InfluenceScores } from '../influence.ts';
import { noiseFloor } from '../shares.ts';
import { type GradientSketch, gradientSketch } from './gradient-sketch.ts';
import { quantiseVector } from './quantise-vector.ts';
import { createDotKernel } from './simd-dot.ts';

/** Where rows come from: count rows of `blocks` blocks, as int8 values and a scale each block. */
export interface RowSource {
  readonly count: number;
  readonly width: number;
  readonly blocks: number;
  /** Writes row `index` [width] and its scales [blocks]. */
  readonly read: (index: number, values: Int8Array, scales: Float32Array) => void;
}

/** Sketches of all rows: int8 with a scale each. */
export interface RowSketches {
  readonly width: number;
  /** [count, width] */
  readonly values: Int8Array;
  /** [count] */
  readonly scales: Float32Array;
}

export interface RowScan {
  /** Held in memory, sketches with them. */
  readonly bytes: number;
  /** Of every row, each multiplied in full. */
  exact(gradient: Float32Array): InfluenceScores;
  /** @param floorQuantile of the decoys' scores */
  shortlist(gradient: Float32Array, floorQuantile: number): ShortlistScores;
  /** The same for answers that wait together, one result each: sketches are read from memory once for all. */
  shortlists(gradients: readonly Float32Array[], floorQuantile: number): readonly ShortlistScores[];
}

export interface ShortlistScores {
  /** [trained]; what was not multiplied in full is at most the floor. */
  readonly trained: Float64Array;
  readonly noiseFloor: number;
  /** Rows multiplied in full. */
  readonly rowsRead: number;
}

interface RowScanOptions {
  readonly source: RowSource;
  /** Rows before the decoys. */
  readonly trained: number;
  /** Copies all rows into memory; else each needed one is read again. */
  readonly resident: boolean;
  /** Made here where left out: about a millisecond a row. */
  readonly sketches?: RowSketches;
  /** Rows whose scores count for nothing: they take nobody's place in a shortlist. */
  readonly passedOver?: ReadonlySet<number>;
}

/** Memory for sketches: 16,384 numbers a row up to 16,384 rows, 2,048 at a hundred thousand. */
const sketchBytesMax = 256 * 2 ** 20;
const sketchWidthMax = 16_384;
const sketchWidthMin = 512;
/** Examples multiplied in full, and decoys at least. */
const examplesRead = 32;
const decoysRead = 16;
/** Answers that share one pass over the sketches at most. */
export const answersTogether = 8;
/** Sketches are multiplied with every answer while they lie in the processor's own memory: so many bytes at a time. */
const tileBytes = 256 * 1024;
/** Up to so many rows all are multiplied: 30 microseconds each. */
const allRead = 96;

export function createRowScan(options: RowScanOptions): RowScan {
  const { trained, resident, sketches, passedOver } = options;
  const { count, width, blocks } = options.source;
  const rowBytes = blocks * blockSize; // padded with zeros
  const sketchWidth = sketches?.width ?? sketchWidthFor(count);
  const held = resident ? count : 1;
  const places = {
    rows: 0,
    sketches: held * rowBytes,
    query: held * rowBytes + count * sketchWidth,
    sketchQuery: held * rowBytes + count * sketchWidth + rowBytes,
    sums: held * rowBytes + count * sketchWidth + rowBytes + answersTogether * sketchWidth,
  };
  const sums = Math.max(blocks, count);
  const { memory, dots } = createDotKernel(places.sums + sums * Int32Array.BYTES_PER_ELEMENT);
  const bytesAt = (place: number, length: number): Int8Array => new Int8Array(memory.buffer, place, length);
  const sumsAt = (length: number): Int32Array => new Int32Array(memory.buffer, places.sums, length);
  const rowScales = new Float32Array(held * blocks);
  let read: RowSource['read'] | undefined = options.source.read;
  const load = (index: number, slot: number): void =>
    read?.(
      index,
      bytesAt(places.rows + slot * rowBytes, width),
      rowScales.subarray(slot * blocks, (slot + 1) * blocks),
    );
  if (resident) {
    for (let index = 0; index < count; index++) load(index, index);
    read = undefined; // it may hold the rows themselves, which are as large as all that is here
  }

  const sketcher = gradientSketch(width, sketchWidth);
  const sketchScales = new Float32Array(count);
  const sketchAt = (index: number): Int8Array => bytesAt(places.sketches + index * sketchWidth, sketchWidth);
  let isSketched = sketches !== undefined;
  if (sketches !== undefined) {
    bytesAt(places.sketches, count * sketchWidth).set(sketches.values);
    sketchScales.set(sketches.scales);
  }
  const ensureSketches = (): void => {
    if (isSketched) return;
    isSketched = true;
    for (let index = 0; index < count; index++) {
      if (!resident) load(index, 0);
      const slot = resident ? index : 0;
      const row = floatsOfRow(bytesAt(places.rows + slot * rowBytes, width), rowScales, slot * blocks);
      sketchInto(sketcher, row, sketchAt(index), sketchScales, index);
    }
  };

  const queryScales = new Float32Array(blocks);
  const setQuery = (gradient: Float32Array): number => {
    checkWidth(gradient, width);
    quantiseVector(gradient, bytesAt(places.query, width), queryScales, blockSize);
    // Its length as rounded: nobody can tell the difference, and half a million squares are saved.
    dots(places.query, blocks, blockSize, places.query, blockSize, places.sums);
    const squares = sumsAt(blocks);
    let squared = 0;
    for (let block = 0; block < blocks; block++) squared += squares[block] * queryScales[block] ** 2;
    return squared > 0 ? 1 / Math.sqrt(squared) : 0;
  };
  const fullProduct = (index: number): number => {
    const slot = resident ? index : 0;
    if (!resident) load(index, 0);
    dots(places.rows + slot * rowBytes, blocks, blockSize, places.query, blockSize, places.sums);
    const parts = sumsAt(blocks);
    let sum = 0;
    for (let block = 0, at = slot * blocks; block < blocks; block++, at++)
      sum += parts[block] * rowScales[at] * queryScales[block];
    return sum;
  };
  const tileRows = Math.max(1, Math.floor(tileBytes / sketchWidth));
  const parts = sumsAt(Math.min(tileRows, count));
  /** @param gradients at most `answersTogether` */
  const sketchProducts = (gradients: readonly Float32Array[]): readonly Float64Array[] => {
    ensureSketches();
    const scales = new Float32Array(gradients.length);
    const placeOf = (answer: number): number => places.sketchQuery + answer * sketchWidth;
    for (const [answer, gradient] of gradients.entries())
      sketchInto(sketcher, gradient, bytesAt(placeOf(answer), sketchWidth), scales, answer);
    const products = gradients.map(() => new Float64Array(count));
    for (let from = 0; from < count; from += tileRows) {
      const size = Math.min(tileRows, count - from);
      for (let answer = 0; answer < gradients.length; answer++) {
        dots(places.sketches + from * sketchWidth, size, sketchWidth, placeOf(answer), 0, places.sums);
        const [into, scale] = [products[answer], scales[answer]];
        for (let i = 0; i < size; i++) into[from + i] = parts[i] * sketchScales[from + i] * scale;
      }
    }
    return products;
  };
  const split = (scores: Float64Array): InfluenceScores => ({
    trained: scores.slice(0, trained),
    decoys: scores.slice(trained),
  });

  const decoys = count - trained;
  /** Beyond these a decoy would have to be far better than its sketch to decide the floor. */
  const decoysMost = (floorQuantile: number): number =>
    decoysRead + 4 * Math.ceil((1 - floorQuantile) * decoys);
  const readsAll = (floorQuantile: number): boolean =>
    count <= allRead || examplesRead + decoysMost(floorQuantile) >= count;
  const shortlistOf = (
    gradient: Float32Array,
    sketched: Float64Array,
    floorQuantile: number,
  ): ShortlistScores => {
    const inverse = setQuery(gradient);
    const readAll = readsAll(floorQuantile);
    const best = (from: number, to: number, most: number): readonly number[] =>
      largest(sketched, { from, to, passedOver }, readAll ? to - from : most);
    const scoreOf = (row: number): number => bounded(fullProduct(row) * inverse);
    const decoyScores = new Float64Array(decoys).fill(-1);
    const floorRows = best(trained, count, decoysMost(floorQuantile));
    for (const row of floorRows) decoyScores[row - trained] = scoreOf(row);
    const floor = noiseFloor(decoyScores, floorQuantile);
    const scores = new Float64Array(trained);
    for (let row = 0; row < trained; row++) scores[row] = Math.min(floor, sketched[row] * inverse);
    const chosen = best(0, trained, examplesRead);
    for (const row of chosen) scores[row] = scoreOf(row);
    return { trained: scores, noiseFloor: floor, rowsRead: floorRows.length + chosen.length };
  };
  const shortlists: RowScan['shortlists'] = (gradients, floorQuantile) => {
    const found: ShortlistScores[] = [];
    for (let from = 0; from < gradients.length; from += answersTogether) {
      const some = gradients.slice(from, from + answersTogether);
      for (const gradient of some) checkWidth(gradient, width);
      const sketched = readsAll(floorQuantile)
        ? some.map(() => new Float64Array(count))
        : sketchProducts(some);
      for (const [i, gradient] of some.entries())
        found.push(shortlistOf(gradient, sketched[i], floorQuantile));
    }
    return found;
  };

  return {
    bytes: memory.buffer.byteLength + rowScales.byteLength,
    exact: (gradient) => {
      const inverse = setQuery(gradient);
      return split(Float64Array.from({ length: count }, (_, row) => bounded(fullProduct(row) * inverse)));
    },
    shortlist: (gradient, floorQuantile) => shortlists([gradient], floorQuantile)[0],
    shortlists,
  };
}

/** The scan of rows that lie in memory. */
export function scanOfRows(
  rows: FeatureRows,
  trained: number,
  passedOver?: RowScanOptions['passedOver'],
): RowScan {
  const { width, blocks, values, scales } = rows;
  const read: RowSource['read'] = (index, intoValues, intoScales) => {
    intoValues.set(values.subarray(index * width, (index + 1) * width));
    intoScales.set(scales.subarray(index * blocks, (index + 1) * blocks));
  };
  const { count } = rows;
  return createRowScan({ source: { count, width, blocks, read }, trained, resident: true, passedOver });
}

/** The largest power of two whose sketches fit the memory. */
export function sketchWidthFor(count: number): number {
  const fits = 2 ** Math.floor(Math.log2(sketchBytesMax / Math.max(1, count)));
  return Math.max(sketchWidthMin, Math.min(sketchWidthMax, fits));
}

function sketchInto(
  sketcher: GradientSketch,
  vector: Float32Array,
  codes: Int8Array,
  scales: Float32Array,
  at: number,
): void {
  quantiseVector(sketcher.sketch(vector), codes, scales.subarray(at, at + 1), sketcher.width);
}

function floatsOfRow(values: Int8Array, scales: Float32Array, firstScale: number): Float32Array {
  const row = new Float32Array(values.length);
  for (let i = 0; i < row.length; i++) row[i] = values[i] * scales[firstScale + (i >> 8)];
  return row;
}

/** The places of the `most` largest values in [from, to), the first of equals first; one pass over all. */
function largest(
  values: Float64Array,
  {
    from,
    to,
    passedOver,
  }: Pick<RowScanOptions, 'passedOver'> & { readonly from: number; readonly to: number },
  most: number,
): readonly number[] {
  const found: number[] = []; // largest first
  for (let at = from; at < to; at++) {
    if (passedOver?.has(at)) continue;
    if (found.length === most && !(values[at] > values[found[most - 1]])) continue;
    let place = found.length;
    while (place > 0 && values[at] > values[found[place - 1]]) place -= 1;
    found.splice(place, 0, at);
    if (found.length > most) found.pop();
  }
  return found;
}

function checkWidth(gradient: Float32Array, width: number): void {
  if (gradient.length !== width)
    throw new RangeError(`a gradient of ${gradient.length} values where rows have ${width}`);
}

/** Rounding may lead past the end. */
function bounded(score: number): number {
  return Math.max(-1, Math.min(1, score));
}

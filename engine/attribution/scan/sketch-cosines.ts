// Cosines between gradients that are too many to hold: of their sketches, rounded to int8. Used by build-large-store.ts for
// the duplicates that gradients decide (gradient-clusters.ts). It knows vectors only.
// Error of a cosine, as a standard deviation: 1 / sqrt(sketch width), 0.022 at a hundred thousand rows (gradient-sketch.ts).
import { dequantiseRow, emptyRows, quantiseRow } from '../feature-rows.ts';
import { gradientSketch } from './gradient-sketch.ts';
import { sketchWidthFor } from './row-scan.ts';

interface SketchCosines {
  /** Every row once. */
  readonly set: (row: number, vector: Float32Array) => void;
  /** 0 where one of them has no length. */
  readonly cosine: (i: number, j: number) => number;
}

/** @param width of the vectors; memory: 256 MB of sketches at most */
export function sketchCosines(count: number, width: number): SketchCosines {
  const sketcher = gradientSketch(width, sketchWidthFor(count));
  const rows = emptyRows(count, sketcher.width);
  const read = (row: number): Float32Array => {
    const sketch = new Float32Array(sketcher.width);
    dequantiseRow(rows, row, sketch);
    return sketch;
  };
  return {
    set: (row, vector) => quantiseRow(rows, row, sketcher.sketch(vector)),
    cosine: (i, j) => {
      const [a, b] = [read(i), read(j)];
      const length = Math.sqrt(dot(a, a) * dot(b, b));
      return length > 0 ? dot(a, b) / length : 0;
    },
  };
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

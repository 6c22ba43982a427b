// Random projection of per-example gradients inside the graph: a subsampled randomised Hadamard transform
// (arxiv.org/abs/1011.1595). Used by the Llama training graph. Inner products survive, with an error of about
// 1 / sqrt(width) of the two norms (tested), and a few thousand numbers leave the graph instead of all gradients.
// Signs make the fold fair and the transform spreads every coordinate over all others, so any `width` of them will do.
import { constant, type Graph, node, scalar, type Tensor } from './graph-builder.ts';
import { binary, floatType, reduce } from './ops-elementwise.ts';
import { batchedMatmul, gemm } from './ops-matmul.ts';
import { reshape } from './ops-shape.ts';

export interface GradientProjection {
  /** Numbers left of each gradient, at most 65,536. */
  readonly width: number;
  /** Uniform in [0, 1); the same stream gives the same projection, and only gradients of one projection compare. */
  readonly random: () => number;
}

const side = 256;
const folded = side * side;

/** Gradients [examples, ...] of any shapes -> [examples, width]. No derivative of its own. */
export function projectExamples(
  g: Graph,
  gradients: readonly Tensor[],
  { width, random }: GradientProjection,
): Tensor {
  const [first] = gradients;
  const examples = Number(first.shape[0]);
  const dtype = floatType(first);
  const sizes = gradients.map(({ shape }) =>
    shape.slice(1).reduce((size: number, dim) => size * Number(dim), 1),
  );
  const size = sizes.reduce((sum, each) => sum + each, 0);
  const folds = Math.ceil(size / folded);
  const signs = Array.from({ length: size }, () => (random() < 0.5 ? -1 : 1));

  const flat = gradients.map((gradient, i) => reshape(g, gradient, [examples, sizes[i]]));
  const [joined] = node(g, 'Concat', flat, [{ dtype, shape: [examples, size] }], { axis: 1 });
  const signed = binary(g, 'Mul', joined, constant(g, dtype, signs));
  const shape = [examples, folds * folded];
  const pads = constant(g, 'i64', [0, 0, 0, folds * folded - size]);
  const [padded] = node(g, 'Pad', [signed, pads], [{ dtype, shape }]);
  const square = [examples * side, side];
  const sum = reduce(g, 'ReduceSum', reshape(g, padded, [examples, folds, folded]), [1], false);
  const hadamard = constant(g, dtype, hadamardMatrix(), [side, side]);
  const right = reshape(g, gemm(g, reshape(g, sum, square), hadamard), [examples, side, side]);
  const spread = reshape(g, batchedMatmul(g, hadamard, right), [examples, folded]);
  const chosen = constant(g, 'i64', drawnIndices(width, random));
  const [kept] = node(g, 'Gather', [spread, chosen], [{ dtype, shape: [examples, width] }], { axis: 1 });
  return binary(g, 'Mul', kept, scalar(g, dtype, Math.sqrt(folded / width)));
}

/** Sylvester's matrix over sqrt(side): symmetric and its own inverse. Entry i, j is the parity of the bits of i & j. */
function hadamardMatrix(): Float64Array {
  const parity = (bits: number): number => (bits === 0 ? 0 : (bits & 1) ^ parity(bits >> 1));
  return Float64Array.from(
    { length: folded },
    (_, at) => (parity(Math.floor(at / side) & (at % side)) ? -1 : 1) / Math.sqrt(side),
  );
}

/** `width` different places, rising. */
function drawnIndices(width: number, random: () => number): readonly number[] {
  if (width > folded) throw new RangeError(`a projection to ${width} numbers: at most ${folded}`);
  const drawn = new Set<number>();
  while (drawn.size < width) drawn.add(Math.floor(random() * folded));
  return [...drawn].sort((a, b) => a - b);
}

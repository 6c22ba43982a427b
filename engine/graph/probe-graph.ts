// The product of a matrix with one square matrix, several times over: what a device is tried with before it is trusted.
// Used by engine/serve/probe-device-main.ts. It knows no devices. The square matrix has 1/size everywhere, so ones stay
// ones: a driver that computes nonsense is found out, and the time is that of multiplying, not of moving data.
import { buildOnnx, constant, createGraph, graphInput, graphOutput, type Tensor } from './graph-builder.ts';
import { gemm } from './ops-matmul.ts';

/** As a short prefill of a small model: 128 tokens, 1024 wide. */
export const probeShape = { rows: 128, size: 1024, products: 8 } as const;

/** x f32 [rows, size] -> y f32 [rows, size] */
export function buildProbeGraph(): Uint8Array {
  const { rows, size, products } = probeShape;
  const g = createGraph('probe');
  const square = constant(g, 'f32', new Float32Array(size * size).fill(1 / size), [size, size]);
  let x: Tensor = graphInput(g, 'x', 'f32', [rows, size]);
  for (let product = 0; product < products; product++) x = gemm(g, x, square);
  graphOutput(g, 'y', x);
  return buildOnnx(g);
}

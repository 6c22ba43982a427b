// The product of a matrix with one square matrix, several times over: what a device is tried with before it is trusted.
// Used by engine/serve/probe-device-main.ts. It knows no devices. The square matrix has 1/size everywhere, so ones stay
// ones: a driver that computes nonsense is found out, and the time is that of multiplying, not of moving data.
import { buildOnnx, constant, createGraph, graphInput, graphOutput, type Tensor } from './graph-builder.ts';
import { gemm } from './ops-matmul.ts';

/** Columns of the matrix that is multiplied. */
export const probeSize = 1024;
const products = 8;

/** x f32 [rows, probeSize] -> y f32 [rows, probeSize] */
export function buildProbeGraph(): Uint8Array {
  const g = createGraph('probe');
  const each = new Float32Array(probeSize * probeSize).fill(1 / probeSize);
  const square = constant(g, 'f32', each, [probeSize, probeSize]);
  let x: Tensor = graphInput(g, 'x', 'f32', ['rows', probeSize]);
  for (let product = 0; product < products; product++) x = gemm(g, x, square);
  graphOutput(g, 'y', x);
  return buildOnnx(g);
}

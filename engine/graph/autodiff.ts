// Reverse-mode differentiation of a graph under construction: walks the tape backwards and emits the nodes of
// each derivative rule. Used by the training graphs. It knows no op; every rule lives beside its op.
import { type Graph, scalar, type Tensor, withoutTape } from './graph-builder.ts';
import { binary, floatType } from './ops-elementwise.ts';
import { addToProduct } from './ops-matmul.ts';

/**
 * Emits d(loss)/d(t) for each t of `wanted`.
 *
 * @param loss a rank-0 tensor.
 * @returns one gradient for each wanted tensor, in order. Its shape is that of the tensor, or has a leading
 *   axis where the op says so (the per-example form of LoRA).
 * @throws when the loss does not depend on a wanted tensor.
 */
export function grad(g: Graph, loss: Tensor, wanted: readonly Tensor[]): readonly Tensor[] {
  return gradFrom(g, loss, scalar(g, floatType(loss), 1), wanted);
}

/**
 * As {@link grad}, of sum(output * outputGrad): carries on from a gradient that another graph has computed.
 * @param outputGrad d(loss)/d(output), the shape of `output`.
 */
export function gradFrom(
  g: Graph,
  output: Tensor,
  outputGrad: Tensor,
  wanted: readonly Tensor[],
): readonly Tensor[] {
  const gradients = new Map([[output.name, outputGrad]]);
  withoutTape(g, () => {
    for (const step of g.tape.toReversed()) {
      const stepGrad = gradients.get(step.output.name);
      if (stepGrad === undefined) continue;
      const parts = step.vjp(stepGrad);
      step.inputs.forEach((input, index) => {
        const part = parts[index];
        if (part === undefined || !input.requiresGrad) return;
        const before = gradients.get(input.name);
        gradients.set(input.name, before === undefined ? part : sumOf(g, before, part));
      });
    }
  });
  return wanted.map((tensor) => {
    const gradient = gradients.get(tensor.name);
    if (gradient === undefined) throw new Error(`the loss does not depend on ${tensor.name}`);
    return gradient;
  });
}

/** Where one of them is a matrix product, the other is added on the way: gradients of a layer's input come as several. */
function sumOf(g: Graph, before: Tensor, part: Tensor): Tensor {
  return addToProduct(g, before, part) ?? addToProduct(g, part, before) ?? binary(g, 'Add', before, part);
}

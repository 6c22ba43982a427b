// Four tiny graphs that make, copy, read and write buffers which live on a GPU. Used by engine/serve/device-buffers.ts.
// A graph works on `parts` buffers at once, each seen as [blocks, width]: a block is what one index names (a piece of a
// cache row, or a whole adapter part). Widths may differ between parts. They know no models and no rows.
// Invariant: where an output takes the place of its input `to.i` (the same device buffer fed and fetched), only the
// named blocks change.
import {
  buildOnnx,
  createGraph,
  type Graph,
  graphInput,
  graphOutput,
  node,
  type Tensor,
} from './graph-builder.ts';

/** shape i64 [1] -> zeros f32 [shape] as output `zeros`. */
export function buildZerosGraph(): Uint8Array {
  const g = createGraph('device_zeros');
  const shape = graphInput(g, 'shape', 'i64', [1]);
  graphOutput(g, 'zeros', node(g, 'ConstantOfShape', [shape], [{ dtype: 'f32', shape: ['n'] }])[0]);
  return buildOnnx(g);
}

/** to.i [blocks, width], from.i [blocks, width], take i64 [n], put i64 [n, 1] -> done.i: to.i with n blocks of from.i. */
export function buildCopyBlocksGraph(parts: number): Uint8Array {
  const g = createGraph('device_copy_blocks');
  const take = graphInput(g, 'take', 'i64', ['n']);
  const put = graphInput(g, 'put', 'i64', ['n', 1]);
  for (let part = 0; part < parts; part++) {
    const to = blocks(g, `to.${part}`);
    scatter(g, part, to, put, gather(g, blocks(g, `from.${part}`), take));
  }
  return buildOnnx(g);
}

/** from.i [blocks, width], take i64 [n] -> read.i [n, width]. */
export function buildReadBlocksGraph(parts: number): Uint8Array {
  const g = createGraph('device_read_blocks');
  const take = graphInput(g, 'take', 'i64', ['n']);
  for (let part = 0; part < parts; part++) {
    graphOutput(g, `read.${part}`, gather(g, blocks(g, `from.${part}`), take));
  }
  return buildOnnx(g);
}

/** to.i [blocks, width], write.i [n, width], put i64 [n, 1] -> done.i: to.i with n blocks of write.i. */
export function buildWriteBlocksGraph(parts: number): Uint8Array {
  const g = createGraph('device_write_blocks');
  const put = graphInput(g, 'put', 'i64', ['n', 1]);
  for (let part = 0; part < parts; part++) {
    const to = blocks(g, `to.${part}`);
    scatter(g, part, to, put, graphInput(g, `write.${part}`, 'f32', ['n', `width.${part}`]));
  }
  return buildOnnx(g);
}

function blocks(g: Graph, name: string): Tensor {
  const part = name.slice(name.indexOf('.') + 1);
  return graphInput(g, name, 'f32', [`blocks.${name}`, `width.${part}`]);
}

function gather(g: Graph, from: Tensor, take: Tensor): Tensor {
  const spec = { dtype: 'f32', shape: [take.shape[0], from.shape[1]] } as const;
  return node(g, 'Gather', [from, take], [spec], { axis: 0 })[0];
}

function scatter(g: Graph, part: number, to: Tensor, put: Tensor, values: Tensor): void {
  const spec = { dtype: 'f32', shape: to.shape, name: `done.${part}` } as const;
  graphOutput(g, `done.${part}`, node(g, 'ScatterND', [to, put, values], [spec])[0]);
}

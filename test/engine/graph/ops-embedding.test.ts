// Is no addition lost where the same token comes often? onnxruntime adds up the rows of a ScatterND with several threads
// at once and loses some (1.30: 42 of 200 runs of these sizes); the gradients of embeddings and heads rest on it.

import { InferenceSession, Tensor } from 'onnxruntime-node';
import { expect, it } from 'vitest';
import { gradFrom } from '../../../engine/graph/autodiff.ts';
import { buildOnnx, createGraph, graphInput, graphOutput } from '../../../engine/graph/graph-builder.ts';
import { embedding } from '../../../engine/graph/ops-embedding.ts';

it('the gradient of 4,096 rows at 3 ids is their sum in each of 200 runs with 2 threads', async () => {
  const [rows, dim, vocab] = [4096, 192, 64];
  const g = createGraph('embedding');
  const table = graphInput(g, 'table', 'f32', [vocab, dim], { requiresGrad: true });
  const ids = graphInput(g, 'ids', 'i64', [rows]);
  const dy = graphInput(g, 'dy', 'f32', [rows, dim]);
  const [gradient] = gradFrom(g, embedding(g, table, ids), dy, [table]);
  graphOutput(g, 'gradient', gradient);
  const session = await InferenceSession.create(buildOnnx(g), { intraOpNumThreads: 2 });
  const feeds = {
    table: new Tensor('float32', new Float32Array(vocab * dim), [vocab, dim]),
    ids: new Tensor(
      'int64',
      BigInt64Array.from({ length: rows }, (_, row) => BigInt(row % 3)),
      [rows],
    ),
    dy: new Tensor('float32', new Float32Array(rows * dim).fill(1), [rows, dim]),
  };
  const expected = new Float32Array(vocab * dim);
  for (let row = 0; row < rows; row++) for (let i = 0; i < dim; i++) expected[(row % 3) * dim + i] += 1;
  const wrong: number[] = [];
  for (let run = 0; run < 200; run++) {
    const found = (await session.run(feeds)).gradient.data as Float32Array;
    if (!expected.every((value, at) => value === found[at])) wrong.push(run);
  }
  await session.release();
  expect(wrong).toEqual([]);
});

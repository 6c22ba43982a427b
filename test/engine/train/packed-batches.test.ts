// Does packing change anything but the speed? Loss and gradients of packed rows against one sequence a row, in f64 as a
// graph and in f32 as a session; and the shape of the batches.
import { describe, expect, it } from 'vitest';
import { gradientName } from '../../../engine/graph/llama-train-graph.ts';
import { packedBatches } from '../../../engine/train/packed-batches.ts';
import { createTrainingSession } from '../../../engine/train/training-session.ts';
import {
  allLora,
  randomBatch,
  randomWeights,
  relativeError,
  seededNoise,
  tinyConfig,
  tinyRunner,
} from '../graph/tiny-train-graph.ts';

const config = { ...tinyConfig, maxSeq: 64 };

/** Sequences of the given lengths; the answer is the second half. */
function sequencesOf(lengths: readonly number[]) {
  const noise = seededNoise(17);
  return lengths.map((length, i) => ({
    id: `${i}`,
    ids: Array.from({ length }, () => Math.floor(((noise() + 1) / 2) * config.vocab)),
    answerStart: Math.ceil(length / 2),
  }));
}

describe('packed rows in the training graph', () => {
  it('of 3 + 4 + 2 tokens give nll and gradients of three rows of one, within 1e-9 in f64', async () => {
    const shape = { config, gradients: 'full', lora: allLora, floatType: 'f64' } as const;
    const packed = await tinyRunner({ ...shape, batch: 2, seq: 6, packed: true });
    const single = await tinyRunner({ ...shape, batch: 1, seq: 6 });
    const weights = randomWeights(single.graph, 2);
    const { ids, labels, weights: tokenWeights } = randomBatch(12, config.vocab, 3);
    const segments = [0, 0, 0, 1, 1, 2, 0, 0, 0, 0, 1, 1]; // the last two of row 0 and of row 1 are rows of their own
    const together = await packed.run(weights, { ids, labels, weights: tokenWeights, segments });
    const sums = new Map<string, Float64Array>();
    const parts = [
      [0, 3],
      [3, 5],
      [5, 6],
      [6, 10],
      [10, 12],
    ] as const;
    for (const [from, to] of parts) {
      const row = <T>(values: readonly T[], pad: T): readonly T[] =>
        Array.from({ length: 6 }, (_, i) => (from + i < to ? values[from + i] : pad));
      const alone = await single.run(weights, {
        ids: row(ids, 0),
        labels: row(labels, 0),
        weights: row(tokenWeights, 0),
      });
      expect(
        relativeError(together.nll.slice(from, to), alone.nll.slice(0, to - from)),
        `${from}`,
      ).toBeLessThan(1e-9);
      for (const name of single.graph.trained.map(gradientName)) {
        const sum = sums.get(name);
        if (sum === undefined) sums.set(name, alone[name]);
        else
          sum.forEach((value, i) => {
            sum[i] = value + alone[name][i];
          });
      }
    }
    for (const [name, sum] of sums) expect(relativeError(together[name], sum), name).toBeLessThan(1e-9);
  });

  it('of 64 tokens give the loss, nll and LoRA gradients of 9 rows of one, within 1e-5 in f32', async () => {
    const sequences = sequencesOf([30, 12, 9, 21, 64, 14, 5, 33, 2]);
    const batches = packedBatches(sequences);
    expect(batches).toHaveLength(1);
    const [batch] = batches;
    expect([batch.rows, batch.seq]).toEqual([4, 64]);
    const shape = { config, gradients: 'lora', lora: allLora, loraScale: 0.7 } as const;
    const { graph } = await tinyRunner({ ...shape, batch: 1, seq: 64 });
    const weights = new Map(
      [...randomWeights(graph, 2)].map(([name, values]) => [
        name,
        { shape: [], data: Float32Array.from(values) },
      ]),
    );
    const tokenWeights = new Float32Array(batch.rows * batch.seq);
    for (const { index, start, count } of batch.members)
      tokenWeights.fill(1 + index / 10, start, start + count);
    const packed = await createTrainingSession({
      ...shape,
      ...batch,
      batch: batch.rows,
      packed: true,
      weights,
    });
    const step = await packed.run({ ...batch, weights: tokenWeights });

    const plain = await createTrainingSession({ ...shape, batch: 9, seq: 64, weights });
    const rows = {
      ids: new BigInt64Array(9 * 64),
      labels: new BigInt64Array(9 * 64),
      weights: new Float32Array(9 * 64),
    };
    sequences.forEach(({ ids, answerStart }, row) => {
      for (let i = 0; i + 1 < ids.length; i++) {
        rows.ids[row * 64 + i] = BigInt(ids[i]);
        rows.labels[row * 64 + i] = BigInt(ids[i + 1]);
        if (i + 1 >= answerStart) rows.weights[row * 64 + i] = 1 + row / 10;
      }
    });
    const expected = await plain.run(rows);
    expect(Math.abs(step.loss / expected.loss - 1)).toBeLessThan(1e-5);
    for (const { index, start, count } of batch.members) {
      const from = index * 64 + sequences[index].answerStart - 1;
      expect(
        relativeError(
          Float64Array.from(step.nll.subarray(start, start + count)),
          Float64Array.from(expected.nll.subarray(from, from + count)),
        ),
      ).toBeLessThan(1e-5);
    }
    for (const [name, values] of expected.gradients)
      expect(
        relativeError(Float64Array.from(step.gradients.get(name)!), Float64Array.from(values)),
        name,
      ).toBeLessThan(1e-5);
    await packed.release();
    await plain.release();
  });

  it('hold every sequence once, in one piece, and the same each time', () => {
    const noise = seededNoise(4);
    const sequences = sequencesOf(Array.from({ length: 200 }, () => 2 + Math.floor(40 * (1 + noise()))));
    const batches = packedBatches(sequences);
    expect(packedBatches(sequences)).toEqual(batches);
    const seen = batches.flatMap(({ members }) => members.map(({ index }) => index));
    expect(seen.toSorted((a, b) => a - b)).toEqual(sequences.map((_, index) => index));
    for (const { members, labels } of batches)
      for (const { index, start, count } of members)
        expect([...labels.subarray(start, start + count)].map(Number)).toEqual(
          sequences[index].ids.slice(sequences[index].answerStart),
        );
    const tokens = sequences.reduce((sum, { ids }) => sum + ids.length - 1, 0);
    const computed = batches.reduce((sum, { rows, seq }) => sum + rows * seq, 0);
    expect(computed / tokens).toBeLessThan(1.1);
  });
});

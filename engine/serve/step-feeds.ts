// The small inputs of a serving run: token ids, places, lengths, wanted rows, temperatures. Used by serve-session.ts.
// The large ones (cache, adapters) are handed in. The names are those of llama-serve-graph.ts.
import { Tensor } from 'onnxruntime-node';
import type { DecodeInput, PrefillInput } from './batch-session.ts';
import type { Feeds } from './serve-run.ts';

/** Feeds of a step that gives each of rows 0..n-1 one token. `fill` writes the next step's values into them. */
export function decodeFeeds(
  large: Feeds,
  n: number,
): { readonly feeds: Feeds; readonly fill: (input: DecodeInput) => void } {
  const ids = new BigInt64Array(n);
  const positions = new BigInt64Array(n);
  const lastIndex = new Int32Array(n);
  const totalLength = new Int32Array(1);
  const inverseTemperatures = new Float32Array(n);
  return {
    feeds: {
      ...large,
      ids: new Tensor('int64', ids, [n, 1]),
      positions: new Tensor('int64', positions, [n, 1]),
      last_index: new Tensor('int32', lastIndex, [n]),
      total_length: new Tensor('int32', totalLength, [1]),
      rows: new Tensor(
        'int64',
        BigInt64Array.from(ids, (_, row) => BigInt(row)),
        [n],
      ),
      inverse_temperature: new Tensor('float32', inverseTemperatures, [n, 1]),
    },
    fill: (input) => {
      let longest = 0;
      for (let row = 0; row < n; row++) {
        ids[row] = BigInt(input.ids[row]);
        positions[row] = BigInt(input.lengths[row]);
        lastIndex[row] = input.lengths[row];
        inverseTemperatures[row] = 1 / (input.temperatures[row] || 1);
        longest = Math.max(longest, input.lengths[row]);
      }
      totalLength[0] = longest + 1;
    },
  };
}

/**
 * Feeds of a step that gives one row several tokens: always an even number, a last one that nobody looks at is added to
 * an odd one. The attention kernel works on tiles of an even number of tokens, and a token alone in its tile is summed in
 * another order than beside others; made even, a prompt gives the same bits however it is cut. What the added token
 * leaves in the cache lies past the row's length and is overwritten by the next one.
 *
 * @param wanted tokens whose logits come back
 */
export function prefillFeeds(large: Feeds, input: PrefillInput, wanted: readonly number[]): Feeds {
  const { start, temperature } = input;
  const ids = input.ids.length % 2 === 0 ? input.ids : [...input.ids, 0];
  const seq = ids.length;
  const inverse = new Float32Array(wanted.length).fill(1 / (temperature || 1));
  return {
    ...large,
    ids: new Tensor('int64', BigInt64Array.from(ids, BigInt), [1, seq]),
    positions: new Tensor(
      'int64',
      BigInt64Array.from(ids, (_, at) => BigInt(start + at)),
      [1, seq],
    ),
    last_index: new Tensor('int32', Int32Array.of(start + seq - 1), [1]),
    total_length: new Tensor('int32', Int32Array.of(start + seq), [1]),
    rows: new Tensor('int64', BigInt64Array.from(wanted, BigInt), [wanted.length]),
    inverse_temperature: new Tensor('float32', inverse, [wanted.length, 1]),
  };
}

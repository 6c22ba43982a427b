// Token sequences -> batches of one sequence a row, few fixed shapes, for graphs that read one place of each row (reward
// models); everything else packs its rows (packed-batches.ts). Rows are padded on the right to a length bucket; a
// bucket is cut into batches of 64, 32, 16, 8 or 4 rows.
// Invariant: the same sequences in the same order give the same batches.

export interface RowBatch {
  readonly rows: number;
  readonly seq: number;
  /** [rows, seq] */
  readonly ids: BigInt64Array;
  /** [rows] index within its row of each sequence's last token; 0 in rows of padding. */
  readonly last: BigInt64Array;
  /** The number of the sequence in each row that has one. */
  readonly members: readonly number[];
}

/** Tokens of one run of the graph: large enough for fast products, small enough for memory. */
const tokensPerRun = 2048;
const shortestRow = 16;
const fewestRows = 4;

/** Batches of all sequences, shortest rows first. */
export function rowBatches(sequences: readonly { readonly ids: readonly number[] }[]): readonly RowBatch[] {
  const buckets = new Map<number, number[]>();
  sequences.forEach(({ ids }, index) => {
    const seq = rowLength(ids.length);
    const bucket = buckets.get(seq);
    if (bucket) bucket.push(index);
    else buckets.set(seq, [index]);
  });
  return [...buckets]
    .sort(([a], [b]) => a - b)
    .flatMap(([seq, members]) => {
      const batches: RowBatch[] = [];
      for (let from = 0; from < members.length; ) {
        const rows = rowsFor(members.length - from, seq);
        batches.push(place(sequences, members.slice(from, from + rows), rows, seq));
        from += rows;
      }
      return batches;
    });
}

function place(
  sequences: readonly { readonly ids: readonly number[] }[],
  members: readonly number[],
  rows: number,
  seq: number,
): RowBatch {
  const ids = new BigInt64Array(rows * seq);
  const last = new BigInt64Array(rows);
  members.forEach((index, row) => {
    const tokens = sequences[index].ids;
    for (let i = 0; i < tokens.length; i++) ids[row * seq + i] = BigInt(tokens[i]);
    last[row] = BigInt(tokens.length - 1);
  });
  return { rows, seq, ids, last, members };
}

/** The largest power of two that is filled, but at least 4 where memory allows so many. */
function rowsFor(members: number, seq: number): number {
  const most = 2 ** Math.floor(Math.log2(Math.max(1, tokensPerRun / seq)));
  return Math.min(most, Math.max(fewestRows, 2 ** Math.floor(Math.log2(members))));
}

/** 16, 24, 32, 48, 64, 96, 128, 192, ...: at most a third of a row is padding. */
function rowLength(length: number): number {
  let size = shortestRow;
  while (size < length) {
    const between = (size * 3) / 2;
    if (length <= between) return between;
    size *= 2;
  }
  return size;
}

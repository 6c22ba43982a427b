// Token sequences -> batches whose rows hold several short sequences each, told apart by `segments`, so that next to
// nothing is computed for padding. For a session made with `packed: true`; loss and gradients equal those of one
// sequence a row. Same shape as SequenceBatch: `members` says where each answer's nll lies, whatever row it is in.
// Invariant: the same sequences in the same order give the same batches (first fit, longest first, stable).
import type { SftExample } from './sft-example.ts';
import type { TokenBatch } from './training-session.ts';

/** One sequence inside a batch. */
interface PackedMember {
  /** Its number in the list that was packed. */
  readonly index: number;
  /** [batch, seq], flat: where its first answer token is predicted. */
  readonly start: number;
  /** Answer tokens. */
  readonly count: number;
}

export interface PackedBatch extends Omit<Required<TokenBatch>, 'weights'> {
  readonly rows: number;
  readonly seq: number;
  readonly members: readonly PackedMember[];
}

/** Tokens of one run of the graph: large enough for fast products, small enough for memory. */
const tokensPerRun = 2048;
/** Attention costs its square, padding the rest of it: with answers of a sentence, 64 is near the best. */
const shortestRow = 64;
/** Rows are rounded up to a multiple of it, so that few graphs serve all. */
const rowStep = 4;

/** Batches of all sequences, longest rows first. Each sequence is in exactly one row, in one piece. */
export function packedBatches(sequences: readonly Pick<SftExample, 'ids' | 'answerStart'>[]): PackedBatch[] {
  const lengths = sequences.map(({ ids }) => ids.length - 1);
  const rowsBySize = new Map<number, number[][]>();
  for (const row of firstFit(lengths)) {
    const rows = rowsBySize.get(row.size);
    if (rows) rows.push(row.indices);
    else rowsBySize.set(row.size, [row.indices]);
  }
  return [...rowsBySize].flatMap(([seq, rows]) => {
    const most = Math.max(1, Math.floor(tokensPerRun / seq));
    return Array.from({ length: Math.ceil(rows.length / most) }, (_, part) => {
      const members = rows.slice(part * most, (part + 1) * most);
      const height = Math.min(most, Math.ceil(members.length / rowStep) * rowStep);
      return fill(sequences, members, height, seq);
    });
  });
}

interface OpenRow {
  readonly size: number;
  readonly indices: number[];
  free: number;
}

/** Longest first, each into the first row that has room, else into a new row of 64, 128, 256, ... tokens. */
function firstFit(lengths: readonly number[]): readonly OpenRow[] {
  const order = lengths.map((_, index) => index).sort((a, b) => lengths[b] - lengths[a]); // stable
  const rows: OpenRow[] = [];
  for (const index of order) {
    const length = lengths[index];
    let row = rows.find(({ free }) => free >= length);
    if (row === undefined) {
      const size = Math.max(shortestRow, 2 ** Math.ceil(Math.log2(length)));
      row = { size, indices: [], free: size };
      rows.push(row);
    }
    row.indices.push(index);
    row.free -= length;
  }
  return rows;
}

function fill(
  sequences: readonly Pick<SftExample, 'ids' | 'answerStart'>[],
  rows: readonly (readonly number[])[],
  height: number,
  seq: number,
): PackedBatch {
  const ids = new BigInt64Array(height * seq);
  const labels = new BigInt64Array(height * seq);
  const segments = new BigInt64Array(height * seq);
  const members: PackedMember[] = [];
  rows.forEach((indices, row) => {
    let at = row * seq;
    indices.forEach((index, segment) => {
      const { ids: tokens, answerStart } = sequences[index];
      members.push({ index, start: at + answerStart - 1, count: tokens.length - answerStart });
      for (let i = 0; i + 1 < tokens.length; i++, at++) {
        ids[at] = BigInt(tokens[i]);
        labels[at] = BigInt(tokens[i + 1]);
        segments[at] = BigInt(segment);
      }
    });
    segments.fill(BigInt(indices.length), at, (row + 1) * seq); // the padding sees only itself
  });
  return { rows: height, seq, ids, labels, segments, members };
}

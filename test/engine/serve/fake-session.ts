// A batch session without a model: the next logits are a hash of all tokens of the row, how they came in, and the
// adapter. Used by scheduler tests, where order and turns matter and speed too. Strict: what a real session must never
// be asked (overlapping steps, holes, wrong lengths, pieces of one token) throws.
import type { BatchSession, StepLogits } from '../../../engine/serve/batch-session.ts';
import type { PackedAdapter } from '../../../engine/serve/packed-adapter.ts';
import { seededRandom } from '../../../engine/train/training-random.ts';
import { tinyConfig } from './tiny-llama.ts';

export interface FakeSession extends BatchSession {
  /** One entry for each step: `prefill ROW START+COUNT` or `decode COUNT`. */
  readonly steps: readonly string[];
  /** Called before each step; may throw, or do something in the middle of a round. */
  onStep: (step: string) => void;
}

interface FakeRow {
  /** id, or id + 0.5 where it came in alone: such keys and values differ in the last bits. */
  tokens: number[];
  adapter: PackedAdapter | undefined;
}

export function fakeSession(
  options: { readonly rowsMax?: number; readonly contextTokens?: number } = {},
): FakeSession {
  const { rowsMax = 4, contextTokens = 160 } = options;
  const rows: FakeRow[] = Array.from({ length: rowsMax }, () => ({ tokens: [], adapter: undefined }));
  const steps: string[] = [];
  let under = false;

  const exclusive = async <T>(work: () => T): Promise<T> => {
    if (under) throw new Error('bug: steps overlap');
    under = true;
    await new Promise((resolve) => setImmediate(resolve));
    under = false;
    return work();
  };
  const step = <T>(name: string, work: () => T): Promise<T> =>
    exclusive(() => {
      steps.push(name);
      session.onStep(name);
      return work();
    });
  const rowAt = (row: number): FakeRow => {
    const found = rows[row];
    if (found === undefined) throw new Error(`bug: there is no row ${row}`);
    return found;
  };

  const session: FakeSession = {
    config: tinyConfig,
    contextTokens,
    rowsMax,
    device: 'cpu',
    weights: 'f32',
    kvMode: 'in_place',
    steps,
    onStep: () => undefined,
    residentBytes: () => 0,
    setAdapter: (row, adapter) =>
      exclusive(() => {
        rowAt(row).adapter = adapter;
      }),
    prefill: ({ row, start, ids, temperature, wanted }) =>
      step(`prefill ${row} ${start}+${ids.length}`, () => {
        const { tokens } = rowAt(row);
        if (ids.length === 0 || (ids.length === 1 && start > 0)) throw new Error('bug: a piece of one token');
        if (start > tokens.length || start + ids.length > contextTokens) throw new Error('bug: wrong start');
        tokens.length = start;
        const results = ids.map((id) => {
          tokens.push(ids.length === 1 ? id + 0.5 : id);
          return hashedLogits(rowAt(row));
        });
        return stepLogits(wanted === 'all' ? results : results.slice(-1), [temperature]);
      }),
    decode: ({ ids, lengths, temperatures }) =>
      step(`decode ${ids.length}`, () => {
        if (ids.length === 0) throw new Error('bug: a step without rows');
        const results = ids.map((id, row) => {
          const { tokens } = rowAt(row);
          if (tokens.length < lengths[row]) throw new Error(`bug: row ${row} holds ${tokens.length} tokens`);
          tokens.length = lengths[row];
          tokens.push(id + 0.5);
          return hashedLogits(rowAt(row));
        });
        return stepLogits(results, temperatures);
      }),
    moveRow: (from, to, tokens) =>
      exclusive(() => {
        if (rowAt(from).tokens.length < tokens) throw new Error('bug: moves more than there is');
        rows[to] = { tokens: rowAt(from).tokens.slice(0, tokens), adapter: rowAt(from).adapter };
        rows[from] = { tokens: [], adapter: undefined };
      }),
    readRow: (row, tokens) =>
      exclusive(() => {
        if (rowAt(row).tokens.length < tokens) throw new Error('bug: reads more than there is');
        return { tokens, parts: [Float32Array.from(rowAt(row).tokens.slice(0, tokens))] };
      }),
    writeRow: (row, snapshot, tokens) =>
      exclusive(() => {
        rowAt(row).tokens = [...snapshot.parts[0].subarray(0, tokens)];
      }),
    release: async () => undefined,
  };
  return session;
}

/** An adapter that only has a name. */
export function fakeAdapter(key: string): PackedAdapter {
  return { key, rank: 1, groups: [], data: new Float32Array(0), offsets: new Map() };
}

function hashedLogits({ tokens, adapter }: FakeRow): Float32Array {
  const name = [...(adapter?.key ?? '')].map((character) => character.charCodeAt(0));
  const random = seededRandom(...tokens.map((token) => 2 * token), -1, ...name);
  // The adapter called NaN breaks whoever uses it.
  if (adapter?.key.includes('NaN')) return new Float32Array(tinyConfig.vocab).fill(Number.NaN);
  return Float32Array.from({ length: tinyConfig.vocab }, () => 8 * random());
}

/** What a session makes of logits. @param temperatures one for all, or one each */
export function stepLogits(rows: readonly Float32Array[], temperatures: readonly number[]): StepLogits {
  const topIds = (index: number): readonly number[] =>
    [...rows[index].keys()].sort((a, b) => rows[index][b] - rows[index][a] || a - b).slice(0, 64);
  return {
    logits: (index) => rows[index],
    topIds,
    topProbabilities: (index) => {
      const temperature = (temperatures[index] ?? temperatures[0]) || 1;
      const best = rows[index].reduce((most, logit) => Math.max(most, logit), Number.NEGATIVE_INFINITY);
      const total = rows[index].reduce((sum, logit) => sum + Math.exp((logit - best) / temperature), 0);
      return Float32Array.from(
        topIds(index),
        (id) => Math.exp((rows[index][id] - best) / temperature) / total,
      );
    },
  };
}

// The figures of a run, update by update, kept in its checkpoint and written to training.json at the end. Used by
// training-loop.ts. It knows no method: metrics are named columns. Invariant: figures are f32 from the start, so a
// resumed run writes the same record as an uninterrupted one.
import type { TensorMap } from '../model/safetensors.ts';

interface HeldOutFigures {
  readonly step: number;
  readonly loss: number | undefined;
  readonly metrics: Readonly<Record<string, number>>;
}

export interface RunHistory {
  readonly addUpdate: (loss: number, tokens: number, metrics: readonly number[]) => void;
  readonly addHeldOut: (
    step: number,
    loss: number | undefined,
    metrics: Readonly<Record<string, number>>,
  ) => void;
  readonly losses: () => readonly number[];
  readonly tokens: () => number;
  /** One column for each metric, one number for each update. */
  readonly metrics: () => Readonly<Record<string, readonly number[]>>;
  readonly heldOut: () => readonly HeldOutFigures[];
  readonly state: () => TensorMap;
  readonly resume: (state: TensorMap) => void;
}

const tokensUnit = 2 ** 20;
const heldOutPrefix = 'held-out.';

export function createRunHistory(metricNames: readonly string[]): RunHistory {
  const updates: (readonly number[])[] = []; // loss, then metrics
  const evaluations: HeldOutFigures[] = [];
  let tokens = 0;
  const width = 1 + metricNames.length;
  return {
    addUpdate: (loss, more, metrics) => {
      updates.push([loss, ...metrics].map(Math.fround));
      tokens += more;
    },
    addHeldOut: (step, loss, metrics) => {
      const rounded = Object.entries(metrics).map(([name, value]) => [name, Math.fround(value)] as const);
      evaluations.push({
        step,
        loss: loss === undefined ? undefined : Math.fround(loss),
        metrics: Object.fromEntries(rounded),
      });
    },
    losses: () => updates.map(([loss]) => loss),
    tokens: () => tokens,
    metrics: () =>
      Object.fromEntries(metricNames.map((name, column) => [name, updates.map((row) => row[column + 1])])),
    heldOut: () => evaluations,
    state: () => {
      const tensors = new Map([
        ['updates', { shape: [updates.length, width], data: Float32Array.from(updates.flat()) }],
        [
          'tokens',
          { shape: [2], data: Float32Array.of(Math.floor(tokens / tokensUnit), tokens % tokensUnit) },
        ],
      ]);
      for (const { step, loss, metrics } of evaluations) {
        const named = Object.entries(metrics);
        const data = Float32Array.of(loss ?? Number.NaN, ...named.map(([, value]) => value));
        const name = `${heldOutPrefix}${JSON.stringify([step, ...named.map(([key]) => key)])}`;
        tensors.set(name, { shape: [data.length], data });
      }
      return tensors;
    },
    resume: (state) => {
      const rows = state.get('updates');
      const [high, low] = state.get('tokens')?.data ?? [0, 0];
      if (rows === undefined) return;
      updates.length = 0;
      for (let at = 0; at < rows.data.length; at += width)
        updates.push([...rows.data.subarray(at, at + width)]);
      tokens = high * tokensUnit + low;
      evaluations.length = 0;
      for (const [name, { data }] of state) {
        if (!name.startsWith(heldOutPrefix)) continue;
        const [step, ...names] = JSON.parse(name.slice(heldOutPrefix.length)) as [number, ...string[]];
        const metrics = Object.fromEntries(names.map((key, i) => [key, data[i + 1]]));
        evaluations.push({ step, loss: Number.isNaN(data[0]) ? undefined : data[0], metrics });
      }
    },
  };
}

// The history of a training run, read from the JSON lines it printed: loss curve, held-out losses, starts, time. Used
// by make-base-cli.ts for the card. Knows no files and no model. A run that was stopped and taken up again has several
// starts; where two parts tell of the same update, the later one counts. A start that finds nothing left to do is none.
import type { TrainEvent } from './train-event.ts';

interface CurvePoint {
  readonly step: number;
  /** Mean nats per token over the updates since the point before. */
  readonly loss: number;
}

interface HeldOutPoint {
  readonly step: number;
  /** Nats per token, by source. */
  readonly losses: Readonly<Record<string, number>>;
}

export interface TrainingHistory {
  readonly parameters: number;
  /** Updates done, and tokens seen in them. */
  readonly steps: number;
  readonly tokens: number;
  /** Every start: from which update on, and how many updates were planned then. */
  readonly starts: readonly { readonly step: number; readonly steps: number }[];
  readonly curve: readonly CurvePoint[];
  readonly heldOut: readonly HeldOutPoint[];
  /** Time spent in updates, validation and checkpoints left out. */
  readonly computeSeconds: number;
  /** Mean speed over the whole run. */
  readonly tokensPerSecond: number;
}

/** @param lines JSON lines of one or several parts of the run, in order; other lines are left out. */
export function trainingHistory(lines: readonly string[]): TrainingHistory {
  const events = lines.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as TrainEvent);
  const starts: { readonly step: number; readonly steps: number; readonly parameters: number }[] = [];
  const progress = new Map<number, Extract<TrainEvent, { type: 'progress' }>>();
  const heldOut = new Map<number, HeldOutPoint>();
  for (const event of events) {
    if (event.type === 'start' && event.step < event.steps) {
      for (const step of [...progress.keys()]) if (step > event.step) progress.delete(step);
      for (const step of [...heldOut.keys()]) if (step > event.step) heldOut.delete(step);
      starts.push(event);
    }
    if (event.type === 'progress') progress.set(event.step, event);
    if (event.type === 'eval') heldOut.set(event.step, { step: event.step, losses: event.losses });
  }
  const points = [...progress.values()].sort((a, b) => a.step - b.step);
  const last = points.at(-1);
  if (last === undefined || starts.length === 0)
    throw new Error('the log holds no start or no progress line');
  const computeSeconds = points.reduce(
    (sum, { tokens, tokensPerSecond }, i) => sum + (tokens - (points[i - 1]?.tokens ?? 0)) / tokensPerSecond,
    0,
  );
  return {
    parameters: starts[0].parameters,
    steps: last.step,
    tokens: last.tokens,
    starts: starts.map(({ step, steps }) => ({ step, steps })),
    curve: points.map(({ step, loss }) => ({ step, loss })),
    heldOut: [...heldOut.values()].sort((a, b) => a.step - b.step),
    computeSeconds,
    tokensPerSecond: last.tokens / computeSeconds,
  };
}

/** At most `most` points: neighbours are averaged, and stand at the last update of their group. */
export function thinnedCurve(curve: readonly CurvePoint[], most: number): readonly CurvePoint[] {
  const size = Math.ceil(curve.length / most);
  const thinned: CurvePoint[] = [];
  for (let at = 0; at < curve.length; at += size) {
    const group = curve.slice(at, at + size);
    const loss = group.reduce((sum, point) => sum + point.loss, 0) / group.length;
    thinned.push({ step: group[group.length - 1].step, loss });
  }
  return thinned;
}

/** Plain sentences about starts after the first: stops, and changes of plan. Empty for a run in one piece. */
export function historySentences(starts: TrainingHistory['starts']): readonly string[] {
  const again = 'the run was stopped and taken up again from its checkpoint';
  const groups: { readonly steps: number; readonly at: string[] }[] = []; // starts with one plan, one after the other
  for (const { step, steps } of starts) {
    const group = groups.at(-1);
    if (group?.steps === steps) group.at.push(step.toLocaleString('en'));
    else groups.push({ steps, at: [step.toLocaleString('en')] });
  }
  return groups.flatMap(({ steps, at: [first, ...more] }, i) => {
    const stopped = `At update${more.length > 1 ? 's' : ''} ${joined(more)} ${again}, with the same plan.`;
    const changed =
      i === 0
        ? []
        : [
            `The schedule was laid out for ${groups[i - 1].steps.toLocaleString('en')} updates until update ${first}; there ${again} ` +
              `with a schedule for ${steps.toLocaleString('en')}.`,
          ];
    return [...changed, ...(more.length === 0 ? [] : [stopped])];
  });
}

/** "1, 2 and 3" */
function joined(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`;
}

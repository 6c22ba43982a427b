// Rates of several candidates measured in turn, A B A B, so that whatever else the machine does hits all of them. Used
// by the benches. It knows not what it measures. A ratio is made within each round, and the median of the rounds is
// taken: one disturbed round does not move it.
import type { Measured } from './bench-figure.ts';

export interface Side {
  readonly name: string;
  /** Does a fixed piece of work and returns its size in the unit of the rate (tokens, say). */
  readonly block: () => Promise<number>;
  /** Outside of the measured time, before each block. */
  readonly before?: () => Promise<void>;
}

/** Of one side, by round. */
export interface Rates {
  readonly name: string;
  /** Units per second of wall time. */
  readonly perSecond: readonly number[];
  /** Milliseconds of this process's CPU time (all threads) for each unit: steady where other programs compete. */
  readonly cpuMs: readonly number[];
}

/** An unmeasured block of each side, then `rounds` measured ones in turn; every other round runs backwards. */
export async function interleaved(sides: readonly Side[], rounds: number): Promise<readonly Rates[]> {
  const rates = sides.map(({ name }) => ({ name, perSecond: [] as number[], cpuMs: [] as number[] }));
  for (const side of sides) await timed(side);
  for (let round = 0; round < rounds; round++) {
    const order = [...sides.keys()];
    if (round % 2 === 1) order.reverse();
    for (const index of order) {
      const { perSecond, cpuMs } = await timed(sides[index]);
      rates[index].perSecond.push(perSecond);
      rates[index].cpuMs.push(cpuMs);
    }
  }
  return rates;
}

/** The fastest of some, by its best block. One block each; those within twice the best get five more in turn. */
export async function fastest<S extends Side>(sides: readonly S[]): Promise<S> {
  if (sides.length === 1) return sides[0];
  const first: number[] = [];
  for (const side of sides) first.push((await timed(side)).perSecond);
  const close = sides.filter((_, index) => first[index] * 2 >= Math.max(...first));
  if (close.length === 1) return close[0];
  const rates = await interleaved(close, 5);
  const best = rates.map(({ perSecond }) => Math.max(...perSecond));
  return close[best.indexOf(Math.max(...best))];
}

/** over / under, round by round. */
export function ratioOf(over: Rates, under: Rates): Measured {
  const ratios = over.perSecond.map((rate, round) => rate / under.perSecond[round]);
  return {
    ...spreadOf(ratios),
    details: {
      [`${over.name}, per second`]: rounded(median(over.perSecond)),
      [`${under.name}, per second`]: rounded(median(under.perSecond)),
      'ratio by CPU time': rounded(median(under.cpuMs) / median(over.cpuMs)),
    },
  };
}

/** CPU time of a unit of `over` / of `under`, round by round: for what has one thread, on machines that others use too. */
export function cpuRatioOf(over: Rates, under: Rates): Measured {
  return {
    ...spreadOf(over.cpuMs.map((ms, round) => ms / under.cpuMs[round])),
    details: {
      [`${over.name}, CPU ms`]: rounded(median(over.cpuMs)),
      [`${under.name}, CPU ms`]: rounded(median(under.cpuMs)),
    },
  };
}

function spreadOf(values: readonly number[]): Measured {
  return { value: median(values), low: Math.min(...values), high: Math.max(...values) };
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** Between the two nearest values in proportion. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const at = part * (sorted.length - 1);
  const below = Math.floor(at);
  return sorted[below] + (at - below) * (sorted[Math.ceil(at)] - sorted[below]);
}

export function rounded(value: number): number {
  return Number(value.toPrecision(4));
}

async function timed({ block, before }: Side): Promise<{ perSecond: number; cpuMs: number }> {
  await before?.();
  const cpuBefore = process.cpuUsage();
  const startedAt = performance.now();
  const units = await block();
  const seconds = (performance.now() - startedAt) / 1000;
  const { user, system } = process.cpuUsage(cpuBefore);
  return { perSecond: units / seconds, cpuMs: (user + system) / 1000 / units };
}

// Our side of the comparisons at the level of steps: a batch session on random weights, and the fixed pieces of work
// that are timed on it. Used by the serving bench. No requests and no worker here: those are in serve-traffic.ts.
// Every step yields the 64 likeliest tokens and their probabilities, and reads the likeliest: sampling is counted.
import type { BatchSession } from '../../engine/serve/batch-session.ts';
import { benchIds } from './bench-model.ts';
import { fastest, type Side } from './interleaved.ts';
import type { ServeBench } from './serve-bench-context.ts';

/** Tokens in every row before a decode block. */
export const pastTokens = 128;
/** Tokens that each row gets in a decode block: as long as a short answer, but no block above half a second. */
export function blockSteps(rows: number): number {
  return Math.max(8, Math.floor(32 / rows));
}

/** Fills rows 0..rows-1 with prompts. */
export async function fillRows(session: BatchSession, rows: number): Promise<void> {
  for (let row = 0; row < rows; row++) {
    const ids = benchIds(session.config, pastTokens, row);
    await session.prefill({ row, start: 0, ids, temperature: 0, wanted: 'last' });
  }
}

/** Units are tokens: rows * blockSteps(rows). The rows must be filled. */
export function decodeSide(
  name: string,
  session: BatchSession,
  rows: number,
  before?: () => Promise<void>,
): Side {
  const temperatures = Array<number>(rows).fill(0);
  const steps = blockSteps(rows);
  return {
    name,
    before,
    block: async () => {
      let ids: readonly number[] = benchIds(session.config, rows, 99);
      for (let step = 0; step < steps; step++) {
        const lengths = Array<number>(rows).fill(pastTokens + step);
        const { topIds } = await session.decode({ ids, lengths, temperatures });
        ids = ids.map((_, row) => topIds(row)[0]);
      }
      return rows * steps;
    },
  };
}

/** Units are tokens: one prompt of pastTokens on row 0. */
export function prefillSide(name: string, session: BatchSession): Side {
  const ids = benchIds(session.config, pastTokens, 5);
  return {
    name,
    block: async () => {
      await session.prefill({ row: 0, start: 0, ids, temperature: 0, wanted: 'last' });
      return ids.length;
    },
  };
}

interface OwnSide {
  readonly side: Side;
  readonly session: BatchSession;
  readonly threads: number;
}

/** Opens an int8 session of the 135M shape for each thread count and keeps the one whose work is done faster. */
export async function ownFastest(
  bench: ServeBench,
  rowsMax: number,
  sideOf: (session: BatchSession, name: string) => Promise<Side>,
): Promise<OwnSide> {
  const opened: OwnSide[] = [];
  for (const threads of bench.threads) {
    const session = await bench.openSession('135M', { weights: 'int8', rowsMax, threads });
    opened.push({
      session,
      threads,
      side: await sideOf(session, `ours, ${threads} ${threads === 1 ? 'thread' : 'threads'}`),
    });
  }
  const best = await fastest(opened.map(({ side }) => side));
  for (const { side, session } of opened) if (side !== best) await session.release();
  return opened.find(({ side }) => side === best)!;
}

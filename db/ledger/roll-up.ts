/**
 * The roll-up: adds what waits in `entry_pending` to the stored balances of the accounts that many calls pay into at once. Used
 * regularly by whoever runs the marketplace; the verbs that take money out of such an account do it first by themselves.
 * Balances are exact without it (`accountNow`); it keeps reading them cheap. One at a time, kept by the database.
 */
import { sql } from 'kysely';
import type { Database } from '../database.ts';

/** @returns how many transfers were waiting */
export async function rollUp(db: Database): Promise<number> {
  const { rows } = await sql<{ count: bigint }>`select ledger_roll_up() as count`.execute(db);
  return Number(rows[0].count);
}

interface RegularRollUp {
  readonly everyMs?: number;
  /** Called with what went wrong. */
  readonly onFault: (fault: unknown) => void;
}

const EVERY_MS = 1000;

/** Rolls up every second (`everyMs`); a round that fails is reported, and what it should have done is done by the next. */
export function rollUpRegularly(
  db: Database,
  { everyMs = EVERY_MS, onFault }: RegularRollUp,
): { stop(): Promise<void> } {
  let round: Promise<void> | undefined;
  const timer = setInterval(() => {
    round ??= rollUp(db)
      .then(() => undefined, onFault)
      .finally(() => {
        round = undefined;
      });
  }, everyMs);
  return {
    async stop() {
      clearInterval(timer);
      await round;
    },
  };
}

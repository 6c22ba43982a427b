/**
 * Logs for tests: one that says nothing, and one that remembers what was said.
 */
import type { DatabaseLog } from '../../db/embedded.ts';

export const quietLog: DatabaseLog = { info: () => undefined, warn: () => undefined, error: () => undefined };

/** A log and the lines it was given, each with its facts as JSON. */
export function rememberingLog(): DatabaseLog & { readonly lines: string[] } {
  const lines: string[] = [];
  const write = (facts: object, message: string) => void lines.push(`${message} ${JSON.stringify(facts)}`);
  return { lines, info: write, warn: write, error: write };
}

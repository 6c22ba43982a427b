// Is there an order in which these requests, one after the other, answer what they answered together? Used by
// ledger-scenario.ts: requests that ran at once are right when they look like some order of themselves. Depth first, and a
// branch ends at the first answer that is not the one seen, so few of the orders are tried.
import { type Answer, apply, type LedgerState, type Operation } from './ledger-oracle.ts';

export interface Seen {
  readonly operation: Operation;
  /** Null where only its effect was seen: it was done, whatever it answered. */
  readonly answer: Answer | null;
}

/**
 * @param agrees whether a state after all of them is the one found
 * @returns the state after an order that explains everything; undefined = there is none
 */
export function linearise(
  state: LedgerState,
  seen: readonly Seen[],
  agrees: (state: LedgerState) => boolean,
): LedgerState | undefined {
  if (seen.length === 0) return agrees(state) ? state : undefined;
  for (const [index, { operation, answer }] of seen.entries()) {
    const next = apply(state, operation, String(answer?.holdId ?? ''));
    if (answer === null ? !next.answer.ok : !isSame(next.answer, answer)) continue;
    const rest = seen.filter((_, other) => other !== index);
    const found = linearise(next.state, rest, agrees);
    if (found !== undefined) return found;
  }
  return undefined;
}

function isSame(expected: Answer, actual: Answer): boolean {
  const fields = Object.keys(expected);
  return (
    fields.length === Object.keys(actual).length && fields.every((field) => expected[field] === actual[field])
  );
}

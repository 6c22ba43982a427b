// What a batch session refuses before it runs: inputs that would crash the kernels or silently give wrong rows. Used by
// the sessions of every device. All of them are bugs of the caller: requests are checked where they are admitted.
import type { DecodeInput, PrefillInput } from './batch-session.ts';

interface BatchLimits {
  readonly rowsMax: number;
  readonly contextTokens: number;
  readonly vocab: number;
}

export function checkPrefill({ row, start, ids }: PrefillInput, limits: BatchLimits): void {
  checkRow(row, limits);
  if (ids.length === 0) throw new Error('bug: a step needs at least one token'); // no rows: the kernel ends the process
  checkPlace(start, ids.length, limits);
  checkIds(ids, limits);
}

export function checkDecode({ ids, lengths, temperatures }: DecodeInput, limits: BatchLimits): void {
  if (ids.length === 0 || ids.length > limits.rowsMax)
    throw new Error(`bug: ${ids.length} rows in a step, 1 to ${limits.rowsMax} are possible`);
  if (lengths.length !== ids.length || temperatures.length !== ids.length)
    throw new Error(`bug: ${ids.length} ids, ${lengths.length} lengths, ${temperatures.length} temperatures`);
  for (const length of lengths) checkPlace(length, 1, limits);
  checkIds(ids, limits);
}

export function checkRow(row: number, { rowsMax }: BatchLimits): void {
  if (!Number.isInteger(row) || row < 0 || row >= rowsMax)
    throw new Error(`bug: row ${row} of a session of ${rowsMax}`);
}

export function checkTokens(row: number, tokens: number, limits: BatchLimits): void {
  checkRow(row, limits);
  checkPlace(0, tokens, limits);
}

/** A length past the buffer would be written outside it. */
function checkPlace(start: number, tokens: number, { contextTokens }: BatchLimits): void {
  if (Number.isInteger(start) && start >= 0 && Number.isInteger(tokens) && start + tokens <= contextTokens)
    return;
  throw new Error(`bug: ${start} + ${tokens} tokens exceed the context of ${contextTokens}`);
}

function checkIds(ids: readonly number[], { vocab }: BatchLimits): void {
  for (const id of ids) {
    if (!Number.isInteger(id) || id < 0 || id >= vocab)
      throw new Error(`bug: token id ${id} is outside the vocabulary of ${vocab}`);
  }
}

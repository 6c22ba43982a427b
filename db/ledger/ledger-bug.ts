/**
 * Assertions of the ledger: a broken one is a bug of the caller or of the ledger, never something the world may cause. They
 * are on in production and throw inside the transaction, which rolls it back.
 */

export class LedgerBug extends Error {
  override readonly name = 'LedgerBug';
  readonly code = 'ledger_bug';
  readonly retry = 'never';
}

/** Throws `LedgerBug` with the sentence unless the condition holds. */
export function assertLedger(condition: boolean, sentence: string): asserts condition {
  if (!condition) throw new LedgerBug(`ledger bug: ${sentence}`);
}

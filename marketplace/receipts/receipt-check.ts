// One check of a receipt and what came of it: the common word of all files that verify. Pure.

export interface ReceiptCheck {
  readonly what: string;
  readonly ok: boolean;
  /** What was found, and what was expected where it differs. */
  readonly detail: string;
}

export function check(what: string, found: string, expected: string): ReceiptCheck {
  const ok = found === expected;
  return { what, ok, detail: ok ? found : `found ${found}, expected ${expected}` };
}

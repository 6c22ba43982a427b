// How a receipt's number is written and read: "R-000042". Used by whoever shows or looks up receipts. Pure.

export function receiptNumber(number: number): string {
  return `R-${String(number).padStart(6, '0')}`;
}

/** Reads what people type ("R-000042", "r42", "42"); null when it is no receipt number. */
export function parseReceiptNumber(text: string): number | null {
  const match = /^\s*(?:r-?)?\s*#?0*(\d{1,9})\s*$/i.exec(text);
  return match === null ? null : Number(match[1]);
}

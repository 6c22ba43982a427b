/**
 * Money: a branded bigint of nano-OPEN (1e-9 OPEN; total supply 1e18 nano fits a signed 64-bit integer). Everything that
 * counts money uses it; nothing else parses, prints or prices amounts (splits: split.ts). No floats anywhere; every division
 * names its rounding.
 */

declare const nanoBrand: unique symbol;
/** An amount in nano-OPEN. */
export type Nano = bigint & { readonly [nanoBrand]: true };

const NANO_PER_OPEN = 1_000_000_000n;
const DECIMALS = 9;
/** Largest amount that the database's bigint holds. */
const NANO_MAX = 2n ** 63n - 1n;

/** Brands a bigint as an amount; throws a RangeError beyond ±(2^63 - 1). */
export function nano(value: bigint): Nano {
  if (value > NANO_MAX || value < -NANO_MAX) throw new RangeError(`${value} nano does not fit in 64 bits`);
  return value as Nano;
}

export const ZERO_NANO = nano(0n);

type ParsedOpen =
  | { readonly ok: true; readonly amountNano: Nano }
  | { readonly ok: false; readonly code: 'not_an_amount' }
  | { readonly ok: false; readonly code: 'too_many_decimals'; readonly decimalsMax: number }
  | { readonly ok: false; readonly code: 'too_large' };

/**
 * Reads an amount of OPEN as people write it: digits, one optional point, no sign, no separators, no exponent.
 * More than 9 decimals are refused, not rounded, even when they are zeros.
 * @example parseOpen('1.25') // { ok: true, amountNano: 1250000000n }
 */
export function parseOpen(text: string): ParsedOpen {
  const match = /^(\d{1,30})(?:\.(\d{1,60}))?$/.exec(text.trim());
  if (!match) return { ok: false, code: 'not_an_amount' };
  const [, whole, fraction = ''] = match;
  if (fraction.length > DECIMALS) return { ok: false, code: 'too_many_decimals', decimalsMax: DECIMALS };
  const value = BigInt(whole) * NANO_PER_OPEN + BigInt(fraction.padEnd(DECIMALS, '0'));
  if (value > NANO_MAX) return { ok: false, code: 'too_large' };
  return { ok: true, amountNano: nano(value) };
}

/** An amount written in the source or the configuration; throws when it is not one. @example openNano('0.002') */
export function openNano(text: string): Nano {
  const parsed = parseOpen(text);
  if (!parsed.ok) throw new RangeError(`"${text}" is not an amount of OPEN (${parsed.code})`);
  return parsed.amountNano;
}

/** Writes an amount exactly, without trailing zeros and without the unit. @example formatOpen(1250000000n) // '1.25' */
export function formatOpen(amount: Nano): string {
  const digits = (amount < 0n ? -amount : amount).toString().padStart(DECIMALS + 1, '0');
  const fraction = digits.slice(-DECIMALS).replace(/0+$/, '');
  return `${amount < 0n ? '-' : ''}${digits.slice(0, -DECIMALS)}${fraction && `.${fraction}`}`;
}

export function addNano(...amounts: readonly Nano[]): Nano {
  return nano(amounts.reduce<bigint>((sum, amount) => sum + amount, 0n));
}

export function subtractNano(from: Nano, amount: Nano): Nano {
  return nano(from - amount);
}

/**
 * rate × units / per, rounded up: the price of metered use (`per` = 1000n for a rate per 1,000 tokens).
 * @param units a non-negative count
 */
export function priceRoundedUp(rateNano: Nano, units: number, per: bigint): Nano {
  const product = rateNano * BigInt(units);
  return nano((product + per - 1n) / per);
}

// Amounts, counts and shares in words people read. Used by commands. Pure; knows no platform and no table.

const NANO_PER_OPEN = 1_000_000_000n;

/** "0.0125 OPEN" from nano-OPEN (1e-9 OPEN); exact, without needless zeros. */
export function openAmount(nano: bigint): string {
  const magnitude = nano < 0n ? -nano : nano;
  const whole = (magnitude / NANO_PER_OPEN).toString().replace(/\B(?=(\d{3})+$)/g, ',');
  const decimals = (magnitude % NANO_PER_OPEN).toString().padStart(9, '0').replace(/0+$/, '');
  return `${nano < 0n ? '−' : ''}${whole}${decimals === '' ? '' : `.${decimals}`} OPEN`;
}

/** "12.3 %" from 0..1. */
export const percent = (share: number): string => {
  const value = share * 100;
  return `${value !== 0 && Math.abs(value) < 0.1 ? '<0.1' : Number(value.toFixed(1))} %`;
};

/** "1 model", "2 models", "1,204 models". */
export const count = (n: number, one: string, many = `${one}s`): string =>
  `${n.toLocaleString('en')} ${n === 1 ? one : many}`;

/** "about 40 s", "about 3 min". */
export function duration(ms: number): string {
  const seconds = Math.max(1, Math.round(ms / 1000));
  return seconds < 100 ? `about ${seconds} s` : `about ${Math.round(seconds / 60)} min`;
}

/** "▰▰▰▱▱▱▱▱▱▱" for part of whole. */
export function progressBar(part: number, whole: number): string {
  const filled = whole <= 0 ? 0 : Math.max(0, Math.min(10, Math.floor((part / whole) * 10)));
  return '▰'.repeat(filled) + '▱'.repeat(10 - filled);
}

/** "7 Aug 2026, 14:03 UTC". */
export const dateTime = (at: Date): string =>
  `${at.toLocaleDateString('en-GB', { day: 'numeric', month: 'short', year: 'numeric', timeZone: 'UTC' })}, ${at.toISOString().slice(11, 16)} UTC`;

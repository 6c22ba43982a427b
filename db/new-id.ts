/**
 * Ids of rows: a prefix that tells what it is and 26 characters that sort by time (48 bits of milliseconds, 80 random
 * bits, Crockford base32, as ULID does). Used by repositories and the ledger; callers treat ids as opaque text.
 */
import { randomBytes } from 'node:crypto';

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';

/** A new unique id, e.g. `newId('call')` → `call_01jd3k...`; ids made later sort later (to the millisecond). */
export function newId(prefix: string): string {
  const random = BigInt(`0x${randomBytes(10).toString('hex')}`);
  let bits = (BigInt(Date.now()) << 80n) | random;
  let text = '';
  for (let i = 0; i < 26; i++) {
    text = ALPHABET[Number(bits & 31n)] + text;
    bits >>= 5n;
  }
  return `${prefix}_${text}`;
}

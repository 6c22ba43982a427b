// JSON with one spelling only (RFC 8785): keys sorted by UTF-16 code units, no spaces, numbers and strings as ECMAScript
// prints them, so that equal data has equal bytes and equal hashes. Used by receipts and content hashes. Amounts travel as
// decimal strings, never numbers. It knows nothing of what it spells.

export type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue };

/**
 * The canonical text of `value`. Keys whose value is undefined are left out, as JSON.stringify does.
 * @throws TypeError for what RFC 8785 cannot hold: bigint, NaN, infinities, functions, strings with a lone surrogate.
 */
export function canonicalJson(value: JsonValue): string {
  if (typeof value === 'string') return spelled(value);
  if (typeof value === 'number' && !Number.isFinite(value)) throw new TypeError(`${value} is not JSON`);
  // JSON.stringify prints numbers by ECMAScript's Number::toString, which the RFC asks for; -0 becomes 0.
  if (value === null || typeof value === 'boolean' || typeof value === 'number') return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item)).join(',')}]`;
  if (typeof value !== 'object') throw new TypeError(`a ${typeof value} is not JSON`);
  const object = value as { readonly [key: string]: JsonValue | undefined };
  const members: string[] = [];
  // Array.sort without a comparator orders by UTF-16 code units, as the RFC asks.
  for (const key of Object.keys(object).sort()) {
    const member = object[key];
    if (member !== undefined) members.push(`${spelled(key)}:${canonicalJson(member)}`);
  }
  return `{${members.join(',')}}`;
}

function spelled(text: string): string {
  if (!text.isWellFormed()) throw new TypeError('a string with a lone surrogate has no canonical spelling');
  return JSON.stringify(text);
}
